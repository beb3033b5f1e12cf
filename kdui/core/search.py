"""A search under a budget: what is varied, what a model may cost, and when it is enough."""

from typing import Literal

from pydantic import Field

from kdui.core.plain import Frozen

MOST_TRIALS = 500


class SearchSpec(Frozen):
    """Settings of a search beside its recipe and its axes."""

    aim: Literal["best", "front"] = Field(
        default="best", description="best headline within the limits, or the front of headline, size and latency"
    )
    download_mb: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False, description="download at most, MB")
    latency_ms: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False, description="p50 latency at most, ms")
    minutes: float = Field(default=30.0, gt=0, le=100_000, allow_inf_nan=False, description="in which it is looked after")
    most_trials: int = Field(default=200, ge=1, le=MOST_TRIALS)
    patience: int = Field(default=15, ge=3, le=MOST_TRIALS, description="trials without progress after which it is enough")
    sampler: Literal["tpe", "random"] = Field(default="tpe", description="random: to compare with")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    device_profile: str = Field(
        default="",
        max_length=200,
        description="device whose latency counts, predicted from its profile of this name; empty: as measured by the recipe",
    )
