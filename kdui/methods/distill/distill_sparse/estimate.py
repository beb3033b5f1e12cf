"""Distilling while compressing: what is estimated before a run."""

from collections.abc import Mapping
from typing import Any

from kdui.core.counts import FLOAT_BITS, Counts
from kdui.core.knobs.low_bits import kernel_warnings
from kdui.core.recipe import Recipe


def counted(counts: Counts, settings: Mapping[str, Any]) -> Counts:
    """Zeros, and where requested few bits."""
    return counts.without(settings["sparsity"]).rounded_to(settings["weight_bits"] or FLOAT_BITS)


def warnings(settings: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """That no kernel computes in so few bits."""
    return kernel_warnings(settings["weight_bits"])
