"""Depthwise-separable networks that transcribe recordings: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class CtcDsCnnOptions(Frozen):
    """Shape of a depthwise-separable network over log-mel frames."""

    width: int = Field(default=64, ge=1, le=512, description="channels of every layer")
    depth: int = Field(default=4, ge=2, le=12, description="separable convolutions over bands and time")
    along: int = Field(default=3, ge=0, le=12, description="separable convolutions of nine frames over time alone")


FAMILY = Family(
    name="ctc_ds_cnn",
    title="DS-CNN-CTC",
    modality="recording",
    problems=("ctc",),
    options=CtcDsCnnOptions,
    structured_pruning=True,
    quantization="static",
    depth="depth",
    presets=(
        Preset(
            name="ds-cnn-ctc",
            title="DS-CNN-CTC",
            summary="Four separable convolutions over bands and time and three over time, of 64 channels: 37,000 weights; sees "
            "0.7 s to both sides.",
            offered=("student",),
        ),
        Preset(
            name="ds-cnn-ctc-slim",
            title="DS-CNN-CTC slim",
            summary="The same with 32 channels: 11,000 weights.",
            options={"width": 32},
            offered=("student",),
        ),
    ),
)
