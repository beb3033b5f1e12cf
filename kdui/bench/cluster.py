"""``python -m kdui.bench.cluster [--runs N] [--workers N]``: a sweep on a cluster whose node dies, and a store of many workers.

The sweep trains small models on the digits, as jobs of two Ray nodes on this machine, with a PostgreSQL of its own. Once a run
has ended, a node and the server are killed; another server goes on. Each run must succeed, and once. The many workers are rows of
such a store and do no work: what is timed is what a dispatcher, a heartbeat and a claim ask of the database.
"""

import argparse
import itertools
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import text, update

from kdui.bench.findings import Finding, Spread, plain
from kdui.bench.laboratory import temporary_home
from kdui.bench.many_runs import fill
from kdui.bench.postgres import temporary_postgres
from kdui.bench.ray_cluster import two_nodes
from kdui.bench.server import ROOT
from kdui.catalogue.planner import plan_recipe
from kdui.core.errors import KduiError
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.launch.environment import environment_of
from kdui.settings import Settings
from kdui.store import tables
from kdui.store.store import Store

RECIPE: dict[str, Any] = {
    "task": "digits",
    "teacher": "cnn-small",
    "student": "cnn-tiny",
    "stages": [{"teach": {"epochs": 2}}, {"distill": {"epochs": 6, "control": False}}],
}
SERVER = (
    "import signal; from kdui.launch.dispatcher import Dispatcher; from kdui.settings import Settings; "
    "from kdui.store.store import Store; Dispatcher(Store(Settings.from_environment())).start(); signal.pause()"
)
RUN_SECONDS = 120.0  # that one run may take on average
LOOK_SECONDS = 0.5
ELSEWHERE, WRITERS = "ray:jobs", 8
ROUND_MS = 1000.0  # a dead worker is noticed after seconds: a round may take one
RUN_MINUTES = 5.0  # a short run: as many are claimed a second as workers end theirs


def sweep_on_two_nodes(settings: Settings, runs: int = 20) -> list[Finding]:
    """How many of the runs succeeded once, although a node and the server were killed midway."""
    with temporary_home(settings) as home, temporary_postgres() as database:
        address = {"KDUI_DATABASE_URL": database.address()}
        with two_nodes(address) as nodes:
            store = Store(home.model_copy(update={"database_url": database.address(), "launcher": "ray"}))
            started = time.monotonic()
            queued = [_queue(store, seed) for seed in range(runs)]
            server = _serve(store.settings, nodes.client)
            try:
                _wait("a first run has ended", lambda: _ended(store, queued) >= 1, RUN_SECONDS * 2)
                _wait("both nodes have a worker", lambda: _at_work(store, queued) == 2, RUN_SECONDS * 2)
                server.kill()
                nodes.kill_node()
                server = _serve(store.settings, nodes.client)
                _wait("all runs have ended", lambda: _ended(store, queued) == runs, RUN_SECONDS * runs)
            finally:
                server.kill()
                server.wait()
            return [_outcome(store, queued, time.monotonic() - started)]


def _queue(store: Store, seed: int) -> Run:
    recipe = Recipe.model_validate({**RECIPE, "seed": seed})
    return store.runs.create(recipe, plan_recipe(recipe, store.settings), "auto")


def _serve(settings: Settings, client: dict[str, str]) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **environment_of(settings), **client, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", SERVER], cwd=settings.home, env=environment)


def _ended(store: Store, queued: list[Run]) -> int:
    return sum(store.runs.facts(run.id).state.is_final for run in queued)


def _at_work(store: Store, queued: list[Run]) -> int:
    facts = [store.runs.facts(run.id) for run in queued]
    return sum(run.state is RunState.RUNNING and run.pid is not None for run in facts)


def _wait(what: str, condition: Callable[[], bool], limit: float) -> None:
    """Until ``condition`` holds; raises KduiError at the limit (s)."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise KduiError(f"It took more than {limit:.0f} s until {what}.")
        time.sleep(LOOK_SECONDS)


def _outcome(store: Store, queued: list[Run], seconds: float) -> Finding:
    ended: Counter[int] = Counter()
    attempts: Counter[int] = Counter()
    for run in queued:
        events = store.events(run.id).read()[0]
        ended[sum(event.kind == "state" and event.values["state"] == RunState.SUCCEEDED for event in events)] += 1
        attempts[store.runs.facts(run.id).attempts] += 1
    tries = ", ".join(f"{count} in {number} attempt{'s' if number > 1 else ''}" for number, count in sorted(attempts.items()))
    title = "runs that succeeded exactly once, though a node and the server were killed"
    return Finding(title, ended[1], f"of {len(queued)}", f"in {plain(seconds)} s", "≥", len(queued), (tries,))


def many_workers(settings: Settings, workers: int = 10_000, rounds: int = 5, seconds: float = 5.0) -> list[Finding]:
    """What so many running runs cost: a round of the dispatcher (ms), heartbeats and claims (1/s)."""
    with temporary_home(settings) as home, temporary_postgres() as database:
        store = Store(home.model_copy(update={"database_url": database.address(), "launcher": "elsewhere"}))
        fill(store, 2 * workers)
        running, queued = tables.runs.c.position < workers, tables.runs.c.position >= workers
        marks = {"state": RunState.RUNNING, "host": ELSEWHERE, "pid": 1, "attempts": 1, "slot": "cpu/" + tables.runs.c.id}
        with store.runs.engine.begin() as connection:
            connection.execute(update(tables.runs).where(running).values(**marks, finished=None))
            connection.execute(update(tables.runs).where(queued).values(state=RunState.QUEUED, finished=None))
            sized = connection.execute(text("SELECT pg_total_relation_size('runs') + pg_total_relation_size('results')")).scalar()
        size = f"{(sized or 0) / (2 * workers) / 1e3:.1f} kB of database a run, without its steps and measurements"
        dispatcher = Dispatcher(store)
        rounds_ms = Spread(tuple(_milliseconds(dispatcher) for _ in range(rounds)), "ms")
        beats = _rate(store, seconds, store.runs.in_state(RunState.RUNNING))
        slots = (f"cpu/ray-{number}" for number in itertools.count(1))
        began, claims = time.monotonic(), 0
        while time.monotonic() - began < seconds and store.runs.claim(next(slots), host=ELSEWHERE):
            claims += 1
        claimed = claims / (time.monotonic() - began)
        store.runs.engine.dispose()
    return [
        Finding(
            f"p95 of a dispatcher's round over {workers:,} running runs",
            rounds_ms.p95,
            "ms",
            rounds_ms.range,
            "≤",
            ROUND_MS,
            (size,),
        ),
        Finding("heartbeats that are written", beats, "1/s", f"{WRITERS} writers", "≥", workers / settings.beat_seconds),
        Finding("runs that one dispatcher claims", claimed, "1/s", f"of {workers:,}", "≥", workers / RUN_MINUTES / 60),
    ]


def _milliseconds(dispatcher: Dispatcher) -> float:
    started = time.perf_counter()
    dispatcher.tick()
    return 1e3 * (time.perf_counter() - started)


def _rate(store: Store, seconds: float, runs: list[Any]) -> float:
    """Heartbeats a second, of all writers together."""
    counts, until = [0] * WRITERS, time.monotonic() + seconds

    def write(writer: int) -> None:
        for run in itertools.cycle(runs[writer::WRITERS]):
            if time.monotonic() > until:
                return
            store.runs.beat(run, 0.5, 60.0)
            counts[writer] += 1

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def main(arguments: list[str]) -> int:
    """Print what was measured; 1 where an aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m kdui.bench.cluster", description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="runs of the sweep; 0: none")
    parser.add_argument("--workers", type=int, default=10_000, help="running runs of the store; 0: none")
    options = parser.parse_args(arguments)
    settings = Settings.from_environment()
    findings = many_workers(settings, options.workers) if options.workers else []
    findings += sweep_on_two_nodes(settings, options.runs) if options.runs else []
    print(*(finding.text() for finding in findings), sep="\n")
    return 0 if all(finding.met for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
