"""Structured pruning: what is estimated before a run."""

from collections.abc import Mapping
from typing import Any

from kdui.core.counts import Counts


def counted(counts: Counts, settings: Mapping[str, Any]) -> Counts:
    """Parameters and MACs that are left, by formula.

    Channels removed at share s leave about (1 − s)², because both sides of a layer shrink. In a transformer a third of a layer's
    weights belongs to the heads and two thirds to the feed-forward part; all are used once a token, so the rest of the
    parameters are embeddings, which only a narrower width shrinks.
    """
    parameters, macs = _left(counts, settings)
    return counts.model_copy(update={"parameters": parameters, "macs": macs, "exact": False})


def _left(counts: Counts, settings: Mapping[str, Any]) -> tuple[float, float]:
    parameters, macs = counts.parameters, counts.macs
    if settings["target"] != "share":
        return parameters * settings["keep"], macs * settings["keep"]
    if not counts.length:
        left = (1 - settings["share"]) ** 2
        return parameters * left, macs * left
    body = min(parameters, macs / counts.length)
    width = 1 - settings["hidden"]
    left = (1 - settings["layers"]) * width * ((1 - settings["heads"]) / 3 + 2 * (1 - settings["feed_forward"]) / 3)
    return (parameters - body) * width + body * left, macs * left
