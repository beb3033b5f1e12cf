"""Recurrent networks that transcribe recordings: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class CtcGruOptions(Frozen):
    """Shape of a recurrent network over log-mel frames."""

    width: int = Field(
        default=0, ge=0, le=256, description="channels of the first of three convolutions; 0: none, pairs of frames"
    )
    hidden: int = Field(default=64, ge=1, le=1024, description="units in each direction")
    layers: int = Field(default=2, ge=1, le=4, description="recurrent layers")
    two_way: bool = Field(default=False, description="also read backwards: not while somebody is still speaking")


FAMILY = Family(
    name="ctc_gru",
    title="GRU-CTC",
    modality="recording",
    problems=("ctc",),
    options=CtcGruOptions,
    quantization="static",
    presets=(
        Preset(
            name="cnn-bigru-ctc",
            title="CNN + BiGRU CTC",
            summary="Three convolutions of 32 to 64 channels over 40 log-mel bands, then 128 recurrent units in both directions.",
            options={"width": 32, "hidden": 128, "layers": 1, "two_way": True},
            offered=("teacher",),
        ),
        Preset(
            name="gru-ctc-64",
            title="GRU-CTC 64",
            summary="Two layers of 64 recurrent units over pairs of log-mel frames: 53,000 weights, reads forwards only.",
            offered=("student",),
        ),
        Preset(
            name="gru-ctc-32",
            title="GRU-CTC 32",
            summary="Two layers of 32 recurrent units over pairs of log-mel frames: 18,000 weights, reads forwards only.",
            options={"hidden": 32},
            offered=("student",),
        ),
    ),
)
