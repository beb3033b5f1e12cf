"""What a study is meant to reach, and whether its table of results does."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import model_validator

from kdui.core.plain import Frozen

Row = Mapping[str, Any]
Quantity = Literal["accuracy", "lost", "below", "retained", "smaller", "faster"]
# How a figure of each quantity is written, and which of its readings over the seeds an aim is held against.
UNITS: Mapping[str, str] = {"accuracy": "%", "lost": "points", "below": "points", "retained": "%", "smaller": "×", "faster": "×"}


class Aim(Frozen):
    """One promise: a quantity of an arm's result, held against the arm's first model (the original or the teacher).

    ``lost`` is in points of the headline metric below the first model, ``below`` in points below the lower end of that model's
    interval on the test data (0: inside), ``retained`` the share of its metric in percent. ``smaller`` divides file sizes
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


def reached(aims: tuple[Aim, ...], arms: Sequence[Row]) -> list[dict[str, Any]]:
    """Each aim beside what each of its arms measured, in plain data; an arm without that quantity says None."""
    found = []
    for aim in aims:
        for arm in arms:
            if aim.arm and aim.arm != arm["arm"]:
                continue
            value = quantity(aim.what, arm["models"].get(aim.model or arm["result"]), next(iter(arm["models"].values())))
            found.append(
                {
                    "arm": arm["arm"],
                    "model": aim.model or arm["result"],
                    "what": aim.what,
                    "value": None if value is None else round(value, 3),
                    "unit": UNITS[aim.what],
                    "relation": aim.relation,
                    "aim": aim.bound,
                    "met": value is not None and aim.met(value),
                }
            )
            if aim.model and not aim.arm:
                break  # a model that all arms share
    return found


def quantity(what: Quantity, model: Row | None, first: Row) -> float | None:
    """The quantity of one model of an arm beside its first one; None where it was not measured."""
    if model is None:
        return None
    if what == "accuracy":
        return float(model["mean"])
    if what == "lost":
        return float(first["mean"] - model["mean"])
    if what == "below":
        low = values(first["headline_low"])[0] if "headline_low" in first else None
        return None if low is None else max(0.0, float(low - model["mean"]))
    if what == "retained":
        return float(100 * model["mean"] / first["mean"])
    if what == "faster":
        return min(values(model["speedup"])) if "speedup" in model else None
    return min(ratios(model, first))


def ratios(model: Row, first: Row) -> list[float]:
    """How many times smaller the model is stored than the first one, for every seed."""
    return [values(first["file_mb"])[0] / size for size in stored(model)]


def stored(model: Row) -> list[float]:
    """Megabytes of the packed file, or of the plain one where nothing was packed, for every seed (one where all agree)."""
    return values(model.get("packed_mb", model["file_mb"]))


def values(found: Any) -> list[float]:
    """The readings of a table's cell, which holds one number where all seeds agree."""
    return list(found) if isinstance(found, list) else [found]
