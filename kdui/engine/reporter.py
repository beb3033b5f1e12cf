"""Where a running stage's words and numbers go: the event file, what the heartbeat writes, and the flag that asks to stop."""

import time
from collections.abc import Sequence
from typing import Any

from kdui.core.errors import Cancelled
from kdui.core.logs import logger
from kdui.core.measurement import Measurement
from kdui.core.run import EventKind
from kdui.engine.trackers.tracker import Trackers
from kdui.store.store import Store

SAY_EVERY = 0.5  # s between two events of a download


class RunReporter:
    """Reports for one run. ``enter`` names the step that speaks; every call raises Cancelled once somebody requested it.

    ``fraction`` and ``eta_seconds`` are of the whole run, ``step_progress`` is name, share done and seconds left of its step: the
    worker's heartbeat writes them, so that no work waits for the database to take its progress, or ends because it does not.
    ``signs`` counts what was said: while it grows, the work lives.
    """

    def __init__(self, store: Store, run_id: str, weights: dict[str, float]):
        self._events = store.events(run_id)
        self._log = logger("engine", run_id)
        self._weights = weights
        self._finished = 0.0
        self._step = ""
        self._started = self._said = time.monotonic()
        self._worked = 0.0
        self._waits = False
        self.signs = 0
        self.step_progress: tuple[str, float, float | None] | None = None
        self.fraction = 0.0
        self.eta_seconds: float | None = None
        self.cancelled = False
        self.trackers: Trackers | None = None  # of the run, once it works

    @property
    def step(self) -> str:
        """The name of the step that was entered last."""
        return self._step

    def enter(self, step: str) -> None:
        """The next calls are about this step."""
        self._step, self._started, self._said, self._waits = step, time.monotonic(), 0.0, False
        self.signs += 1
        self._events.append("step", step=step, state="running")

    def leave(self, step: str, state: str, seconds: float) -> None:
        """The step has ended; its weight counts as done."""
        self._events.append("step", step=step, state=state, seconds=seconds)
        if state != "cached":
            self._worked += seconds
        self._finished += self._weights.get(step, 0.0)
        self.step_progress = None
        self._overall(0.0)

    def check(self) -> None:
        """Raise Cancelled when somebody asked to stop."""
        self.signs += 1
        if self.cancelled:
            raise Cancelled("The run was cancelled. Finished stages stay in the store; resume continues from there.")

    def loss(self, at: float, **values: float) -> None:
        """A point of the named training losses; ``at`` in epochs."""
        self._series("loss", at, values)

    def metric(self, at: float, **values: float) -> None:
        """A point on validation data; ``at`` in epochs."""
        self._series("metric", at, values)

    def _series(self, kind: EventKind, at: float, values: dict[str, float]) -> None:
        rounded: dict[str, Any] = {name: float(f"{value:.6g}") for name, value in values.items()}
        self.signs += 1
        self._events.append(kind, step=self._step, at=round(at, 4), **rounded)
        if self.trackers is not None:
            self.trackers.series(kind, self._step, at, rounded)

    def measured(self, step: str, found: Sequence[Measurement]) -> None:
        """What a step measured of a model, for trackers: the store has it."""
        if self.trackers is not None:
            self.trackers.measured(step, found)

    def log(self, text: str) -> None:
        """A line for a person, in the run's output and its events."""
        self.signs += 1
        self._log.info("%s", f"{time.strftime('%H:%M:%S')} {self._step}: {text}" if self._step else text)
        self._events.append("log", step=self._step or None, text=text)

    def waits(self) -> None:
        """Another run makes what this one needs: say so once, and check for a cancel request meanwhile."""
        self.check()
        if not self._waits:
            self._waits = True
            self.log("Another run makes this step at the moment; this one waits for it.")

    def download(self, name: str, done: int, total: int | None) -> None:
        """Bytes fetched so far."""
        self.check()
        if time.monotonic() - self._said > SAY_EVERY or done == total:
            self._said = time.monotonic()
            self._events.append("download", step=self._step or None, text=name, bytes=done, total=total)

    def progress(self, fraction: float) -> None:
        """How much of the step is done, in [0, 1]; the rest of its time is extrapolated."""
        self.check()
        elapsed = time.monotonic() - self._started
        eta = elapsed * (1 - fraction) / fraction if fraction > 0.02 else None
        self.step_progress = (self._step, min(1.0, fraction), eta)
        self._overall(fraction)

    def _overall(self, fraction: float) -> None:
        total = sum(self._weights.values()) or 1.0
        done = self._finished + fraction * self._weights.get(self._step, 0.0)
        self.fraction = min(1.0, done / total)
        self.eta_seconds = total - done if total > done else None


def as_text(values: dict[str, Any]) -> str:
    """Numbers of a summary for a log line."""
    return ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items())
