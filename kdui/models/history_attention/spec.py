"""Self-attention over histories: facts."""

from pydantic import Field, model_validator

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class HistoryAttentionOptions(Frozen):
    """Shape of a model with self-attention over a history."""

    width: int = Field(default=64, ge=2, le=1024, description="dimensions of an item's vectors and of the layers")
    layers: int = Field(default=2, ge=1, le=12, description="blocks of attention and feed-forward layer")
    heads: int = Field(default=2, ge=1, le=16, description="attention heads; they share the width")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="share of values dropped in training")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "HistoryAttentionOptions":
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads cannot share {self.width} dimensions: choose a multiple")
        return self


FAMILY = Family(
    name="history_attention",
    title="History attention",
    modality="interactions",
    problems=("ranking",),
    options=HistoryAttentionOptions,
    quantization="dynamic",
    presets=(
        Preset(
            name="history-attention-64",
            title="History attention 64",
            summary="Two blocks of self-attention over the latest 50 items, in the manner of SASRec.",
            offered=("teacher",),
        ),
        Preset(
            name="history-attention-128",
            title="History attention 128",
            summary="The same, twice as wide.",
            options={"width": 128},
            offered=("teacher",),
        ),
    ),
)
