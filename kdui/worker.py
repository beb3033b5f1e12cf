"""The worker: ``python -m kdui.worker RUN_ID [ATTEMPT]`` runs one claimed run to its end.

A heartbeat thread updates the run, watches for cancel requests, and kills the process when work does not stop in time.
"""

import os
import signal
import socket
import sys
import threading
import time
import traceback

import psutil
from sqlalchemy.exc import SQLAlchemyError

from kdui.core.errors import Cancelled, KduiError, UnknownName
from kdui.core.logs import logger
from kdui.core.plan import Step
from kdui.core.run import Run, RunState
from kdui.settings import Settings
from kdui.store.store import Store

# Idle OpenMP threads must sleep, not spin: spinning makes training tens of times slower when anything else uses a core.
# Read when torch is first imported, which happens below in ``perform``.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

STATE_SECONDS = 600.0  # how long a change of state and a measurement wait for a database that another program has locked
WORKING_SHARE = 0.05  # of one core, between two beats: whoever uses more is at work
BUSY_FACTOR = 12  # processor time without any report counts as work for this many limits: a driver may spin for ever
CHILDREN_EVERY = 5  # beats between two looks at the processor time of child processes
GRACE_SECONDS = 3.0  # from the request to cancel until the worker ends itself: together with a beat under the promised 5 s


class Heart(threading.Thread):
    """Writes the heartbeat and the run's progress; sees to it that a cancelled run ends."""

    def __init__(self, store: Store, run: Run, report):  # type: ignore[no-untyped-def]
        super().__init__(daemon=True, name="heart")
        self.store, self.run_facts, self.report = store, run, report
        self.stop = threading.Event()
        self.beat_seconds = store.settings.beat_seconds
        self._trouble = ""
        self._signs, self._reported, self._cpu, self._beats = -1, time.monotonic(), 0.0, 0

    def run(self) -> None:
        asked_at: float | None = None
        while not self.stop.wait(self.beat_seconds):
            self._beat()
            if self.report.cancelled:
                asked_at = asked_at or time.monotonic()
                # Launched inline, the process belongs to somebody else, who then waits for the next check.
                if time.monotonic() - asked_at > GRACE_SECONDS and self.run_facts.pid == os.getpid():
                    finish(self.store, self.run_facts, how_it_stopped(self.store, self.run_facts))
                    os.killpg(0, signal.SIGKILL) if os.getpgrp() == os.getpid() else os._exit(1)

    def _beat(self) -> None:
        report = self.report
        try:
            if self.store.runs.beat(
                self.run_facts, report.fraction, report.eta_seconds, worked=self.work_moves(), step=report.step_progress
            ):
                report.cancelled = True
            self._trouble = ""
        except (KduiError, SQLAlchemyError) as error:
            # A busy database or a full disk now: the next beat tries again, and a cancel must still be heard then.
            if self._trouble != type(error).__name__:
                logger("worker", self.run_facts.id).warning("The heartbeat could not be written, the work continues: %s", error)
            self._trouble = type(error).__name__

    def work_moves(self) -> bool:
        """Whether the work gave a sign of life since the last beat: a report, or processor time of its own or of its children.

        This thread says nothing of it: it continues beating while native code hangs.
        """
        self._beats += 1
        now = time.monotonic()
        if self.report.signs != self._signs:
            self._signs, self._reported = self.report.signs, now
            self._cpu = self._processor_time()
            return True
        used, self._cpu = self._processor_time() - self._cpu, self._processor_time()
        busy = used > WORKING_SHARE * self.beat_seconds or (self._beats % CHILDREN_EVERY == 0 and children_work())
        return busy and now - self._reported < BUSY_FACTOR * 60 * self.store.settings.stall_minutes

    @staticmethod
    def _processor_time() -> float:
        """Of all threads but this one, s."""
        return time.process_time() - time.thread_time()


def children_work() -> bool:
    """Whether a child process uses a processor."""
    try:
        return any(child.cpu_percent(0.1) > 100 * WORKING_SHARE for child in psutil.Process().children(recursive=True))
    except psutil.Error:
        return False


def main(run_id: str, attempt: int | None = None) -> int:
    """Run a run that a dispatcher has claimed; returns the exit code.

    With ``attempt`` it must still be that one: a job that waited in a cluster's queue may begin when another has taken its place.
    """
    store = Store(Settings.from_environment())
    run = store.patient(STATE_SECONDS).runs.get(run_id)
    if run.state is not RunState.RUNNING or attempt not in (None, run.attempts):
        stands = run.state if run.state is not RunState.RUNNING else f"at attempt {run.attempts}"
        logger("worker", run_id).warning("Run %s is %s, so there is nothing to do.", run_id, stands)
        return 1
    me = {"pid": os.getpid(), "pid_started": psutil.Process().create_time()}
    store.patient(STATE_SECONDS).runs.update(run_id, **me)
    logger("worker", run_id).info(
        "Run %s (%s) starts on %s of %s in process %s.", run_id, run.name, run.slot, socket.gethostname(), os.getpid()
    )
    return perform(store, run_id)


def perform(store: Store, run_id: str) -> int:
    """Run the whole plan under a heartbeat and write how it ended."""
    from kdui.catalogue.planner import plan_to_run
    from kdui.engine.failures import gpu_is_lost, memory_advice, ran_out_of_memory
    from kdui.engine.pipeline import Pipeline, expected_weights
    from kdui.engine.reporter import RunReporter
    from kdui.engine.trackers.tracker import Trackers
    from kdui.training.device import prepare_torch, torch_device

    hurried, store = store, store.patient(STATE_SECONDS)  # a beat that is late is no use, a measurement always is
    run = store.runs.get(run_id)
    report = RunReporter(store, run_id, {})
    heart = Heart(hurried, run, report)
    heart.start()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: setattr(report, "cancelled", True))
    plan: list[Step] = []
    try:
        plan = plan_to_run(run.recipe, store.settings, report.download)
        if [step.digest for step in plan] != [step.digest for step in run.steps]:
            store.runs.replace_steps(run_id, plan)
        cached = {step.digest for step in plan if store.artifacts.has(step.digest)}
        known = store.runs.expected_seconds({(run.recipe.task, step.method, step.label) for step in plan})
        report._weights.update(expected_weights(plan, known, run.recipe.task, cached))
        device = torch_device(run.slot or "cpu")
        prepare_torch(device)
        report.trackers = Trackers(store, run, report.log)
        Pipeline(store, run, plan, device, report).run()
    except Cancelled:
        return end(store, heart, how_it_stopped(store, run))
    except KduiError as error:
        return end(store, heart, RunState.FAILED, str(error))
    except Exception as error:
        traceback.print_exc()
        if gpu_is_lost(error):
            report.log(
                f"The GPU stopped answering ({first_line(error)}). The run goes on in a new process, from its last checkpoint."
            )
            return end(store, heart, how_it_stopped(store, run))
        if ran_out_of_memory(error):
            return end(store, heart, RunState.FAILED, memory_advice(plan, report.step, run.slot or "cpu"))
        return end(store, heart, RunState.FAILED, explain(error))
    return end(store, heart, RunState.SUCCEEDED)


def how_it_stopped(store: Store, run: Run) -> RunState:
    """Cancelled where a person requested it. Another signal, e.g. a shutdown, interrupts: such a run resumes on its own."""
    try:
        return RunState.CANCELLED if store.runs.get(run.id).cancel_requested else RunState.INTERRUPTED
    except UnknownName:  # deleted meanwhile
        return RunState.CANCELLED


def explain(error: Exception) -> str:
    """An error that nobody foresaw, in words, with where to read more."""
    return (
        f"Unexpected {type(error).__name__}: {first_line(error)}. "
        "The run's log has the details; finished stages are kept, so resume continues from there."
    )


def first_line(error: Exception) -> str:
    """The first line of what an error says, bounded."""
    return next(iter(str(error).strip().splitlines()), "no message")[:300]


def end(store: Store, heart: Heart, state: RunState, error: str | None = None) -> int:
    """Stop the heart, then write the final state once."""
    if heart.report.trackers is not None:
        heart.report.trackers.close(state)
    heart.stop.set()
    heart.join()
    finish(store, heart.run_facts, state, error)
    return 0 if state is RunState.SUCCEEDED else 1


def finish(store: Store, run: Run, state: RunState, error: str | None = None) -> None:
    """Write how the run ended; a run that somebody else ended, took over or deleted meanwhile is left alone."""
    if error:
        logger("worker", run.id).error("%s", error)
    values = {"error": error, "eta_seconds": None, **({"progress": 1.0} if state is RunState.SUCCEEDED else {})}
    try:
        store.runs.transition(run.id, state, seen=run, **values)
        store.events(run.id).append("state", text=error or "", state=str(state))
    except (KduiError, SQLAlchemyError) as conflict:
        logger("worker", run.id).warning("%s", conflict)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None))
