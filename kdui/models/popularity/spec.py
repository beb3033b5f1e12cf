"""The most popular items: facts."""

from kdui.core.contracts import Family, Preset

FAMILY = Family(
    name="popularity",
    title="Popularity",
    modality="interactions",
    problems=("ranking",),
    quantization="dynamic",
    at_once=True,
    presets=(
        Preset(
            name="popularity",
            title="Popularity",
            summary="The same items for everybody, the most popular first, without those of the history.",
        ),
    ),
)
