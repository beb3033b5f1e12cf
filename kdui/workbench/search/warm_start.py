"""What the store knows before a search begins: runs that lie in it, and how much the layers of its student bear."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kdui.core.errors import KduiError
from kdui.core.family import Axis
from kdui.core.layout import SENSITIVITY_FILE
from kdui.core.measurement import Origin
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.core.search import SearchSpec
from kdui.workbench.families.control import Bench, value_of
from kdui.workbench.families.rows import MADE
from kdui.workbench.search.devices import Judge
from kdui.workbench.search.trials import Figures, figures_of, needed

MOST_LOOKED_AT = 400  # newest runs of the task
MOST_KNOWN = 100
BEARABLE = 1.0  # points that a compression of the whole model may cost, as its sensitivity was measured, to be tried at once
# A knob's name -> the quantity of a sensitivity report that it stands for.
MEASURED_AS = {"bits": "bits", "average_bits": "bits", "sparsity": "sparsity", "rank_ratio": "rank", "ratio": "rank"}


class Known(NamedTuple):
    """A finished run as a trial."""

    values: dict[str, Any]
    run: str
    figures: Figures


def known_trials(bench: Bench, recipe: Recipe, axes: Sequence[Axis], spec: SearchSpec, judge: Judge | None = None) -> list[Known]:
    """Finished runs that differ from the recipe in the searched settings alone; the newest of equal ones, the oldest first.

    ``judge``: who estimates their latencies, where a search wants those of another device.
    """
    found: dict[str, Known] = {}
    for known in _candidates(bench, recipe, axes, spec, judge):
        found.setdefault(repr(sorted(known.values.items())), known)
        if len(found) == MOST_KNOWN:
            break
    return list(found.values())[::-1]


def _candidates(bench: Bench, recipe: Recipe, axes: Sequence[Axis], spec: SearchSpec, judge: Judge | None) -> Iterator[Known]:
    succeeded, _ = bench.store.runs.page(state=RunState.SUCCEEDED, task=recipe.task, text="", page=1, size=MOST_LOOKED_AT)
    for row in succeeded:
        if row["unreadable"]:
            continue
        try:
            run = bench.store.runs.get(row["id"])
            values = {axis.name: value_of(run.recipe, axis.name) for axis in axes}
            if not all(_inside(axis, values[axis.name]) for axis in axes):
                continue
            planned = bench.plan(recipe.with_values(values))
        except KduiError:
            continue
        # The same steps by their digests: the same settings, methods and data, and for what is timed the same machine.
        if [step.digest for step in planned.steps] != [step.digest for step in run.steps]:
            continue
        made = [each for each in bench.store.results.rows_of_run(run.id) if each["role"] in MADE]
        figures = figures_of(made[-1], judge) if made else None
        if figures is None or Origin.REPLAYED in (made[-1]["origin"], made[-1]["latency_origin"]):
            continue
        if all(getattr(figures, name) is not None for name in needed(spec)):
            yield Known(values, run.id, figures)


def beginnings(bench: Bench, recipe: Recipe, axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """What is tried before anything is proposed: the recipe as it stands, and the strongest compression that its student's
    sensitivity, where the store has it, says it bears. Only what lies in the search."""
    try:
        own = {axis.name: value_of(recipe, axis.name) for axis in axes}
    except KduiError:
        return []
    borne = _borne(bench, recipe)
    strong = {
        axis.name: _nearest(axis, borne[quantity])
        for axis in axes
        if (quantity := MEASURED_AS.get(axis.name.rpartition(".")[2])) in borne
    }
    every = [own, {**own, **strong}] if strong else [own]
    return [values for values in every if all(_inside(axis, values[axis.name]) for axis in axes)]


def _borne(bench: Bench, recipe: Recipe) -> dict[str, float]:
    """quantity -> the strongest change of the whole model that cost at most ``BEARABLE``, by the newest sensitivity report."""
    newest = bench.store.runs.newest_step(recipe.task, "student", str(recipe.student or ""), "report", "student")
    if newest is None or not bench.store.artifacts.has(newest):
        return {}
    try:
        report = json.loads(bench.store.artifacts.open(newest).file(SENSITIVITY_FILE).read_bytes())
    except (KduiError, KeyError, OSError, ValueError):  # another kind of report
        return {}
    borne: dict[str, float] = {}
    for row in report["joint"]:
        change = {"sparsity": row["change"]["sparsity"], "bits": -row["change"]["bits"], "rank": -row["change"]["rank"]}
        changed = [name for name, value in change.items() if value not in (0, -32, -1)]
        if len(changed) == 1 and row["measured"]["drop"] <= BEARABLE:
            name = changed[0]
            borne[name] = max(change[name], borne.get(name, change[name]))
    return {name: abs(value) for name, value in borne.items()}


def _nearest(axis: Axis, value: float) -> Any:
    if axis.is_range:
        inside = min(max(value, axis.low or 0.0), axis.high or 0.0)
        return round(inside) if axis.whole else inside
    numbers = [each for each in axis.values if isinstance(each, (int, float)) and not isinstance(each, bool)]
    return min(numbers, key=lambda each: abs(each - value)) if numbers else axis.values[0]


def _inside(axis: Axis, value: Any) -> bool:
    if not axis.is_range:
        return value in axis.values
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and float(axis.low or 0.0) <= value <= float(axis.high or 0.0)
