"""``python -m kdui.bench.kills [--kills N] [--seed S]``: kill -9 at random moments; each run must end equal to the bit.

A server (dispatcher, serving process) works off a recipe on the digits. At moments by lot the worker, the server, the serving
process or all of them are killed, and a server is started again, as a service manager does. A run that ended is compared with one
that nothing happened to: every file of every artifact.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import psutil

from kdui.bench.findings import Finding
from kdui.bench.laboratory import temporary_home
from kdui.bench.server import ROOT
from kdui.catalogue.planner import plan_recipe
from kdui.core.errors import KduiError, StateConflict
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.launch.environment import environment_of
from kdui.launch.processes import process_is_worker
from kdui.settings import Settings
from kdui.store.store import Store

RECIPE: dict[str, Any] = {
    "task": "digits",
    "teacher": "cnn-small",
    "student": "cnn-tiny",
    "stages": [
        {"teach": {"epochs": 4}},
        {"distill": {"epochs": 12, "batch_size": 32, "control": False}},
        {"prune": {"sparsity": 0.5, "epochs": 4}},
        "export",
    ],
}
VICTIMS = ("worker", "server", "serving", "all")
RUN_SECONDS = 600.0  # that one run may take with all its kills
START_SECONDS = 4.0  # about what a worker takes to import PyTorch, which the undisturbed run has done before
LOOK_SECONDS = 0.05
# A server without its page: it dispatches, and asks its serving process for examples without a pause.
SERVER = """
import os, sys, time
from kdui.core.errors import KduiError
from kdui.workbench.workbench import Workbench
bench = Workbench()
bench.start_dispatcher()
while os.environ.get("KDUI_BENCH_SERVING") == "1":
    try:
        bench.serving.call("examples", task="digits", n=1, offset=0)
        time.sleep(0.2)
    except KduiError as error:
        print(error, flush=True)
time.sleep(1e6)
"""


class Service:
    """A server that is started again when it died."""

    def __init__(self, settings: Settings, serving: bool):
        self._settings, self._serving = settings, serving
        self._process: subprocess.Popen[bytes] | None = None
        self._workers: set[int] = set()

    def ensure(self) -> subprocess.Popen[bytes]:
        """The living server."""
        if self._process is None or self._process.poll() is not None:
            environment = {**os.environ, **environment_of(self._settings), "KDUI_BENCH_SERVING": str(int(self._serving))}
            environment["PYTHONPATH"] = str(ROOT)
            with (self._settings.home / "server.log").open("ab") as output:
                command = [sys.executable, "-c", SERVER]
                self._process = subprocess.Popen(command, cwd=self._settings.home, env=environment, stdout=output, stderr=output)
        return self._process

    def pids(self, victim: str, run: Run) -> list[int]:
        """The processes of that kind that live at the moment."""
        found = []
        server = self.ensure()
        if victim in ("serving", "all"):
            with contextlib.suppress(psutil.Error):
                children = psutil.Process(server.pid).children()
                found += [child.pid for child in children if "kdui.serving" in " ".join(child.cmdline())]
        if victim in ("worker", "all") and run.pid and process_is_worker(run.pid, run.id):
            found.append(run.pid)
        return [*found, *([server.pid] if victim in ("server", "all") else [])]

    def end(self, run: Run) -> None:
        """Leave nothing behind."""
        for pid in self.pids("all", run):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.ensure().wait()


def kills(
    settings: Settings,
    kills: int = 100,
    seed: int = 0,
    a_run: int = 4,
    victims: Sequence[str] = VICTIMS,
    recipe: dict[str, Any] = RECIPE,
    serving: bool = True,
) -> list[Finding]:
    """So many kills at random moments, at most ``a_run`` of them in one run; the share of runs that end equal to the bit."""
    dice, fired, resumed = random.Random(seed), Counter[str](), 0
    done: list[bool] = []
    began = time.monotonic()
    expected, seconds = undisturbed(settings, recipe)
    while fired.total() < kills and len(done) < 3 * kills + 3:  # a run may end before its first kill
        with temporary_home(settings) as home:
            gap = 2 * (START_SECONDS + seconds) / a_run  # in the mean the kills spread over the whole run
            at = [(dice.uniform(0.0, gap), dice.choice(list(victims))) for _ in range(min(a_run, kills - fired.total()))]
            store, service = Store(home), Service(home, serving)
            run = submit(store, recipe)
            try:
                hit, asked = disturbed(store, service, run, at)
                done.append(files_of(store, store.runs.get(run.id)) == expected)
            finally:
                service.end(store.runs.get(run.id))
        fired.update(hit)
        resumed += asked
        print(f"{fired.total()} of {kills} kills, {sum(done)} of {len(done)} runs equal to the bit", file=sys.stderr, flush=True)
    told = ", ".join(
        f"{count} of the {name}" if name != "all" else f"{count} of all at once" for name, count in sorted(fired.items())
    )
    lines = (
        f"killed: {told}; seed {seed}; {len(expected)} artifacts a run compared file by file",
        f"{resumed} times a run waited for a person after three kills in a row before it got further, and was resumed",
        f"an undisturbed run takes {seconds:.1f} s; all together {time.monotonic() - began:.0f} s",
    )
    share = 100.0 * sum(done) / len(done)
    return [
        Finding(
            "runs equal to the bit after kill -9", share, "%", f"{fired.total()} kills in {len(done)} runs", "≥", 100.0, lines
        )
    ]


def submit(store: Store, plain: dict[str, Any]) -> Run:
    recipe = Recipe.model_validate(plain)
    return store.runs.create(recipe, plan_recipe(recipe, store.settings), "cpu")


def undisturbed(settings: Settings, recipe: dict[str, Any]) -> tuple[dict[str, dict[str, str]], float]:
    """What the recipe makes when nothing happens to it, and the seconds that it takes in this process."""
    with temporary_home(settings) as home:
        store = Store(home.model_copy(update={"launcher": "inline"}))
        run = submit(store, recipe)
        began = time.monotonic()
        Dispatcher(store).tick()
        ended = store.runs.get(run.id)
        if ended.state is not RunState.SUCCEEDED:
            raise KduiError(f"The undisturbed run {ended.state}: {ended.error}")
        return files_of(store, ended), time.monotonic() - began


def files_of(store: Store, run: Run) -> dict[str, dict[str, str]]:
    """Step -> file -> sha256 of every artifact, each verified."""
    manifests = {step.name: store.artifacts.open(step.digest).manifest for step in run.steps}
    return {name: {file: record.sha256 for file, record in manifest.files.items()} for name, manifest in manifests.items()}


def disturbed(store: Store, service: Service, run: Run, at: Sequence[tuple[float, str]]) -> tuple[list[str], int]:
    """Kill as told (seconds since the last one, of whom) while the run goes on, and wait for its end; who was killed, and how
    often the run had to be resumed by a person."""
    pause, deadline, resumed = threading.Event(), time.monotonic() + RUN_SECONDS, 0
    hit: list[str] = []
    coming: Iterator[tuple[float, str]] = iter(at)
    following, since = next(coming, None), time.monotonic()
    while True:
        service.ensure()
        facts = store.runs.get(run.id)
        if facts.state is RunState.SUCCEEDED:
            return hit, resumed
        if facts.state.is_final or time.monotonic() > deadline:
            raise KduiError(
                f"The run is {facts.state} after {len(hit)} kills: {facts.error}. Its home had: {store.settings.home}"
            )
        if facts.waits_for_a_person:
            with contextlib.suppress(StateConflict):
                store.runs.transition(run.id, RunState.QUEUED, attempts=0, fruitless=0)
                resumed += 1
        due = following is not None and facts.state is RunState.RUNNING and time.monotonic() - since > following[0]
        if following and due and (pids := service.pids(following[1], facts)):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            hit.append(following[1])
            following, since = next(coming, None), time.monotonic()
        pause.wait(LOOK_SECONDS)


def main(arguments: list[str]) -> int:
    """Kill, and print how the runs ended; 1 where one of them is not equal to the bit."""
    parser = argparse.ArgumentParser(prog="python -m kdui.bench.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="how many; default 100")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args(arguments)
    found = kills(Settings.from_environment(), options.kills, options.seed)
    print(*(finding.text() for finding in found), sep="\n")
    return 0 if all(finding.met for finding in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
