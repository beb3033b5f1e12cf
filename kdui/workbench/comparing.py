"""Two to five runs or models of one task side by side, out of the store."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdui.charts.comparer import Comparison, chosen_rows, compare
from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


def compared(bench: "Workbench", wanted: Sequence[str]) -> tuple[Comparison, TaskFacts]:
    """The comparison of what ``RUN`` or ``RUN:STEP`` name, and their task; raises KduiError in words."""
    task = _task(bench, [name.partition(":")[0] for name in wanted])
    points = bench.points(task.name)
    rows = chosen_rows(points, wanted)
    recipes = bench.store.runs.recipes(dict.fromkeys(row["run"] for row in rows))
    return compare(rows, points, bench.paired, task.headline, recipes), task


def _task(bench: "Workbench", runs: Sequence[str]) -> TaskFacts:
    """The one task of these runs."""
    if not runs:
        raise KduiError("Choose two to five runs or models to compare.")
    names = {run: bench.store.runs.get(run).recipe.task for run in dict.fromkeys(runs)}
    tasks = {task.name: task for task in bench.tasks()}
    if len(set(names.values())) > 1:
        titles = " and ".join(sorted({tasks[name].title if name in tasks else name for name in names.values()}))
        raise KduiError(
            f"These runs are of different tasks ({titles}). Choose runs of one task: only the same test data compare."
        )
    name = next(iter(names.values()))
    if name not in tasks:
        raise KduiError(f"The task '{name}' of these runs is not known here, so they cannot be compared.")
    return tasks[name]
