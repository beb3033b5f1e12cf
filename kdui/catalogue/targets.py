"""What a study is meant to reach, and whether its table of results does."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import model_validator

from kdui.core.metric import ACCURACY, Metric
from kdui.core.plain import Frozen

Row = Mapping[str, Any]
Quantity = Literal["headline", "accuracy", "lost", "below", "retained", "smaller", "faster"]


class Aim(Frozen):
    """One promise: a quantity of an arm's result, compared with the arm's first model (the original or the teacher).

    ``headline`` (``accuracy`` in older files) is the headline metric itself. ``lost`` is how much worse it is than the first
    model's (points for percentages), ``below`` how much worse than the bad end of that model's interval on the test data
    (0: inside), ``retained`` what is kept of it in percent. ``smaller`` divides file sizes
    (packed ones where a model is packed), ``faster`` latencies read in turn. Means over the seeds speak for quality, the worst
    seed for ratios. ``arm`` is a title, or empty for all arms; ``model`` a step other than the arm's result.
    """

    what: Quantity
    arm: str = ""
    model: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("an aim has either 'at_least' or 'at_most'")
        return self

    @property
    def relation(self) -> str:
        return "≤" if self.at_least is None else "≥"

    @property
    def bound(self) -> float:
        return float(self.at_most if self.at_least is None else self.at_least)  # type: ignore[arg-type]

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_least is None else value >= self.bound


def metric_of(arm: Row) -> Metric:
    """The headline metric that an arm's models were judged by; accuracy in tables that do not say so."""
    return Metric.model_validate(arm["metric"]) if "metric" in arm else ACCURACY


def unit_of(what: Quantity, metric: Metric) -> str:
    """How a figure of a quantity is counted."""
    units = {"lost": metric.difference_unit, "below": metric.difference_unit, "retained": "%", "smaller": "×", "faster": "×"}
    return units.get(what, metric.unit)


def reached(aims: tuple[Aim, ...], arms: Sequence[Row]) -> list[dict[str, Any]]:
    """Each aim beside what each of its arms measured, in plain data; an arm without that quantity says None."""
    outcomes = []
    for aim in aims:
        for arm in arms:
            if aim.arm and aim.arm != arm["arm"]:
                continue
            metric, first = metric_of(arm), next(iter(arm["models"].values()))
            value = quantity(aim.what, arm["models"].get(aim.model or arm["result"]), first, metric)
            outcomes.append(
                {
                    "arm": arm["arm"],
                    "model": aim.model or arm["result"],
                    "what": aim.what,
                    "value": None if value is None else round(value, 3),
                    "unit": unit_of(aim.what, metric),
                    "relation": aim.relation,
                    "aim": aim.bound,
                    "met": value is not None and aim.met(value),
                }
            )
            if aim.model and not aim.arm:
                break  # a model that all arms share
    return outcomes


def quantity(what: Quantity, model: Row | None, first: Row, metric: Metric) -> float | None:
    """The quantity of one model of an arm beside its first one; None where it was not measured."""
    if model is None:
        return None
    if what in ("headline", "accuracy"):
        return float(model["mean"])
    if what == "lost":
        return -float(metric.gain(model["mean"], first["mean"]))
    if what == "below":
        end = "headline_low" if metric.higher_is_better else "headline_high"
        return max(0.0, -float(metric.gain(model["mean"], values(first[end])[0]))) if end in first else None
    if what == "retained":
        return metric.retained(model["mean"], first["mean"])
    if what == "faster":
        return min(values(model["speedup"])) if "speedup" in model else None
    return min(ratios(model, first))


def ratios(model: Row, first: Row) -> list[float]:
    """How many times smaller the model is stored than the first one, for every seed."""
    return [values(first["file_mb"])[0] / size for size in stored(model)]


def stored(model: Row) -> list[float]:
    """Megabytes of the packed file, or of the plain one where nothing was packed, for every seed (one where all agree)."""
    return values(model.get("packed_mb", model["file_mb"]))


def values(column: Any) -> list[float]:
    """The readings of a table's cell, which holds one number where all seeds agree."""
    return list(column) if isinstance(column, list) else [column]
