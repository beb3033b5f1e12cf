"""Residual networks for small images: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class ResnetOptions(Frozen):
    """Shape of a residual network."""

    width: int = Field(default=16, ge=1, le=512, description="channels of the first stage; each next stage has twice as many")
    stages: int = Field(default=3, ge=1, le=5, description="resolutions, halved from one stage to the next")
    blocks: int = Field(default=1, ge=1, le=18, description="basic blocks of two 3×3 convolutions in each stage")


FAMILY = Family(
    name="resnet",
    title="ResNet",
    modality="image",
    options=ResnetOptions,
    structured_pruning=True,
    quantization="static",
    shows=("maps",),
    depth="stages",
    presets=(
        Preset(
            name="resnet-tiny",
            title="ResNet tiny",
            summary="Two residual blocks of 4 and 8 channels, for 8×8 digits.",
            options={"width": 4, "stages": 2, "blocks": 1},
            tasks=("digits",),
        ),
        Preset(
            name="resnet-8-slim",
            title="ResNet-8 slim",
            summary="Three residual blocks of 8 to 32 channels.",
            options={"width": 8, "stages": 3, "blocks": 1},
        ),
        Preset(
            name="resnet-8",
            title="ResNet-8",
            summary="Three residual blocks of 16 to 64 channels.",
            options={"width": 16, "stages": 3, "blocks": 1},
        ),
        Preset(
            name="resnet-20",
            title="ResNet-20",
            options={"width": 16, "stages": 3, "blocks": 3},
            summary="Nine residual blocks of 16 to 64 channels, as in the CIFAR-10 experiments of the paper.",
        ),
        Preset(
            name="resnet-8-wide",
            title="ResNet-8 wide",
            summary="Three residual blocks of 64 to 256 channels.",
            options={"width": 64, "stages": 3, "blocks": 1},
        ),
    ),
)
