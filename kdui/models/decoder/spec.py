"""A small decoder with initial random weights: facts."""

from pydantic import Field, ValidationInfo, field_validator

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen
from kdui.models.minilm.spec import MINILM


class DecoderOptions(Frozen):
    """Depth and width of the transformer."""

    layers: int = Field(default=4, ge=1, le=24, description="transformer layers")
    width: int = Field(default=256, ge=8, le=2048, description="width of a token's state; must be a multiple of the heads")
    heads: int = Field(default=4, ge=1, le=32, description="attention heads in each layer, of an even share of the width each")

    @field_validator("heads")
    @classmethod
    def _whole_heads(cls, heads: int, info: ValidationInfo) -> int:
        if info.data.get("width", 2 * heads) % (2 * heads):  # rotary positions turn the entries of a head in pairs
            raise ValueError(f"twice the heads do not divide the width {info.data['width']}")
        return heads


FAMILY = Family(
    name="decoder",
    title="Decoder",
    modality="text",
    options=DecoderOptions,
    quantization="dynamic",
    shows=("tokens",),
    depth="layers",
    language_model=True,
    offers=("text-embeddings",),
    presets=(
        Preset(
            name="decoder-4",
            title="Decoder-4",
            summary="Four layers of width 256 that read from left to right; randomly initialized: let 'pretrain' teach it words.",
            licence="its words are MiniLM's, Apache-2.0",
            resource=MINILM,
        ),
    ),
)
