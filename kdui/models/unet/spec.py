"""U-Nets: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class UnetOptions(Frozen):
    """Shape of a U-Net."""

    width: int = Field(default=16, ge=1, le=256, description="channels of the first stage; each next stage has twice as many")
    stages: int = Field(default=4, ge=2, le=5, description="resolutions, halved from one stage to the next")
    separable: bool = Field(default=False, description="depthwise-separable in place of full 3×3 convolutions")
    stride: int = Field(default=2, ge=1, le=2, description="2: the first stage has half the image's size; logits are enlarged")


FAMILY = Family(
    name="unet",
    title="U-Net",
    modality="image",
    problems=("segmentation",),
    options=UnetOptions,
    structured_pruning=True,
    quantization="static",
    shows=("maps",),
    depth="stages",
    presets=(
        Preset(
            name="unet",
            title="U-Net",
            summary="Four resolutions, 16 to 128 channels, half the image's size in the first.",
            options={"width": 16, "stages": 4},
            offered=("teacher",),
        ),
        Preset(
            name="unet-wide",
            title="U-Net wide",
            summary="Five resolutions, 24 to 384 channels, the image's own size in the first: for a GPU, or much time.",
            options={"width": 24, "stages": 5, "stride": 1},
            offered=("teacher",),
        ),
        Preset(
            name="unet-depthwise",
            title="Depthwise U-Net",
            summary="Four resolutions, 8 to 64 channels, depthwise-separable convolutions.",
            options={"width": 8, "stages": 4, "separable": True},
            offered=("student",),
        ),
        Preset(
            name="unet-depthwise-slim",
            title="Depthwise U-Net slim",
            summary="Three resolutions, 8 to 32 channels, depthwise-separable convolutions.",
            options={"width": 8, "stages": 3, "separable": True},
            offered=("student",),
        ),
        Preset(
            name="unet-slim",
            title="U-Net slim",
            summary="Three resolutions, 8 to 32 channels.",
            options={"width": 8, "stages": 3},
            offered=("student",),
        ),
    ),
)
