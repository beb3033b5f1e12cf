"""Run: one execution of a recipe, its states, its steps and what happened meanwhile."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from kdui.core.plain import Frozen
from kdui.core.recipe import Recipe


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


# Interrupted alone goes on by itself; failed and cancelled runs are queued again only when a person resumes them.
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


class Run(Frozen):
    """One execution of a recipe."""

    id: str
    name: str
    recipe: Recipe
    state: RunState
    device: str = Field(description="what was asked: auto, cpu or cuda:N")
    slot: str | None = Field(default=None, description="where it runs: cpu or cuda:N")
    position: float = Field(description="place in the queue; lower starts first")
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    heartbeat: datetime | None = None
    attempts: int = 0
    pid: int | None = None
    host: str | None = None
    error: str | None = Field(default=None, description="why it failed and what to do about it")
    cancel_requested: bool = False
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
