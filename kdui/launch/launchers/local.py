"""Launcher ``local``: a worker process on this machine in its own process group, its output in the run's folder."""

import os
import subprocess
import sys
from pathlib import Path

from kdui import machine
from kdui.core.layout import OUTPUT_FILE
from kdui.core.run import Run, RunFacts
from kdui.launch import processes
from kdui.launch.environment import child_environment
from kdui.launch.launcher import Seen
from kdui.settings import Settings
from kdui.store.store import Store

_children: dict[int, "subprocess.Popen[bytes]"] = {}


def slots(settings: Settings) -> list[str]:
    """A slot for each run that a GPU may take; then the CPU, which beside GPUs is for runs that ask for it by name."""
    return list(dict.fromkeys([*machine.slots(settings.runs_per_gpu), "cpu"]))


def start(run: Run, store: Store) -> int:
    """Start the worker; it outlives the server that started it."""
    folder = store.folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**child_environment(store.settings), "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "true"}
    # Threads that spin while they wait starve each other as soon as anything else runs: small models then train 20 times slower.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if run.slot and run.slot.startswith("cuda:"):
        environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
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
    alive = run.pid is not None and processes.process_is_worker(run.pid, run.id, run.pid_started)
    return Seen(alive, processes.cpu_seconds(run) if closely and alive else None)


def stop(run: RunFacts, *, at_once: bool = False) -> bool:
    """Ask the worker to stop, or end it and all that it started."""
    return processes.kill(run) if at_once else processes.terminate(run)
