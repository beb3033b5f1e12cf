"""The whole measurement, one small piece at a time: every layer on its own, then all of them together."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kdui.core.metric import Metric
from kdui.methods.compress.sensitivity.additive import predicted, prediction_error
from kdui.methods.compress.sensitivity.changes import Change, ChangedLayer, layer_bytes
from kdui.methods.compress.sensitivity.probe import Effect, Probe

# Method -> how its strengths are called, from the mildest to the strongest.
STRENGTHS: dict[str, tuple[float, ...]] = {
    "prune": (0.3, 0.5, 0.7, 0.9),
    "quantize": (8, 6, 4, 3, 2),
    "low_rank": (0.75, 0.5, 0.25, 0.1),
}
# Changes of all layers at once that mix methods: what a prediction is compared with beside the methods on their own.
MIXED = (
    Change(sparsity=0.5, bits=8),
    Change(sparsity=0.5, bits=4),
    Change(sparsity=0.7, bits=4),
    Change(rank=0.5, bits=8),
    Change(sparsity=0.3, rank=0.5, bits=6),
)


def change_of(method: str, strength: float) -> Change:
    """One method alone at one strength."""
    if method == "prune":
        return Change(sparsity=strength)
    return Change(bits=int(strength)) if method == "quantize" else Change(rank=strength)


class Scan:
    """Works off one change at each ``step``; the rest of a process can breathe between them."""

    def __init__(self, probe: Probe, methods: Sequence[str]):
        self.probe, self.methods = probe, list(methods)
        self._layers = [ChangedLayer(weight) for weight in probe.weights]
        self._alone = [
            (place, method, strength)
            for place in range(len(self._layers))
            for method in self.methods
            for strength in STRENGTHS[method]
        ]
        self._together = [change_of(method, strength) for method in self.methods for strength in STRENGTHS[method]]
        self._together += [change for change in MIXED if _methods_of(change) <= set(self.methods)]
        self._effects: list[Effect] = []

    @property
    def total(self) -> int:
        """How many changes there are to measure."""
        return len(self._alone) + len(self._together)

    @property
    def done(self) -> int:
        return len(self._effects)

    def step(self) -> bool:
        """Measure the next change; False when nothing is left."""
        place = self.done
        if place == self.total:
            return False
        if place < len(self._alone):
            layer, method, strength = self._alone[place]
            changed = self._layers[layer]
            effect = self.probe.effect({changed.weight.name: changed.changed(change_of(method, strength), always=True)})
        else:
            effect = self.probe.of_change(self._layers, self._together[place - len(self._alone)])
        self._effects.append(effect)
        return True

    def result(self) -> dict[str, Any]:
        """The content of sensitivity.json; call it when ``step`` has nothing left."""
        facts = self.probe.facts
        result: dict[str, Any] = {
            "task": facts.name,
            "split": "validation",
            "n": self.probe.count,
            "metric": self.probe.problem.watched(facts.headline).model_dump(),
            "bounds": bounds(facts),
            "base": {"headline": self.probe.headline},
            "rest_bytes": self.probe.rest_bytes,
            "layers": [_layer_row(layer) for layer in self._layers],
            "methods": {method: self._of_method(method) for method in self.methods},
        }
        result["base"]["bytes"] = result["rest_bytes"] + sum(
            layer_bytes(row["rows"], row["columns"], Change()) for row in result["layers"]
        )
        joint = [
            {"change": asdict(change), "measured": asdict(effect)}
            for change, effect in zip(self._together, self._effects[len(self._alone) :], strict=True)
        ]
        result["joint"] = [{**row, "predicted": predicted(result, Change(**row["change"]))} for row in joint]
        result["error"] = prediction_error(result, joint)
        return result

    def _of_method(self, method: str) -> dict[str, Any]:
        effects = {job: effect for job, effect in zip(self._alone, self._effects, strict=False)}

        def table(quantity: str) -> list[list[float]]:
            return [
                [float(getattr(effects[place, method, strength], quantity)) for strength in STRENGTHS[method]]
                for place in range(len(self._layers))
            ]

        return {"strengths": list(STRENGTHS[method]), "drop": table("drop"), "kl": table("kl")}


def _methods_of(change: Change) -> set[str]:
    plain = Change()
    used = {
        "prune": change.sparsity != plain.sparsity,
        "quantize": change.bits != plain.bits,
        "low_rank": change.rank != plain.rank,
    }
    return {method for method, is_used in used.items() if is_used}


def _layer_row(layer: ChangedLayer) -> dict[str, Any]:
    weight = layer.weight
    rows, columns = layer.matrix.shape
    return {
        "name": weight.name,
        "title": weight.title,
        "operator": weight.operator,
        "shape": list(weight.values.shape),
        "rows": rows,
        "columns": columns,
    }


def bounds(facts: Any) -> list[float]:
    """Where a predicted headline must end: no better than perfect, no worse than guessing where that is known."""
    if facts.headline.unit != "%":
        return [0.0, 1e9]
    return [facts.answer.chance, 100.0]


def most_sensitive(sensitivity: dict[str, Any]) -> dict[str, Any]:
    """The layer, method and strength with the largest drop, by KL where several lose as much."""
    return max(
        (
            {"layer": layer["title"], "method": method, "strength": strength, "drop": drop, "kl": kl}
            for method, measured in sensitivity["methods"].items()
            for layer, drops, kls in zip(sensitivity["layers"], measured["drop"], measured["kl"], strict=True)
            for strength, drop, kl in zip(measured["strengths"], drops, kls, strict=True)
        ),
        key=lambda row: (row["drop"], row["kl"]),
    )


def change_words(method: str, strength: float) -> str:
    """A change in words: 90 % of its weights removed."""
    if method == "quantize":
        return f"{strength:g} bits"
    return f"{100 * strength:g} % of its weights removed" if method == "prune" else f"{100 * strength:g} % of its rank"


def summary_of(sensitivity: dict[str, Any]) -> dict[str, Any]:
    """Small facts for a list: what breaks first, over how many examples, and how far off the additive prediction is."""
    worst, error = most_sensitive(sensitivity), sensitivity["error"]
    metric = Metric.model_validate(sensitivity["metric"])
    cost = f"{change_words(worst['method'], worst['strength'])} cost {metric.format_loss(worst['drop'])}"
    missed = f"{error['count']} measured changes of the whole model by {metric.format_loss(error['drop'])} on average"
    return {
        "finding": f"{worst['layer']} is the most sensitive layer: {cost}. The sum over layers misses {missed} "
        f"({sensitivity['n']:,} validation examples).",
        "n": sensitivity["n"],
        "layers": len(sensitivity["layers"]),
        "error": error,
    }
