"""The knobs of methods in which a model continues the beginnings of training texts."""

from typing import Annotated, Any

from pydantic import Field

from kdui.core.knobs.training import ADVANCED
from kdui.core.plain import Frozen

NewTokens = Annotated[
    int,
    Field(
        ge=1,
        le=1024,
        title="Tokens to write",
        description="At most so many for each text, and no more than the training text had.",
        json_schema_extra=ADVANCED,
    ),
]


class WritingKnobs(Frozen):
    """How texts are continued."""

    prompt: float = Field(
        default=0.25,
        ge=0,
        le=0.9,
        title="Prompt",
        description="Share of a training text that is given; the model writes what follows.",
        json_schema_extra={"advanced": True, "step": 0.05, "percent": True, "needs": "continuations"},
    )
    new_tokens: NewTokens = 64
    sampling_temperature: float = Field(
        default=1.0,
        ge=0,
        le=2,
        title="Sampling temperature",
        description="Divides the writer's logits before a token is drawn; 0: the most probable one (usual to translate).",
        json_schema_extra={"advanced": True, "step": 0.1},
    )
    top_p: float = Field(
        default=1.0,
        gt=0,
        le=1,
        title="Top-p",
        description="Draw from the most probable tokens that together have this probability; 1 draws from all.",
        json_schema_extra={"advanced": True, "step": 0.05},
    )

    def writing(self) -> dict[str, Any]:
        """The knobs of this class alone."""
        return {name: getattr(self, name) for name in WritingKnobs.model_fields}
