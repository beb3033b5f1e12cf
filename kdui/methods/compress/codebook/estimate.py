"""Codebook: what is estimated before a run."""

from collections.abc import Mapping
from typing import Any

from kdui.core.counts import Counts


def counted(counts: Counts, settings: Mapping[str, Any]) -> Counts:
    """An index a weight; the codebook itself is a few values a layer."""
    return counts.rounded_to(settings["bits"])
