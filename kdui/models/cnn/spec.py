"""Plain convolutional networks: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class CnnOptions(Frozen):
    """Shape of a plain convolutional network."""

    width: int = Field(default=16, ge=1, le=512, description="channels of the first stage; each next stage has twice as many")
    stages: int = Field(default=3, ge=1, le=5, description="resolutions, halved from one stage to the next")
    depth: int = Field(default=2, ge=1, le=8, description="3×3 convolutions in each stage")


FAMILY = Family(
    name="cnn",
    title="CNN",
    modality="image",
    options=CnnOptions,
    structured_pruning=True,
    quantization="static",
    shows=("maps",),
    depth="stages",
    presets=(
        Preset(
            name="cnn-tiny",
            title="CNN tiny",
            summary="Two 3×3 convolutions of 4 and 8 channels, for 8×8 digits.",
            options={"width": 4, "stages": 2, "depth": 1},
            tasks=("digits",),
        ),
        Preset(
            name="cnn-small",
            title="CNN small",
            summary="Two 3×3 convolutions of 8 and 16 channels, for 8×8 digits.",
            options={"width": 8, "stages": 2, "depth": 1},
            tasks=("digits",),
        ),
        Preset(
            name="cnn-medium",
            title="CNN medium",
            summary="Six 3×3 convolutions of 16 to 64 channels.",
            options={"width": 16, "stages": 3, "depth": 2},
        ),
        Preset(
            name="cnn-large",
            title="CNN large",
            options={"width": 24, "stages": 4, "depth": 2},
            summary="Eight 3×3 convolutions of 24 to 192 channels: a teacher that a laptop trains in minutes.",
        ),
        Preset(
            name="cnn-xlarge",
            title="CNN extra large",
            options={"width": 64, "stages": 3, "depth": 2},
            summary="Six 3×3 convolutions of 64 to 256 channels: five times the work of CNN large.",
        ),
    ),
)
