"""Gated recurrent networks over log-mel frames: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class AudioGruOptions(Frozen):
    """Shape of a recurrent network of sounds."""

    hidden: int = Field(default=56, ge=1, le=1024, description="units")


FAMILY = Family(
    name="audio_gru",
    title="GRU",
    modality="audio",
    options=AudioGruOptions,
    quantization="static",
    presets=(
        Preset(
            name="gru-56",
            title="GRU-56",
            summary="56 gated recurrent units over 40 log-mel bands a frame, their mean over time: 17,000 weights.",
            offered=("student",),
        ),
    ),
)
