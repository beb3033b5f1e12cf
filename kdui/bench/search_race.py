"""TPE against random search over recorded tables of really trained trials, by hypervolume, in the same simulated time.

A search is simulated: the own proposals of the product (``workbench/search/sampling``), outcomes from a ``search_table``, and a
clock that advances by the seconds that each trial's steps took when they were measured. As in the store, a step that an earlier
trial of the same search has made costs nothing.
"""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from kdui.bench.findings import Finding
from kdui.bench.search_table import TABLES, read_table
from kdui.core.family import Axis
from kdui.core.metric import Metric
from kdui.core.search import SearchSpec
from kdui.core.statistics.hypervolume import hypervolume
from kdui.core.statistics.intervals import mean_interval
from kdui.settings import Settings
from kdui.workbench.families.rows import metric_of
from kdui.workbench.search import sampling
from kdui.workbench.search.trials import Figures, Trial, objectives

Sampler = Literal["tpe", "random"]
MARGIN = 0.1  # of each objective's range, by which the reference point lies beyond the worst


class Table:
    """A recorded grid as a search sees it: values in, figures and seconds out."""

    def __init__(self, recorded: dict[str, Any]):
        self.recorded = recorded
        self.axes = [Axis(name=name, values=tuple(values)) for name, values in recorded["axes"].items()]
        self.metric: Metric = metric_of(recorded["task"])
        self._timed = {tuple(each["network"]): each for each in recorded["latency"]}
        self._cells = {tuple(cell["values"]): cell for cell in recorded["cells"]}
        self.shared = frozenset.intersection(*(frozenset(cell["steps"]) for cell in recorded["cells"]))  # the teacher's
        self._network = [list(recorded["axes"]).index(name) for name in recorded["network"]]

    def figures(self, values: dict[str, Any]) -> Figures:
        """What the trial of these values measured."""
        cell, timed = self._look_up(values)
        measured = {key: cell[key] for key in ("headline", "low", "high", "download_mb")}
        return Figures(**measured, latency_ms=timed["latency_ms"], latency_high=timed["latency_high"])

    def seconds(self, values: dict[str, Any], made: set[str]) -> float:
        """What the trial costs beyond the steps that are ``made``; its own join them."""
        cell, timed = self._look_up(values)
        costs = {step: self.recorded["steps"][step] for step in cell["steps"]} | {f"timed {timed['network']}": timed["seconds"]}
        new = {step: seconds for step, seconds in costs.items() if step not in made}
        made.update(new)
        return sum(new.values())

    @property
    def every(self) -> list[dict[str, Any]]:
        """The values of all cells."""
        return [dict(zip(self.recorded["axes"], values, strict=True)) for values in self._cells]

    def _look_up(self, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        key = tuple(values[axis.name] for axis in self.axes)
        return self._cells[key], self._timed[tuple(key[place] for place in self._network)]


Clock = Callable[[Table, dict[str, Any], set[str]], float]
SECONDS: Clock = Table.seconds


def one_each(table: Table, values: dict[str, Any], made: set[str]) -> float:
    """A clock that counts trials."""
    return 1.0


def search_race(settings: Settings, seeds: int = 5, share: float = 0.4, folder: Path = TABLES) -> list[Finding]:
    """Two lines a table: by how much of the hypervolume TPE leads in ``share`` of the seconds that the whole grid takes, and in
    that share of its trials."""
    tables = [Table(read_table(path)) for path in sorted(folder.glob("*.json"))]
    return [race(table, seeds, share) for table in tables for race in (_in_time, _in_trials)]


def _in_time(table: Table, seeds: int, share: float) -> Finding:
    whole = set(table.shared)
    budget = share * sum(table.seconds(values, whole) for values in table.every)
    about = f"{budget:.0f} simulated s, {share:.0%} of what all {len(table.every)} trials take; only the teacher is in the store"
    return _race(table, seeds, SECONDS, budget, about)


def _in_trials(table: Table, seeds: int, share: float) -> Finding:
    budget = float(round(share * len(table.every)))
    return _race(table, seeds, one_each, budget, f"{budget:.0f} of {len(table.every)} trials, whatever they take")


def _race(table: Table, seeds: int, clock: Clock, budget: float, about: str) -> Finding:
    reached: dict[Sampler, list[float]] = {"tpe": [], "random": []}
    tried: dict[Sampler, list[int]] = {"tpe": [], "random": []}
    for sampler in reached:
        for seed in range(seeds):
            trials = simulated(table, SearchSpec(aim="front", sampler=sampler, seed=seed), budget, clock)
            reached[sampler].append(100 * attained(table, trials))
            tried[sampler].append(len(trials))
    lead, half = mean_interval([mine - other for mine, other in zip(reached["tpe"], reached["random"], strict=True)])
    half = half or 0.0
    lines = [f"{name}: {_words(reached[name])} % of the grid's hypervolume, in {_words(tried[name])} trials" for name in reached]
    lines += [about, f"a tabular benchmark: {table.recorded['command']}, measured once on {table.recorded['machine']['cpu']}"]
    what = "time" if clock is SECONDS else "number of trials"
    title = f"Search over {table.recorded['table']}, TPE − random search in the same {what}: share of the grid's hypervolume"
    spread = f"95 % interval {lead - half:.1f} to {lead + half:.1f}, paired over {seeds} seeds"
    return Finding(title, lead, "points", spread, "≥", half, tuple(lines))


def _words(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def simulated(table: Table, spec: SearchSpec, budget: float, clock: Clock) -> list[Trial]:
    """The trials that a search makes until its budget is spent; the one that would exceed it does not count."""
    trials: list[Trial] = []
    made = set(table.shared)
    spent = 0.0
    while len(trials) < len(table.every):
        values = sampling.propose(table.axes, trials, spec, table.metric)
        if values is None:
            break
        spent += clock(table, values, made)
        if spent > budget:
            break
        trials.append(Trial(number=len(trials), values=values, standing="complete", figures=table.figures(values)))
    return trials


def attained(table: Table, trials: Sequence[Trial]) -> float:
    """Hypervolume of the trials as a share of that of the whole grid, with one reference point for all."""
    spec = SearchSpec(aim="front")
    whole = [
        objectives(Trial(number=0, values=values, standing="complete", figures=table.figures(values)), spec, table.metric)
        for values in table.every
    ]
    columns = list(zip(*whole, strict=True))
    reference = [max(column) + MARGIN * ((max(column) - min(column)) or 1.0) for column in columns]
    points = [objectives(trial, spec, table.metric) for trial in trials]
    return hypervolume(points, reference) / hypervolume(whole, reference)
