"""Pareto front, budget and what each limit costs: pure functions over one row a model (see ``repeats``)."""

from bisect import bisect_left
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from kdui.charts.between import Between
from kdui.charts.numbers import quantity
from kdui.core.metric import Metric
from kdui.core.plain import Frozen
from kdui.core.statistics.paired import Difference

Limited = Literal["latency_ms", "download_mb"]
COMPARED = ("run", "step", "role", "label", "headline", "low", "high", "by_seed")
MOST_RIVALS = 24  # that are paired with the winner: each may take two files to read


class Budget(Frozen):
    """What a model may cost at most and must keep at least; None sets no limit."""

    latency_ms: float | None = Field(default=None, gt=0, description="p50 latency at most, ms")
    download_mb: float | None = Field(default=None, gt=0, description="download at most, MB")
    retained: float | None = Field(default=None, ge=0, description="share of the teacher's headline metric at least, %")

    @property
    def is_open(self) -> bool:
        """True where nothing is limited."""
        return self.latency_ms is None and self.download_mb is None and self.retained is None


class LimitCost(Frozen):
    """What moving one limit does to the best model: ``gain`` > 0 is gained, < 0 is lost, None: nothing is left."""

    quantity: Limited | Literal["retained"]
    move: Literal["relax", "tighten"]
    limit: float
    gain: float | None
    label: str
    difference: Difference | None = Field(default=None, description="the same paired; None where that cannot be told")


def pareto_front(cost: "np.ndarray", headline: "np.ndarray", metric: Metric) -> "np.ndarray":
    """Positions of the models that no other beats on both, cheapest first.

    Of models with equal cost and headline the first counts; those without a number are never on the front.
    """
    cost, value = np.asarray(cost, float), np.asarray(headline, float) * metric.sign
    order = np.lexsort((np.arange(len(cost)), -value, cost))
    order = order[np.isfinite(cost[order]) & np.isfinite(value[order])]
    if not len(order):
        return order
    best_before = np.concatenate([[-np.inf], np.maximum.accumulate(value[order])[:-1]])
    return order[value[order] > best_before]


def within(models: pd.DataFrame, budget: Budget) -> pd.Series:
    """Which models keep every limit; a model whose number is unknown is not claimed to keep it."""
    inside = np.ones(len(models), bool)
    for column in ("latency_ms", "download_mb"):
        limit = getattr(budget, column)
        if limit is not None:
            inside &= models[column].to_numpy(float) <= limit
    if budget.retained is not None:
        inside &= models["retained"].to_numpy(float) >= budget.retained
    return pd.Series(inside, index=models.index)


def candidates(models: pd.DataFrame) -> pd.DataFrame:
    """What could take the teacher's place: all but the teachers. A control may win, and then the page says so."""
    return models[models["role"] != "teacher"]


def best(models: pd.DataFrame, budget: Budget, metric: Metric, among: np.ndarray | None = None) -> pd.Series | None:
    """The model with the best headline within the budget; of equals the faster, then the smaller. None if none fits.

    ``among``: which of the models count, where not all do; a mask costs less than a frame of forty thousand rows each time.
    """
    headline = models["headline"].to_numpy(float)
    fits = (models["role"] != "teacher").to_numpy() & within(models, budget).to_numpy() & ~np.isnan(headline)
    if among is not None:
        fits &= among
    positions = np.flatnonzero(fits)
    if not len(positions):
        return None
    rank = headline[positions] * -metric.sign
    costs = [models[column].to_numpy(float)[positions] for column in ("download_mb", "latency_ms")]
    return models.iloc[positions[np.lexsort((*costs, rank))[0]]]


def overlapping(models: pd.DataFrame, winner: pd.Series) -> np.ndarray:
    """Which models have an interval of the headline (``low`` to ``high``) that overlaps the winner's; an unknown one may."""
    apart = (models["low"].to_numpy(float) > winner["high"]) | (models["high"].to_numpy(float) < winner["low"])
    return ~apart


def rivals(models: pd.DataFrame, winner: pd.Series, budget: Budget, most: int = MOST_RIVALS) -> pd.DataFrame:
    """Other models within the budget that are near the winner, so that a paired difference may not be shown: those whose own
    intervals overlap its, the ``most`` nearest of them."""
    near = within(models, budget).to_numpy() & (models["role"] != "teacher").to_numpy() & overlapping(models, winner)
    near &= (models.index != winner.name) & models["headline"].notna().to_numpy()
    places = np.flatnonzero(near)
    apart = np.abs(models["headline"].to_numpy(float)[places] - float(winner["headline"]))
    return models.take(places[np.argsort(apart, kind="stable")[:most]])


def limit_costs(models: pd.DataFrame, budget: Budget, metric: Metric, pair: Between | None = None) -> list[LimitCost]:
    """For latency and download: what the next wider limit buys, and what the next tighter one costs.

    Wider: the smallest limit that lets a better model in. Tighter: just below the winner's own cost, all else equal.
    Where nothing fits, each limit alone is widened until something does.
    """
    models = candidates(models[[*COMPARED, "latency_ms", "download_mb", "retained"]])
    winner = best(models, budget, metric)
    if winner is None:
        return _admissions(models, budget, metric)
    costs: list[LimitCost | None] = []
    for column in ("latency_ms", "download_mb"):
        if getattr(budget, column) is not None:
            costs.append(_relaxed(models, budget, column, winner, metric, pair))
        costs.append(_tightened(models, budget, column, winner, metric, pair))
    return [cost for cost in costs if cost is not None]


def _relaxed(
    models: pd.DataFrame, budget: Budget, column: Any, winner: pd.Series, metric: Metric, pair: Between | None
) -> LimitCost | None:
    better = metric.gain(models["headline"].to_numpy(float), winner["headline"]) > 0
    beyond = models[column].to_numpy(float) > getattr(budget, column)
    without = within(models, budget.model_copy(update={column: None})).to_numpy()
    cost = models[column].to_numpy(float)
    entering = better & beyond & without & ~np.isnan(cost)
    if not entering.any():
        return None
    limit = float(cost[entering].min())
    entry = best(models, Budget(), metric, entering & (cost == limit))
    assert entry is not None
    return _step(column, "relax", limit, entry, winner, metric, pair)


def _tightened(
    models: pd.DataFrame, budget: Budget, column: Any, winner: pd.Series, metric: Metric, pair: Between | None
) -> LimitCost | None:
    if not np.isfinite(winner[column]):
        return None
    cost = models[column].to_numpy(float)
    entry = best(models, budget, metric, cost < _written_alike_from(cost, column, float(winner[column])))
    if entry is None:
        return None
    return _step(column, "tighten", float(entry[column]), entry, winner, metric, pair)


def _written_alike_from(cost: np.ndarray, column: Any, own: float) -> float:
    """The smallest of the costs up to ``own`` that is written like it: a limit between them would say nothing.

    What is written rises with the cost, so halving finds the first that is written alike.
    """
    near = np.unique(cost[(cost > 0.98 * own) & (cost <= own)])
    text = quantity(column, own)
    return float(near[bisect_left(near, True, key=lambda value: quantity(column, value) == text)])


def _step(
    column: Any, move: Any, limit: float, entry: pd.Series, winner: pd.Series, metric: Metric, pair: Between | None
) -> LimitCost:
    gained, paired = float(metric.gain(entry["headline"], winner["headline"])), pair(entry, winner) if pair else None
    return LimitCost(quantity=column, move=move, limit=limit, gain=gained, label=entry["label"], difference=paired)


def _admissions(models: pd.DataFrame, budget: Budget, metric: Metric) -> list[LimitCost]:
    admissions = []
    for column in ("latency_ms", "download_mb", "retained"):
        if getattr(budget, column) is None:
            continue
        admitted = models[within(models, budget.model_copy(update={column: None})) & models[column].notna()]
        if admitted.empty:
            continue
        limit = float(admitted[column].max() if column == "retained" else admitted[column].min())
        entry = best(admitted[admitted[column] == limit], Budget(), metric)
        if entry is not None:
            admissions.append(LimitCost(quantity=column, move="relax", limit=limit, gain=None, label=entry["label"]))
    return admissions
