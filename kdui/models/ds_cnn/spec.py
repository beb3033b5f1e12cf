"""Depthwise-separable networks for keywords: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class DsCnnOptions(Frozen):
    """Shape of a depthwise-separable network of sounds."""

    width: int = Field(default=56, ge=1, le=512, description="channels of every layer")
    depth: int = Field(default=4, ge=1, le=12, description="separable convolutions")


FAMILY = Family(
    name="ds_cnn",
    title="DS-CNN",
    modality="audio",
    options=DsCnnOptions,
    structured_pruning=True,
    quantization="static",
    shows=("maps",),
    depth="depth",
    presets=(
        Preset(
            name="ds-cnn",
            title="DS-CNN",
            summary="Four separable convolutions of 56 channels: 18,000 weights.",
            offered=("student",),
        ),
        Preset(
            name="ds-cnn-slim",
            title="DS-CNN slim",
            summary="Four separable convolutions of 32 channels: 7,000 weights.",
            options={"width": 32},
            offered=("student",),
        ),
    ),
)
