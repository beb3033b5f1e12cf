"""A run of the past as it stood at one of its moments: what its events say of steps, curves and log until then.

Waiting is not replayed: where nothing was recorded for longer than ``LONGEST_GAP``, that much is left of it.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from kdui.core.page_rows import RunDetail
from kdui.core.plain import Frozen
from kdui.core.run import Event, RunState, StepState, StepStatus

LONGEST_GAP = 20.0  # s


class Moment(Frozen):
    """A run at ``at`` of ``total`` seconds: the run as it is shown then, its events so far, and its log."""

    detail: RunDetail
    events: tuple[Event, ...]
    log: str
    at: float
    total: float


def moment(detail: RunDetail, events: Sequence[Event], at: float) -> Moment:
    """The run ``at`` seconds after its first event; at the end it is what it is now."""
    told = _worked(events)
    times = _times(told)
    total = math.ceil(1000 * times[-1]) / 1000 if times else 0.0  # whole ms, in which a page asks: so it can ask for the end
    at = min(max(at, 0.0), total)
    past = tuple(event for event, time in zip(told, times, strict=True) if time <= at)
    if at >= total:
        return Moment(detail=detail, events=past, log=_log(past), at=at, total=total)
    steps = _steps(detail.run.steps, list(zip(told, times, strict=True)), at)
    measured = {step.name for step in steps if step.state in (StepState.DONE, StepState.CACHED)}
    started = (datetime.now(UTC) - timedelta(seconds=at)).replace(tzinfo=None)
    running = detail.run.model_copy(
        update={
            "state": RunState.RUNNING,
            "steps": steps,
            "started": started,
            "finished": None,
            "heartbeat": None,
            "worked": None,
        }
    )
    shown = detail.model_copy(
        update={
            "run": running,
            "results": tuple(result for result in detail.results if result.step in measured),
            "packages": (),
            "gain": None,
            "findings": (),
            "unlearned": "",
        }
    )
    return Moment(detail=shown, events=past, log=_log(past), at=at, total=total)


def replayable(detail: RunDetail) -> bool:
    """Whether a run has ended, so that all of it can be shown again."""
    return detail.run.state.is_final


def _worked(events: Sequence[Event]) -> list[Event]:
    """The events of the work, from the first step that began: before that the run waited in the queue."""
    first = next((place for place, event in enumerate(events) if event.kind == "step"), len(events))
    return list(events[first:])


def _times(events: Sequence[Event]) -> list[float]:
    """Seconds after the first one, long waits cut."""
    times, before = list[float](), events[0].time if events else 0.0
    for event in events:
        passed = min(max(0.0, event.time - before), LONGEST_GAP)
        times.append((times[-1] if times else 0.0) + passed)
        before = event.time
    return times


def _steps(steps: Sequence[StepStatus], told: Sequence[tuple[Event, float]], at: float) -> tuple[StepStatus, ...]:
    """Each step as the events until then leave it; how far a running one is follows from when it will end."""
    began, ended = dict[str, float](), dict[str, tuple[float, str]]()
    for event, time in told:
        if event.kind != "step" or not event.step:
            continue
        state = str(event.values.get("state", ""))
        if state == StepState.RUNNING:
            began.setdefault(event.step, time)
        else:
            ended[event.step] = (time, state)
    return tuple(_step(step, began.get(step.name), ended.get(step.name), at) for step in steps)


def _step(step: StepStatus, began: float | None, ended: tuple[float, str] | None, at: float) -> StepStatus:
    blank = {"state": StepState.WAITING, "seconds": None, "progress": 0.0, "eta_seconds": None}
    if ended is not None and ended[0] <= at:
        return step.model_copy(update={**blank, "state": StepState(ended[1]), "seconds": step.seconds, "progress": 1.0})
    if began is None or began > at:
        return step.model_copy(update=blank)
    whole = (ended[0] if ended is not None else at) - began
    share = min(0.99, (at - began) / whole) if whole > 0 else 0.0
    return step.model_copy(update={**blank, "state": StepState.RUNNING, "progress": share})


def _log(events: Sequence[Event]) -> str:
    lines = [
        f"{datetime.fromtimestamp(event.time, UTC):%H:%M:%S} {event.step + ': ' if event.step else ''}{event.text}"
        for event in events
        if event.kind == "log"
    ]
    return "\n".join(lines[-40:])
