"""A worker as the process that it is: whether it lives, how much it has computed, and how it is ended from outside."""

import os
import signal
from collections.abc import Callable

import psutil

from kdui.core.run import RunFacts
from kdui.store.runs import HOST

WORKER = "kdui.worker"
SAME_START = 2.0  # s that two readings of one process's start may differ


def process_is_worker(pid: int, run_id: str, started: float | None = None) -> bool:
    """True when that process lives and works on that run: a reused process id does not count.

    What names the run but is no worker (``app.py show RUN``) must have started at that time. A worker need not: where a machine
    has set its clock since, the start that is read now is another one.
    """
    try:
        process = psutil.Process(pid)
        words = process.cmdline()
        same = started is None or WORKER in words or abs(process.create_time() - started) < SAME_START
        return same and run_id in words and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
    except psutil.AccessDenied:
        return True


def start_of(pid: int) -> float | None:
    """When a process started, s since the epoch; None when it has gone."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def is_here(run: RunFacts) -> bool:
    """True for a living worker process on this host."""
    return run.host == HOST and run.pid is not None and process_is_worker(run.pid, run.id, run.pid_started)


def cpu_seconds(run: RunFacts) -> float | None:
    """Processor time of a worker and of its children, s; None where it cannot be read."""
    try:
        process = psutil.Process(run.pid)
        every = [process, *process.children(recursive=True)]
        return sum(sum(each.cpu_times()[:4]) for each in every)
    except psutil.Error:
        return None


def terminate(run: RunFacts) -> bool:
    """Ask a worker of this host to stop at once, True when it was there; who does not listen is ended by ``kill``."""
    return _signal(run, os.kill, signal.SIGTERM)


def kill(run: RunFacts) -> bool:
    """End a worker of this host and all that it started; True when it was there. A stopped or hung process dies too.

    What was killed never runs another instruction, even where the kernel takes its time to clear it away.
    """
    return _signal(run, os.killpg if _leads_its_group(run) else os.kill, signal.SIGKILL)


def _leads_its_group(run: RunFacts) -> bool:
    try:
        return run.pid is not None and os.getpgid(run.pid) == run.pid
    except ProcessLookupError:
        return False


def _signal(run: RunFacts, send: Callable[[int, int], None], number: int) -> bool:
    if run.pid is None or run.pid == os.getpid() or not is_here(run):
        return False
    try:
        send(run.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
