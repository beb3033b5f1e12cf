"""A store of a million runs, on SQLite and on PostgreSQL: how long a page of the table, a filter and a task's Pareto front take.

Its runs are made up and say so: a row in the table of runs and one result each, which is what these queries read, without steps
and files. Looking for a part of a name is timed apart: it reads every row.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert, text

from kdui.bench.filled_store import BASE, SIMULATED
from kdui.bench.findings import Finding, Spread, plain
from kdui.bench.laboratory import temporary_home
from kdui.bench.postgres import find_postgres, temporary_postgres
from kdui.catalogue.recipe_files import read_recipe
from kdui.catalogue.tasks import TASKS
from kdui.core.run import RunState
from kdui.settings import Settings
from kdui.store import tables
from kdui.store.runs import now
from kdui.store.store import Store

AIM_MS = 300.0
CHUNK = 20_000  # rows that are held in memory
LARGEST = 0.25  # share of the runs that one task has; the others share the rest evenly
FAILED = 0.02
STUDENTS = ("cnn-small", "cnn-tiny", "cnn-medium")


def many_runs(settings: Settings, runs: int = 1_000_000, rounds: int = 20) -> list[Finding]:
    """The slowest of the queries on each database: the 95th percentile of its rounds, in ms."""
    findings = []
    with temporary_home(settings) as home:
        findings += _measured("SQLite", Store(home), runs, rounds)
    if find_postgres() is not None:
        with temporary_home(settings) as home, temporary_postgres() as server:
            store = Store(home.model_copy(update={"database_url": server.address()}))
            findings += _measured("PostgreSQL", store, runs, rounds)
            store.runs.engine.dispose()
    return findings


def _measured(database: str, store: Store, runs: int, rounds: int) -> list[Finding]:
    started = time.perf_counter()
    tasks = fill(store, runs)
    return timings(database, store, tasks, runs, rounds, f"written in {plain(time.perf_counter() - started)} s")


def timings(database: str, store: Store, tasks: list[str], runs: int, rounds: int, note: str) -> list[Finding]:
    """The queries on a filled store: the slowest of them, and the search."""
    timed = {name: _timed(query, rounds) for name, query in queries(store, tasks, runs).items()}
    slowest = max(timed.values(), key=lambda spread: spread.p95)
    lines = [f"{name}: p95 {plain(spread.p95)} ms, median {spread}" for name, spread in timed.items()]
    note = f"{runs:,} made-up runs of {len(tasks)} tasks, {LARGEST:.0%} of them of the largest, {note}"
    title = f"p95 of lists, filters and Pareto fronts, {runs:,} runs in {database}"
    looked = _timed(search(store, runs), max(1, rounds // 4))
    return [
        Finding(title, slowest.p95, "ms", f"the slowest of {len(timed)} queries; {slowest.range}", "≤", AIM_MS, (*lines, note)),
        Finding(
            f"p95 of a search for a part of a name, {runs:,} runs in {database}", looked.p95, "ms", looked.range, "≤", AIM_MS
        ),
    ]


def queries(store: Store, tasks: list[str], runs: int) -> dict[str, Callable[[int], Any]]:
    """What Runs and Explore ask, by name; the argument is the round, so that no two ask for the same page."""
    wanted: dict[str, Any] = {"state": None, "task": None, "text": "", "page": 1, "size": 25}

    def page(**changed: Any) -> Any:
        return store.runs.page(**{**wanted, **changed})

    return {
        "list": lambda number: page(page=1 + number, queue_first=True, fold=True),
        "list, a page in the middle": lambda number: page(page=runs // 50 + number),
        "filter by task": lambda number: page(task=tasks[number % len(tasks)], page=1 + number),
        "filter by state": lambda number: page(state="failed", page=1 + number),
        "front of the largest task": lambda number: store.results.front(tasks[0], ("latency_ms", "parameters")[number % 2], 1),
        "front of another task": lambda number: store.results.front(tasks[1 + number % (len(tasks) - 1)], "latency_ms", 1),
    }


def search(store: Store, runs: int) -> Callable[[int], Any]:
    """Runs whose name, id or models hold a text, another one each time."""
    wanted: dict[str, Any] = {"state": None, "task": None, "page": 1, "size": 25}
    return lambda number: store.runs.page(**wanted, text=f"run {number * 37 % runs:07d}")


def _timed(query: Callable[[int], Any], rounds: int) -> Spread:
    query(0)
    readings = []
    for number in range(1, rounds + 1):
        started = time.perf_counter()
        query(number)
        readings.append(1e3 * (time.perf_counter() - started))
    return Spread(tuple(readings), "ms")


def fill(store: Store, runs: int) -> list[str]:
    """Write so many made-up runs and let the database look over its tables; returns the tasks, the largest first."""
    recipe = read_recipe(BASE, store.settings)
    tasks = [recipe.task, *(name for name in TASKS if name != recipe.task)][:20]
    random = np.random.default_rng(0)
    plain_recipe = recipe.model_dump(mode="json")
    with store.runs.engine.begin() as connection:
        for start in range(0, runs, CHUNK):
            rows = list(_rows(range(start, min(runs, start + CHUNK)), runs, tasks, plain_recipe, recipe.digest, random))
            connection.execute(insert(tables.runs), [run for run, _ in rows])
            connection.execute(insert(tables.results), [result for _, result in rows])
    with store.runs.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # On PostgreSQL an index answers alone only after VACUUM, which a server does by itself some time after so many rows.
        connection.execute(text("VACUUM ANALYZE" if connection.dialect.name == "postgresql" else "ANALYZE"))
    return tasks


def _rows(
    numbers: range, total: int, tasks: list[str], recipe: dict[str, Any], digest: str, random: np.random.Generator
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    count, newest = len(numbers), now()
    chosen = np.where(random.random(count) < LARGEST, 0, random.integers(1, len(tasks), count))
    size = np.exp(random.normal(0, 1, count))
    accuracy = 90 + 3 * np.log1p(size) + random.normal(0, 1, count)
    failed = random.random(count) < FAILED
    for place, number in enumerate(numbers):
        task, student, ended = tasks[chosen[place]], STUDENTS[number % 3], newest - timedelta(seconds=40 * (total - number))
        run = {
            "id": f"{number:08x}",
            "name": f"made-up run {number:07d}",
            "task": task,
            "teacher": "cnn-medium",
            "student": student,
            "seed": number % 5,
            "recipe": recipe,
            "recipe_digest": digest,
            "state": RunState.FAILED if failed[place] else RunState.SUCCEEDED,
            "device": "auto",
            "position": float(number),
            "created": ended - timedelta(seconds=30),
            "finished": ended,
            "progress": 1.0,
        }
        yield run, _result(run, float(accuracy[place]), float(size[place]))


def _result(run: dict[str, Any], accuracy: float, size: float) -> dict[str, Any]:
    return {
        "run": run["id"],
        "step": "measure.distill",
        "task": run["task"],
        "role": "student",
        "label": SIMULATED["note"],
        "model": run["student"],
        "digest": f"{run['id']:0>64}",
        "group": f"{run['id']:0>64}",
        "headline": min(accuracy, 100.0),
        "latency_ms": 0.1 * size,
        "gzip_mb": 0.01 * size,
        "parameters": round(1500 * size),
        "macs": round(30_000 * size),
        "origin": SIMULATED["origin"],
        "latency_origin": SIMULATED["origin"],
    }
