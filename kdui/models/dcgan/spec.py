"""Generators in the manner of DCGAN: facts."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class DcganOptions(Frozen):
    """Shape of a generator."""

    width: int = Field(
        default=16, ge=1, le=256, description="channels at the picture's own size; twice as many at each half of it"
    )
    separable: bool = Field(default=False, description="depthwise-separable in place of full 3×3 convolutions")


FAMILY = Family(
    name="dcgan",
    title="DCGAN",
    modality="noise",
    problems=("generation",),
    options=DcganOptions,
    quantization="static",
    shows=("maps",),
    presets=(
        Preset(
            name="dcgan",
            title="DCGAN",
            summary="Three resolutions, 64 to 16 channels.",
            options={"width": 16},
            offered=("teacher",),
        ),
        Preset(
            name="dcgan-wide",
            title="DCGAN wide",
            summary="Three resolutions, 128 to 32 channels: for a GPU, or much time.",
            options={"width": 32},
            offered=("teacher",),
        ),
        Preset(
            name="dcgan-slim",
            title="DCGAN slim",
            summary="Three resolutions, 24 to 6 channels.",
            options={"width": 6},
            offered=("student",),
        ),
        Preset(
            name="dcgan-tiny",
            title="DCGAN tiny",
            summary="Three resolutions, 12 to 3 channels.",
            options={"width": 3},
            offered=("student",),
        ),
        Preset(
            name="dcgan-depthwise",
            title="Depthwise DCGAN",
            summary="Three resolutions, 32 to 8 channels, depthwise-separable convolutions.",
            options={"width": 8, "separable": True},
            offered=("student",),
        ),
    ),
)
