"""Training at low bits: what is estimated before a run."""

from collections.abc import Mapping
from typing import Any

from kdui.core.counts import Counts
from kdui.core.knobs.low_bits import kernel_warnings
from kdui.core.recipe import Recipe


def counted(counts: Counts, settings: Mapping[str, Any]) -> Counts:
    """Weights keep as many bits as they were trained at."""
    return counts.rounded_to(settings["weight_bits"])


def warnings(settings: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """That no kernel computes in so few bits."""
    return kernel_warnings(settings["weight_bits"])
