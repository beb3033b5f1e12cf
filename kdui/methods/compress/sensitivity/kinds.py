"""The kinds of change in a sensitivity.json, and how a chart writes each."""

from collections.abc import Callable
from typing import NamedTuple

from kdui.core.numbers import significant


class Kind(NamedTuple):
    """One kind of change of a layer, at several strengths."""

    title: str
    axis: str
    strength: Callable[[float], str]  # as it stands on the axis
    phrase: str  # in a sentence, after the strength


def _share(strength: float) -> str:
    return f"{significant(100 * strength)} %"


KINDS = {
    "prune": Kind("Weights removed", "weights removed, % of the layer", _share, "of its weights removed"),
    "quantize": Kind("Weight bits", "bit-width, bits", significant, "bits"),
    "low_rank": Kind("Rank kept", "rank kept, % of full", _share, "of its rank"),
}
