"""What is running on a task, for all that has nothing of its own to show yet."""

from kdui.core.plain import Frozen
from kdui.core.run import RunState, StepState
from kdui.store.store import Store

DOING = {"model": "training", "onnx": "exporting", "measurements": "measuring", "outputs": "asking"}  # by what a step makes
WHOM = {
    "teacher": "the teacher",
    "assistant": "the assistant",
    "student": "the student",
    "control": "the control",
    "baseline": "a baseline",
}


class RunningNow(Frozen):
    """A run of the task that continues, or the first one that waits; ``doing``: what it is at, in words."""

    run: str
    name: str
    doing: str
    progress: float
    waits: bool = False
    seconds_left: float | None = None


def running_now(store: Store, task: str) -> RunningNow | None:
    """Of the task; None where nothing of it runs or waits."""
    first = store.runs.first_in_queue(task)
    row = next(iter(store.runs.rows([first])), None) if first else None
    if row is None or row["unreadable"]:
        return None
    facts = {"run": row["id"], "name": row["name"], "progress": row["progress"] or 0.0, "seconds_left": row["eta_seconds"]}
    if row["state"] == RunState.QUEUED:
        return RunningNow(**facts, doing="waits in the queue", waits=True)
    step = next((step for step in store.runs.get(row["id"]).steps if step.state is StepState.RUNNING), None)
    if step is None:
        return RunningNow(**facts, doing="is starting")
    whom = WHOM.get(step.role or ("teacher" if step.produces == "outputs" else ""), step.label or step.name)
    return RunningNow(**facts, doing=f"is {DOING.get(step.produces, 'making')} {whom}")
