"""What is known of a family as a whole, and the one model of each of its runs that the family is about."""

from collections.abc import Sequence
from typing import Any

from kdui.catalogue.tasks import TASKS
from kdui.core.measurement import Origin
from kdui.core.metric import ACCURACY, Metric
from kdui.core.page_rows import FamilyRow, RunRow
from kdui.core.run import RunState
from kdui.store.store import Store

MADE = ("student", "compressed")


def metric_of(task: str) -> Metric:
    """The task's headline; of a task that is no longer there, accuracy."""
    return TASKS[task].headline if task in TASKS else ACCURACY


def family_row(store: Store, family_id: str, runs: Sequence[RunRow] = ()) -> FamilyRow:
    """The line of one family; ``runs``: those that unfold below it."""
    family = store.families.get(family_id)
    counts = store.families.counts([family_id]).get(family_id, {})
    metric, best = metric_of(family.task), best_of(store, family_id, metric_of(family.task))
    total = sum(counts.values())
    finished = sum(counts.get(state, 0) for state in ("succeeded", "failed", "cancelled", "refused"))
    running = sum(run.progress for run in runs if run.state is RunState.RUNNING)
    return FamilyRow(
        id=family.id,
        name=family.name,
        kind=family.kind,
        task=family.task,
        state=family.state,
        counts=counts,
        progress=min(1.0, (finished + running) / total) if total else 0.0,
        best=f"{metric.format(best['headline'])} {Origin(best['origin']).mark}" if best else "",
        note=family.note,
        queued_by=family.queued_by,
        runs=tuple(runs),
    )


def made_models(store: Store, family_id: str) -> dict[int, dict[str, Any]]:
    """number -> the chart row of what that member made: its last student or compressed model, else its last teacher."""
    made: dict[int, dict[str, Any]] = {}
    for row in store.results.rows_of_family(family_id):
        before = made.get(row["number"])
        if row["role"] in MADE or (row["role"] == "teacher" and (before is None or before["role"] == "teacher")):
            made[row["number"]] = row
    return made


def best_of(store: Store, family_id: str, metric: Metric) -> dict[str, Any] | None:
    """The best measured of them."""
    known = [row for row in made_models(store, family_id).values() if row["headline"] is not None]
    return max(known, key=lambda row: metric.sign * row["headline"]) if known else None
