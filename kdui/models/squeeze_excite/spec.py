"""Residual networks with squeeze and excitation: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class SqueezeExciteOptions(Frozen):
    """Shape of a residual network whose blocks weigh their channels."""

    width: int = Field(default=16, ge=1, le=512, description="channels of the first stage; each next stage has twice as many")
    stages: int = Field(default=3, ge=1, le=5, description="resolutions, halved from one stage to the next")
    blocks: int = Field(default=1, ge=1, le=18, description="basic blocks of two 3×3 convolutions in each stage")
    reduction: int = Field(default=4, ge=1, le=64, description="channels divided by this are the hidden units of a gate")


FAMILY = Family(
    name="squeeze-excite",
    title="SE-ResNet",
    modality="image",
    options=SqueezeExciteOptions,
    structured_pruning=True,
    quantization="static",
    shows=("maps",),
    depth="stages",
    presets=(
        Preset(
            name="squeeze-excite-tiny",
            title="SE-ResNet tiny",
            tasks=("digits",),
            options={"width": 4, "stages": 2, "blocks": 1},
            summary="Two gated residual blocks of 4 and 8 channels, for 8×8 digits.",
        ),
        Preset(
            name="squeeze-excite-slim",
            title="SE-ResNet-8 slim",
            summary="Three gated residual blocks of 8 to 32 channels.",
            options={"width": 8, "stages": 3, "blocks": 1},
        ),
        Preset(
            name="squeeze-excite",
            title="SE-ResNet-8",
            summary="Three gated residual blocks of 16 to 64 channels.",
            options={"width": 16, "stages": 3, "blocks": 1},
        ),
    ),
)
