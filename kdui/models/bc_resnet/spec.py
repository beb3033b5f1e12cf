"""Networks with broadcasted residuals: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class BcResnetOptions(Frozen):
    """Shape of a network with broadcasted residuals."""

    width: int = Field(default=8, ge=2, le=128, description="channels of the first stage, τ · 8 in the paper")


FAMILY = Family(
    name="bc_resnet",
    title="BC-ResNet",
    modality="audio",
    options=BcResnetOptions,
    quantization="static",
    shows=("maps",),
    presets=(
        Preset(
            name="bc-resnet-1",
            title="BC-ResNet-1",
            summary="Twelve blocks that convolve along frequency in two dimensions and along time in one: 8 to 20 channels.",
            offered=("student",),
        ),
    ),
)
