"""Low rank: what is estimated before a run."""

from collections.abc import Mapping
from typing import Any

from kdui.core.counts import Counts
from kdui.core.recipe import Recipe


def counted(counts: Counts, settings: Mapping[str, Any]) -> Counts:
    """A budget of parameters is exact; what another choice of rank leaves depends on the singular values."""
    kept = settings["budget"] if settings["rank_by"] == "budget" else 1.0
    return counts.model_copy(update={"parameters": counts.parameters * kept, "exact": False})


def warnings(settings: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """States what the estimate leaves out."""
    return ["The saving depends on the singular values, known after training; only a parameter budget is estimated."]
