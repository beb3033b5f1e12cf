"""The dispatcher: gives queued runs to free slots, notices workers that died, and enforces a cancel.

It keeps no state of its own: everything is in the store, so it can be killed and started again, and several may run at once.
"""

import importlib
import os
import signal
import threading
from datetime import timedelta
from typing import Any

import psutil
from sqlalchemy.exc import SQLAlchemyError

from kdui.core.errors import KduiError, StateConflict
from kdui.core.run import Run, RunState
from kdui.launch.machine import device_of, slots
from kdui.store.runs import HOST, now
from kdui.store.store import Store

TICK_SECONDS = 0.5
SILENT_SECONDS = 30.0  # without a heartbeat, after which a worker on another host counts as dead
START_SECONDS = 60.0  # a worker must have written its process id by then
MOST_ATTEMPTS = 3  # a run that was interrupted this often waits for a person


class Dispatcher:
    """Call ``tick`` regularly, or ``start`` a thread that does."""

    def __init__(self, store: Store):
        self.store = store
        self.launcher: Any = importlib.import_module(f"kdui.launch.{store.settings.launcher}")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._children: list[Any] = []

    def start(self) -> None:
        """Tick in a thread until ``stop``."""
        self._thread = threading.Thread(target=self._loop, daemon=True, name="dispatcher")
        self._thread.start()

    def stop(self) -> None:
        """End the thread; workers go on."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    @property
    def alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def tick(self) -> None:
        """One round: reap, notice the dead, put interrupted runs back, start what fits."""
        self._children = [child for child in self._children if child.poll() is None]
        for run in self.store.runs.in_state(RunState.RUNNING):
            self._look_after(run)
        for run in self.store.runs.in_state(RunState.INTERRUPTED):
            self._put_back(run)
        for slot in self._free_slots():
            if claimed := self.store.runs.claim(slot, auto=slot != "cpu" or slots() == ["cpu"], device=device_of(slot)):
                self._launch(claimed)

    def _loop(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            try:
                self.tick()
            except (KduiError, SQLAlchemyError, OSError) as error:
                # A busy database or a full disk now: the queue must go on once that is over.
                print(f"dispatcher: {error}", flush=True)

    def _free_slots(self) -> list[str]:
        """Slots without a running run here. ``cpu`` is offered beside GPUs too, for runs that ask for it by name."""
        if not self.store.runs.counts().get(RunState.QUEUED):
            return []
        taken = {run.slot for run in self.store.runs.in_state(RunState.RUNNING) if run.host == HOST}
        offered = dict.fromkeys([*slots(self.store.settings.runs_per_gpu), "cpu"])
        return [slot for slot in offered if slot not in taken]

    def _launch(self, run: Run) -> None:
        self.store.events(run.id).append("state", state="running", text=f"on {run.slot}")
        try:
            child = self.launcher.start(run, self.store)
        except OSError as error:
            self.store.runs.transition(
                run.id,
                RunState.FAILED,
                error=f"The worker could not be started ({error.strerror}). Free memory or disk, then resume.",
            )
            return
        if child is not None:
            self._children.append(child)
            self.store.runs.update(run.id, pid=child.pid)

    def _look_after(self, run: Run) -> None:
        """A worker that is gone makes its run interrupted, or cancelled where that was asked."""
        if self._is_alive(run):
            return
        self._end(run, RunState.CANCELLED if run.cancel_requested else RunState.INTERRUPTED)

    def _is_alive(self, run: Run) -> bool:
        silent = run.heartbeat is None or now() - run.heartbeat > timedelta(seconds=SILENT_SECONDS)
        if run.host != HOST:
            return not silent
        if run.pid is None:
            return run.heartbeat is not None and now() - run.heartbeat < timedelta(seconds=START_SECONDS)
        return process_is_worker(run.pid, run.id)

    def _end(self, run: Run, state: RunState) -> None:
        try:
            self.store.runs.transition(run.id, state, seen=run, eta_seconds=None)
        except StateConflict:
            return  # it ended by itself, or was started again, between the look and now
        words = "its worker ended without a word; it goes on from its last checkpoint" if state is RunState.INTERRUPTED else ""
        self.store.events(run.id).append("state", state=str(state), text=words)

    def _put_back(self, run: Run) -> None:
        """Interrupted runs alone resume by themselves, a few times."""
        if run.attempts >= MOST_ATTEMPTS:
            if run.error is None:
                self.store.runs.update(
                    run.id,
                    error=f"Its worker died {run.attempts} times, perhaps for lack of memory. "
                    "Look at the log, lower the batch size, then resume.",
                )
            return
        try:
            self.store.runs.transition(run.id, RunState.QUEUED)
        except StateConflict:
            return  # another dispatcher was quicker
        self.store.events(run.id).append("state", state="queued", text="again, from its last checkpoint")


def process_is_worker(pid: int, run_id: str) -> bool:
    """True when that process lives and works on that run: a reused process id does not count."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and run_id in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
    except psutil.AccessDenied:
        return True


def terminate(run: Run) -> None:
    """Ask a worker of this host to stop at once; its own watchdog ends it when it does not."""
    if run.host == HOST and run.pid and process_is_worker(run.pid, run.id):
        os.kill(run.pid, signal.SIGTERM)
