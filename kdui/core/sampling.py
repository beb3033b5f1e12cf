"""How the next token is chosen when a model generates text."""

from typing import Annotated

from pydantic import Field

from kdui.core.plain import Frozen


class Sampling(Frozen):
    """Temperature and nucleus sampling (Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration")."""

    temperature: float = Field(default=0.0, ge=0, le=10, description="0: always the most probable token")
    top_p: float = Field(default=1.0, gt=0, le=1, description="only the fewest tokens that together are this probable")
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    stop: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(
        default=(), max_length=4, description="texts before which the answer ends"
    )
    limit: int = Field(default=256, ge=1, le=4096, description="tokens that are generated at most")
