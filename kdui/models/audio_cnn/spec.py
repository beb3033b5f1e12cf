"""Convolutional networks over log-mel features: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class AudioCnnOptions(Frozen):
    """Shape of a convolutional network of sounds."""

    width: int = Field(default=32, ge=1, le=512, description="channels of the first stage; each next stage has twice as many")
    stages: int = Field(default=3, ge=1, le=4, description="resolutions, halved from one stage to the next")
    depth: int = Field(default=2, ge=1, le=8, description="3×3 convolutions in each stage")


FAMILY = Family(
    name="audio_cnn",
    title="Audio CNN",
    modality="audio",
    options=AudioCnnOptions,
    structured_pruning=True,
    quantization="static",
    shows=("maps",),
    depth="stages",
    presets=(
        Preset(
            name="audio-cnn",
            title="Audio CNN",
            summary="A 5×5 stem and six 3×3 convolutions of 32 to 128 channels over 40 log-mel bands.",
            offered=("teacher",),
        ),
        Preset(
            name="audio-cnn-wide",
            title="Audio CNN wide",
            summary="A 5×5 stem and six 3×3 convolutions of 64 to 256 channels: four times the weights.",
            options={"width": 64},
            offered=("teacher",),
        ),
        Preset(
            name="audio-cnn-small",
            title="Audio CNN small",
            summary="A 5×5 stem and six 3×3 convolutions of 16 to 64 channels.",
            options={"width": 16},
            offered=("student",),
        ),
        Preset(
            name="audio-cnn-slim",
            title="Audio CNN slim",
            summary="A 5×5 stem and three 3×3 convolutions of 8 to 32 channels: fewer than 10,000 weights.",
            options={"width": 8, "depth": 1},
            offered=("student",),
        ),
    ),
)
