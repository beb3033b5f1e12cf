"""Run: one execution of a recipe, its states, its steps and what happened meanwhile."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from kdui.core.plain import Frozen
from kdui.core.recipe import Recipe
from kdui.core.words import standing


class RunState(StrEnum):
    """Where a run stands; each change is one atomic update in the store."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """True when nothing more happens unless a person asks for it."""
        return self in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)


# Interrupted alone continues on its own; failed and cancelled runs are queued again only when a person resumes them.
TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.CANCELLED}),
    RunState.RUNNING: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.INTERRUPTED}),
    RunState.INTERRUPTED: frozenset({RunState.QUEUED, RunState.CANCELLED}),
    RunState.FAILED: frozenset({RunState.QUEUED}),
    RunState.CANCELLED: frozenset({RunState.QUEUED}),
    RunState.SUCCEEDED: frozenset(),
}


class StepState(StrEnum):
    """Where one step of a run stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"


class StepStatus(Frozen):
    """One step of a run as the page and the command line show it."""

    name: str
    stage: str
    method: str
    role: str | None
    label: str
    produces: str
    digest: str
    state: StepState
    seconds: float | None = Field(default=None, description="s; None while it has not ended")
    progress: float = Field(default=0.0, ge=0, le=1)
    eta_seconds: float | None = None


SILENT_SECONDS = 30.0  # without a sign of life, after which a person is told


class RunFacts(Frozen):
    """Where a run stands and who works on it: all but its recipe, which another version may have written."""

    id: str
    name: str
    state: RunState
    device: str = Field(description="what was asked: auto, cpu or cuda:N")
    slot: str | None = Field(default=None, description="where it runs: cpu or cuda:N")
    position: float = Field(description="place in the queue; lower starts first")
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    heartbeat: datetime | None = None
    worked: datetime | None = Field(default=None, description="last sign of the work itself: a report, or time on a processor")
    attempts: int = 0
    fruitless: int = Field(default=0, description="attempts in a row that ended before they got further")
    pid: int | None = None
    pid_started: float | None = Field(default=None, description="s since the epoch: tells a process from a later one of that id")
    host: str | None = None
    error: str | None = Field(default=None, description="why it failed and what to do about it")
    cancel_requested: bool = False
    queued_by: str = Field(default="", description="name of the account that queued it; empty: on the machine itself")

    @property
    def waits_for_a_person(self) -> bool:
        """True when it was interrupted and does not continue on its own."""
        return self.state is RunState.INTERRUPTED and self.error is not None

    def silent_seconds(self, at: datetime) -> float | None:
        """How long the work of a running run has given no sign of life; None where that is not long. ``at``: UTC."""
        sign = self.worked or self.heartbeat
        if self.state is not RunState.RUNNING or sign is None:
            return None
        silent = (at.replace(tzinfo=None) - sign.replace(tzinfo=None)).total_seconds()
        return silent if silent > SILENT_SECONDS else None

    def standing(self, at: datetime) -> str:
        """Its state in words; ``at``: UTC."""
        return standing(self.state, self.silent_seconds(at), self.waits_for_a_person)


class Run(RunFacts):
    """One execution of a recipe."""

    recipe: Recipe
    steps: tuple[StepStatus, ...] = ()


EventKind = Literal["state", "step", "loss", "metric", "log", "download"]


class Event(Frozen):
    """Something that happened while running; appended to the run's file, never changed.

    ``loss``  values: {name: float}, at: epoch as a fraction; ``metric`` likewise on validation data;
    ``step``  values: {"state": …, "seconds": …}; ``log`` text; ``download`` values: {"bytes", "total"}.
    Token streams of language models will be ``metric`` events with their own names.
    """

    time: float = Field(description="s since the epoch, UTC")
    kind: EventKind
    step: str | None = None
    at: float | None = None
    values: dict[str, Any] = {}
    text: str = ""
