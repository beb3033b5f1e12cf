"""The additive prediction: what a change of the whole model costs is taken to be the sum of what it costs layer by layer.

Works on the plain content of sensitivity.json. assets/modules/additive.js does the same sums in the browser.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from kdui.core.metric import Metric
from kdui.methods.compress.sensitivity.changes import FLOAT_BITS, Change, layer_bytes, pays

# Method -> where its strength changes nothing.
IDENTITY = {"prune": 0.0, "quantize": float(FLOAT_BITS), "low_rank": 1.0}
MILD = 10.0  # points or percent: up to here a prediction is of use


def strength_of(change: Change, method: str) -> float:
    """The change's strength in one method's own terms."""
    return {"prune": change.sparsity, "quantize": float(change.bits), "low_rank": change.rank}[method]


def interpolated(strengths: Sequence[float], values: Sequence[float], strength: float, identity: float) -> float:
    """Linear between the measured strengths and the identity, where the value is zero; constant beyond the strongest."""
    points = sorted({**dict(zip(strengths, values, strict=True)), identity: 0.0}.items())
    if strength <= points[0][0]:
        return points[0][1]
    for (low, below), (high, above) in itertools.pairwise(points):
        if strength <= high:
            return below + (above - below) * (strength - low) / (high - low)
    return points[-1][1]


def predicted(sensitivity: dict[str, Any], change: Change) -> dict[str, float]:
    """Drop in the headline's unit, KL in nats, the headline itself and the packed bytes of a change of all layers."""
    sums = {"drop": 0.0, "kl": 0.0}
    for method, measured in sensitivity["methods"].items():
        strength = strength_of(change, method)
        if strength == IDENTITY[method]:
            continue
        for place, layer in enumerate(sensitivity["layers"]):
            if method == "low_rank" and not pays(layer["rows"], layer["columns"], change.rank):
                continue
            for quantity in sums:
                sums[quantity] += interpolated(measured["strengths"], measured[quantity][place], strength, IDENTITY[method])
    base, metric = sensitivity["base"], Metric.model_validate(sensitivity["metric"])
    headline = metric.lowered(base["headline"], sums["drop"])
    low, high = sensitivity["bounds"]
    headline = min(max(headline, low), high)
    size = sensitivity["rest_bytes"] + sum(
        layer_bytes(layer["rows"], layer["columns"], change) for layer in sensitivity["layers"]
    )
    return {"drop": metric.gain(base["headline"], headline), "kl": sums["kl"], "headline": headline, "bytes": size}


def band_of(sensitivity: dict[str, Any], guess: dict[str, float]) -> str:
    """How far a prediction may be trusted: ``mild`` up to MILD lost, ``floor`` where nothing is left by it, else ``steep``."""
    low, high = sensitivity["bounds"]
    if guess["headline"] == (low if Metric.model_validate(sensitivity["metric"]).higher_is_better else high):
        return "floor"
    return "mild" if guess["drop"] <= mild(sensitivity) else "steep"


def mild(sensitivity: dict[str, Any]) -> float:
    """Up to which loss a prediction is of use: points for percentages, else that share of the headline."""
    return MILD if sensitivity["metric"]["unit"] == "%" else MILD / 100 * abs(sensitivity["base"]["headline"])


def prediction_error(sensitivity: dict[str, Any], joint: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean absolute error over the changes that were also measured jointly, over all of them and by band."""
    rows = [(row["measured"], predicted(sensitivity, Change(**row["change"]))) for row in joint]
    bands: dict[str, list[tuple[dict[str, float], dict[str, float]]]] = {"mild": [], "steep": [], "floor": []}
    for measured, guess in rows:
        bands[band_of(sensitivity, guess)].append((measured, guess))
    return {**_mean(rows), "mild_up_to": mild(sensitivity), "bands": {name: _mean(each) for name, each in bands.items()}}


def _mean(rows: Sequence[tuple[dict[str, float], dict[str, float]]]) -> dict[str, Any]:
    count = len(rows)
    return {"count": count} | {
        name: sum(abs(measured[name] - guess[name]) for measured, guess in rows) / count if count else None
        for name in ("drop", "kl")
    }
