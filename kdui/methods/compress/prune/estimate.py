"""Pruning of single weights: what is estimated before a run."""

from collections.abc import Mapping
from typing import Any

from kdui.core.counts import Counts
from kdui.core.recipe import Recipe
from kdui.core.words import percent
from kdui.methods.compress.prune.spec import HALVED
from kdui.methods.compress.prune_structured.spec import METHOD as STRUCTURED

LOSSY = 0.9  # share of zeros from which recovery rarely brings accuracy back


def counted(counts: Counts, settings: Mapping[str, Any]) -> Counts:
    """Zeros, each of which costs its place in the file."""
    return counts.without(_share(settings))


def warnings(settings: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """That zeros save size alone, and when they are too many."""
    sentences = []
    if settings["sparsity"] > 0:
        sentences.append(
            f"{percent(_share(settings))} unstructured sparsity reduces file size, not latency on this CPU. "
            f"For speed turn on “{STRUCTURED.title}”."
        )
    if settings["sparsity"] >= LOSSY:
        sentences.append("At 90 % and more, most models lose accuracy that fine-tuning does not restore.")
    return sentences


def _share(settings: Mapping[str, Any]) -> float:
    return 0.5 if settings["kind"] in HALVED else float(settings["sparsity"])
