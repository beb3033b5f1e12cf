"""Means of item vectors: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class HistoryMeanOptions(Frozen):
    """Shape of a model of the mean of a history."""

    embedding: int = Field(default=16, ge=1, le=1024, description="dimensions of an item's vectors")
    buckets: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="rows of the smaller of two tables whose product stands for the history's; 0: one whole table",
    )
    dropout: float = Field(default=0.1, ge=0, lt=1, description="share of a person's dimensions dropped in training")


FAMILY = Family(
    name="history_mean",
    title="History mean",
    modality="interactions",
    problems=("ranking",),
    options=HistoryMeanOptions,
    quantization="dynamic",
    presets=(
        *(
            Preset(
                name=f"history-mean-{width}",
                title=f"History mean {width}",
                summary=f"The mean of a history's item vectors of {width} dimensions, against those of all items.",
                options={"embedding": width},
                offered=("student",),
            )
            for width in (16, 8, 32)
        ),
        Preset(
            name="history-mean-16-hashed",
            title="History mean 16 hashed",
            summary="The same with 64 buckets: two small tables in place of the history's large one.",
            options={"embedding": 16, "buckets": 64},
            offered=("student",),
        ),
    ),
)
