"""What a person should be told of a run that nobody looks at: it ended, stalls, waits, or its models have learned nothing."""

from typing import TYPE_CHECKING, NamedTuple

from kdui.core.numbers import duration
from kdui.core.page_rows import RunRow
from kdui.core.run import RunState

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

NEWEST = 20  # runs that are looked at
TOLD = ("succeeded", "failed", "cancelled", "stalled", "waiting", "anomalous")  # states that are news


class Alert(NamedTuple):
    """Where a run stands. ``state``: that of the run, or stalled, waiting, anomalous; ``words``: its result or its fault."""

    run: str
    name: str
    task: str
    state: str
    words: str


def alerts(workbench: "Workbench", watched: frozenset[str]) -> list[Alert]:
    """Where the newest runs stand; of those ``watched`` that have ended, also whether that is as it should be."""
    rows = workbench.runs(size=NEWEST, queue_first=True).rows
    return [_alert(workbench, row, row.id in watched) for row in rows]


def _alert(workbench: "Workbench", row: RunRow, watched: bool) -> Alert:
    state, words = str(row.state), row.headline
    if row.silent_seconds is not None:
        state, words = "stalled", f"No activity for {duration(row.silent_seconds)}: it is suspended or hangs."
    elif row.waits:
        state, words = "waiting", row.error or "It goes on only when you resume it."
    elif row.error:
        words = row.error
    elif watched and row.state is RunState.SUCCEEDED and (odd := workbench.run(row.id).unlearned):
        state, words = "anomalous", odd
    return Alert(row.id, row.title or row.name, row.task, state, words)
