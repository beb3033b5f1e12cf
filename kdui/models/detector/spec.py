"""Detectors: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class DetectorOptions(Frozen):
    """Shape of a detector."""

    width: int = Field(default=16, ge=1, le=256, description="channels of the stem; each stage doubles them")
    stages: int = Field(default=4, ge=3, le=6, description="resolutions, the first at half the image's size")
    depth: int = Field(default=2, ge=1, le=6, description="3×3 convolutions in each stage")
    separable: bool = Field(default=False, description="depthwise-separable in place of full 3×3 convolutions")


FAMILY = Family(
    name="detector",
    title="Detector",
    modality="image",
    problems=("detection",),
    options=DetectorOptions,
    structured_pruning=True,
    quantization="static",
    shows=("maps",),
    depth="stages",
    presets=(
        Preset(
            name="detector",
            title="Detector",
            summary="Anchor-free, cells of 8×8 pixels; four resolutions, 16 to 128 channels.",
            offered=("teacher",),
        ),
        Preset(
            name="detector-wide",
            title="Detector wide",
            summary="Four resolutions, 32 to 256 channels, three convolutions each: for a GPU, or much time.",
            options={"width": 32, "depth": 3},
            offered=("teacher",),
        ),
        Preset(
            name="detector-depthwise",
            title="Depthwise detector",
            summary="Four resolutions, 8 to 64 channels, depthwise-separable convolutions.",
            options={"width": 8, "separable": True},
            offered=("student",),
        ),
        Preset(
            name="detector-depthwise-wide",
            title="Depthwise detector wide",
            summary="Four resolutions, 16 to 128 channels, depthwise-separable convolutions.",
            options={"width": 16, "separable": True},
            offered=("student",),
        ),
        Preset(
            name="detector-slim",
            title="Detector slim",
            summary="Four resolutions, 4 to 32 channels, one full convolution each.",
            options={"width": 4, "depth": 1},
            offered=("student",),
        ),
    ),
)
