"""Facts of a toy model."""

from pydantic import Field

from kdui.core.contracts import Family, Preset
from kdui.core.plain import Frozen


class Options(Frozen):
    """How wide it is."""

    width: int = Field(default=16, ge=1, le=256, description="channels")


FAMILY = Family(
    name="convolved",
    title="Convolved",
    modality="wave",
    problems=("steps",),
    options=Options,
    quantization="dynamic",
    presets=tuple(
        Preset(name=f"convolved-{width}", title=f"Convolved {width}", summary="Two convolutions.", options={"width": width})
        for width in (16, 2)
    ),
)
