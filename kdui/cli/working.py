"""The command ``work``: runs of the queue on this machine, without a page, for as long as there are some."""

import signal
import threading
import time
from typing import Annotated

import psutil
import typer

from kdui.core.run import RunFacts, RunState
from kdui.launch import processes
from kdui.launch.dispatcher import TICK_SECONDS, Dispatcher
from kdui.settings import Settings
from kdui.store.runs import HOST
from kdui.store.store import Store

DRAIN_SECONDS = 50.0  # for workers to write a checkpoint: Slurm's --signal is sent 60 s before the end


def register(app: typer.Typer) -> None:
    """Add the command to the program's."""
    app.command()(work)


def work(
    idle: Annotated[float, typer.Option(min=0, help="End when nothing was there to run for so many seconds.")] = 10.0,
) -> None:
    """Work off the queue on this machine, without a page, until it is empty: the command for jobs of a scheduler such as Slurm.

    SIGTERM lets the workers write a checkpoint; their runs go on elsewhere.
    """
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    settings = Settings.from_environment()
    work_off(Dispatcher(Store(settings)), stop, idle)


def work_off(dispatcher: Dispatcher, stop: threading.Event, idle: float) -> None:
    """Dispatch until ``stop`` is set, or nothing has run here for ``idle`` seconds; then see this process's workers out."""
    dispatcher.start()
    ran_at = time.monotonic()
    while not stop.wait(TICK_SECONDS) and time.monotonic() - ran_at <= idle:
        if dispatcher.store.runs.counts().get(RunState.RUNNING) and _running_here(dispatcher.store):
            ran_at = time.monotonic()
    dispatcher.stop()
    until = time.monotonic() + DRAIN_SECONDS
    for run in (mine := [run for run in _running_here(dispatcher.store) if _is_mine(run)]):
        processes.terminate(run)
    while time.monotonic() < until and any(processes.is_here(run) for run in mine):
        time.sleep(TICK_SECONDS)


def _running_here(store: Store) -> list[RunFacts]:
    return [run for run in store.runs.in_state(RunState.RUNNING) if run.host == HOST]


def _is_mine(run: RunFacts) -> bool:
    """Whether this process started its worker: a page, or another job, on this machine has its own."""
    try:
        return psutil.Process(run.pid or 0).ppid() == psutil.Process().pid
    except psutil.Error:
        return False
