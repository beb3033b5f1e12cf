"""Depthwise-separable convolutional networks: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class DepthwiseOptions(Frozen):
    """Shape of a depthwise-separable network."""

    width: int = Field(default=16, ge=1, le=512, description="channels of the stem; each stage doubles them")
    stages: int = Field(default=3, ge=1, le=5, description="resolutions, halved from one stage to the next")
    depth: int = Field(default=2, ge=1, le=8, description="separable convolutions in each stage")


FAMILY = Family(
    name="depthwise",
    title="Depthwise CNN",
    modality="image",
    options=DepthwiseOptions,
    structured_pruning=True,
    quantization="static",
    shows=("maps",),
    depth="stages",
    presets=(
        Preset(
            name="depthwise-tiny",
            title="Depthwise CNN tiny",
            tasks=("digits",),
            options={"width": 8, "stages": 2, "depth": 1},
            summary="Two separable convolutions, 8 to 32 channels, for 8×8 digits.",
        ),
        Preset(
            name="depthwise-slim",
            title="Depthwise CNN slim",
            summary="Six separable convolutions, 8 to 64 channels.",
            options={"width": 8, "stages": 3, "depth": 2},
        ),
        Preset(
            name="depthwise",
            title="Depthwise CNN",
            summary="Six separable convolutions, 16 to 128 channels.",
            options={"width": 16, "stages": 3, "depth": 2},
        ),
    ),
)
