"""Launcher ``local``: a worker process on this machine in its own process group, its output in the run's folder."""

import os
import subprocess
import sys
from pathlib import Path

from kdui import machine
from kdui.core.layout import OUTPUT_FILE
from kdui.core.run import Run, RunFacts
from kdui.launch import processes
from kdui.launch.environment import child_environment, worker_environment
from kdui.launch.launcher import Seen
from kdui.settings import Settings
from kdui.store.runs import HOST
from kdui.store.store import Store

__all__ = ["HOST", "poll", "slots", "start", "stop"]

_children: dict[int, "subprocess.Popen[bytes]"] = {}


def slots(settings: Settings) -> list[str]:
    """A slot for each run that a GPU may take; then the CPU, which beside GPUs is for runs that ask for it by name."""
    return list(dict.fromkeys([*machine.slots(settings.runs_per_gpu), "cpu"]))


def start(run: Run, store: Store) -> int:
    """Start the worker; it outlives the server that started it."""
    folder = store.folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    environment = worker_environment(run.slot, child_environment(store.settings))
    root = str(Path(__file__).resolve().parents[3])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    with (folder / OUTPUT_FILE).open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "kdui.worker", run.id],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    return child.pid


def poll(run: RunFacts, *, closely: bool = False) -> Seen:
    """Whether the process lives; ``closely`` reads its processor time as well. An own child that has ended is reaped."""
    if (child := _children.get(run.pid or 0)) and child.poll() is not None:
        del _children[child.pid]
    alive = processes.process_is_worker(run.pid, run.id, run.pid_started) if run.pid is not None else None
    return Seen(alive, processes.cpu_seconds(run) if closely and alive else None)


def stop(run: RunFacts, *, at_once: bool = False) -> bool:
    """Ask the worker to stop, or end it and all that it started."""
    return processes.kill(run) if at_once else processes.terminate(run)
