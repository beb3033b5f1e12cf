"""Launcher ``local``: a worker process in its own process group, its output in the run's folder."""

import os
import subprocess
import sys
from pathlib import Path

from kdui.core.run import Run
from kdui.settings import VARIABLES, Settings
from kdui.store.store import Store

OUTPUT = "output.log"
PAGE_ONLY = ("auth", "allowed_hosts")  # settings that no child process needs: the password is the page's alone


def start(run: Run, store: Store) -> subprocess.Popen[bytes]:
    """Start the worker; it outlives the server that started it."""
    folder = store.folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**child_environment(store.settings), "PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "true"}
    # Threads that spin while they wait starve each other as soon as anything else runs: small models then train 20 times slower.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if run.slot and run.slot.startswith("cuda:"):
        environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    root = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    with (folder / OUTPUT).open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "kdui.worker", run.id],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a worker or the serving process: this one's with the settings, without the page's password."""
    kept = {name: value for name, value in os.environ.items() if name not in {VARIABLES[field] for field in PAGE_ONLY}}
    return {**kept, **environment_of(settings)}


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, so that a child process has the same ones."""
    given = {VARIABLES[name]: getattr(settings, name) for name in VARIABLES if name not in PAGE_ONLY}
    return {
        key: ("1" if value is True else "0" if value is False else str(value))
        for key, value in given.items()
        if value is not None
    }
