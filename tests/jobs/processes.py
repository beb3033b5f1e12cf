"""Real worker processes, fake launchers, and waiting for what they do."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kdui.catalogue.planner import plan_recipe
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunState
from kdui.launch.environment import environment_of
from kdui.launch.launchers import local
from kdui.settings import Settings
from kdui.store.store import Store

ROOT = Path(__file__).parents[2]
LIMIT = 240.0  # s: a worker imports torch first, which takes long beside other work
RECIPE: dict[str, Any] = {
    "task": "digits",
    "teacher": "cnn-small",
    "student": "cnn-tiny",
    "stages": [{"teach": {"epochs": 1}}, {"distill": {"epochs": 8, "batch_size": 32, "control": False}}],
}
ENDLESS: dict[str, Any] = {**RECIPE, "stages": [{"teach": {"epochs": 1}}, {"distill": {"epochs": 1000, "control": False}}]}

# A server that does nothing but dispatch, until it is killed.
SERVER = (
    "import signal; from kdui.launch.dispatcher import Dispatcher; from kdui.settings import Settings; "
    "from kdui.store.store import Store; Dispatcher(Store(Settings.from_environment())).start(); signal.pause()"
)


def submit(store: Store, plain: dict[str, Any], device: str = "auto", **changes: Any) -> Run:
    """Queue a recipe."""
    recipe = Recipe.model_validate({**plain, **changes})
    return store.runs.create(recipe, plan_recipe(recipe, store.settings), device)


def wait_for(what: str, condition: Callable[[], Any], meanwhile: Callable[[], None] = lambda: None, limit: float = LIMIT) -> Any:
    """Ask again until the condition gives something; ``meanwhile`` runs before each look. Fails with ``what`` at the limit."""
    pause, deadline = threading.Event(), time.monotonic() + limit
    while True:
        meanwhile()
        if result := condition():
            return result
        assert time.monotonic() < deadline, f"not within {limit:.0f} s: {what}"
        pause.wait(0.05)


def wait_for_state(
    store: Store, run: Run, state: RunState, meanwhile: Callable[[], None] = lambda: None, limit: float = LIMIT
) -> Run:
    """The run once it is in that state; fails at once when it ends in another one."""

    def there() -> Run | None:
        current = store.runs.get(run.id)
        if current.state is state:
            return current
        assert not current.state.is_final, f"run is {current.state}: {current.error}"
        return None

    return wait_for(f"run {state}", there, meanwhile, limit)


def wait_for_epoch(store: Store, run: Run, step: str, epoch: float, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Until the step has trained that many epochs."""

    def trained() -> bool:
        events, _ = store.events(run.id).read()
        return any(event.kind == "metric" and event.step == step and (event.at or 0) >= epoch for event in events)

    wait_for(f"epoch {epoch} of {step}", trained, meanwhile)


def history(store: Store, run: Run) -> list[str]:
    """The states that the run's events tell of, in order."""
    return [event.values["state"] for event in store.events(run.id).read()[0] if event.kind == "state"]


def step_history(store: Store, run: Run, step: str) -> list[str]:
    """The states of one step that the run's events tell of, in order."""
    return [event.values["state"] for event in store.events(run.id).read()[0] if event.kind == "step" and event.step == step]


@contextmanager
def server(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A server process of its own."""
    environment = {**os.environ, **environment_of(settings), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", SERVER], cwd=settings.home, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class FakeLauncher:
    """Starts processes that only wait, or that end at once; the rest is the launcher's of this machine."""

    HOST = local.HOST
    slots, poll, stop = staticmethod(local.slots), staticmethod(local.poll), staticmethod(local.stop)

    def __init__(self, program: str = "import signal; signal.pause()"):
        self.program = program
        self.started: list[Run] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, run: Run, store: Store) -> int:
        self.started.append(run)
        process = subprocess.Popen(
            [sys.executable, "-c", self.program, run.id],
            cwd=ROOT,
            start_new_session=True,
            env={**os.environ, **environment_of(store.settings)},
        )
        self.processes.append(process)
        return process.pid

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
