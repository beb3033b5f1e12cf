"""What may go from the store, and what never does: results, pinned and unfinished runs, recipes, what is being read."""

import os
import threading
import time
from datetime import timedelta

import pytest

from kdui.core.artifact import MANIFEST
from kdui.core.layout import OUTPUT_FILE
from kdui.core.marks import Marks
from kdui.core.plain import digest
from kdui.core.run import RunState
from kdui.store.retention import bound
from kdui.store.runs import now
from kdui.store.store import Store
from kdui.store.tables import results
from kdui.store.waste import free, waste
from tests.store.load import finish
from tests.store.made import artifact, queued, write

LONG_AGO = time.time() - 86_400


@pytest.fixture
def store(settings):
    return Store(settings)


def finished(store, **changes):
    """A run that succeeded; its steps are called teach and distill, and its teacher is every seed's."""
    run = queued(store, "cpu", **changes)
    finish(store, store.runs.claim("cpu"))
    for step in run.steps:
        aged(store, step.digest, 0)
    return run


def aged(store, name: str, seconds: float) -> str:
    """Used last so long after a day ago."""
    os.utime(store.artifacts.place(name) / MANIFEST, (LONG_AGO + seconds, LONG_AGO + seconds))
    return name


def student(run) -> str:
    return run.steps[1].digest


def test_the_least_recently_used_go_first_until_the_rest_fits(store):
    runs = [finished(store, seed=seed) for seed in range(4)]
    for run, age in zip(runs, (30, 10, 40, 20), strict=True):
        aged(store, student(run), age)
    aged(store, runs[0].steps[0].digest, 50)
    each = store.artifacts.stored()[0].bytes
    evicted = bound(store, 3 * each, ())
    assert evicted.digests == (student(runs[1]), student(runs[3]))
    assert (evicted.freed, evicted.left, len(store.artifacts.digests())) == (2 * each, 3 * each, 3)
    assert bound(store, 3 * each, ()).digests == ()


def test_what_is_needed_is_never_evicted(store):
    runs = [finished(store, seed=seed) for seed in range(6)]
    pinned, shown, named, in_a_file, read, free_to_go = map(student, runs)
    store.marks.put(runs[0].id, Marks(pinned=True))
    _result_of(store, runs[1], shown)
    waiting = queued(store, "cpu", teacher=f"artifact:{named}", seed=77)
    store.artifacts.touch(read)
    evicted = bound(store, 0, {in_a_file})
    assert evicted.digests == (free_to_go,) and evicted.left == sum(item.bytes for item in store.artifacts.stored())
    kept = {pinned, shown, named, in_a_file, read, runs[0].steps[0].digest}
    assert set(store.artifacts.digests()) == kept
    store.runs.transition(waiting.id, RunState.CANCELLED)
    store.runs.remove(waiting.id)
    assert set(bound(store, 0, ()).digests) == {named, in_a_file}
    assert set(store.artifacts.digests()) == {pinned, shown, read, runs[0].steps[0].digest}


def _result_of(store, run, name: str) -> None:
    values = {column.name: 0 if column.type.python_type in (int, float) else "" for column in results.c if not column.nullable}
    with store.runs.engine.begin() as connection:
        connection.execute(results.insert().values(**values | {"id": None, "run": run.id, "digest": name}))


def test_what_a_run_that_was_queued_meanwhile_needs_stays(store, monkeypatch):
    """Between the look and the removal: the second look is taken under the artifact's lock."""
    run = finished(store, seed=1)
    held = store.artifacts.stored

    def late():
        items = held()
        threading.Thread(target=queued, args=(store, "cpu"), kwargs={"seed": 1}).run()
        return items

    monkeypatch.setattr(store.artifacts, "stored", late)
    assert bound(store, 0, ()).digests == () and store.artifacts.has(student(run))


def test_what_another_process_makes_or_checks_is_left_alone(store):
    run = finished(store)
    with store.artifacts.locked(student(run)):
        evicted = bound(store, 0, ())
    assert evicted.digests == (run.steps[0].digest,) and store.artifacts.has(student(run))


@pytest.mark.parametrize("jump", [-10_000_000, 10_000_000])
def test_a_clock_that_jumps_costs_at_most_what_can_be_made_again(store, monkeypatch, jump):
    run = finished(store)
    for step in run.steps:
        store.artifacts.touch(step.digest)
    store.marks.put(run.id, Marks(pinned=True))
    loose = artifact(store.artifacts, "loose")
    true = time.time
    monkeypatch.setattr(time, "time", lambda: true() + jump)
    assert bound(store, 0, ()).digests == ((loose,) if jump > 0 else ())


def test_waste_is_what_nothing_needs(store):
    run, old = finished(store, seed=1), finished(store, seed=2)
    store.runs.update(old.id, finished=now() - timedelta(days=31))
    for each in (run, old):
        write(store.folder(each.id), {OUTPUT_FILE: b"lines", "checkpoints/abc/checkpoint.safetensors": b"weights"})
    write(store.folder("deadbeef"), {"events.jsonl": b"of a run that is gone"})
    for path in (store.folder("deadbeef"), store.folder("deadbeef") / "events.jsonl"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    unused = aged(store, artifact(store.artifacts, "unused"), 0)
    new = artifact(store.artifacts, "new")
    timed = aged(store, artifact(store.artifacts, "timed choice", files={"note": b""}), 0)
    half, busy = digest("half"), digest("busy")
    for name in (half, busy):
        write(store.artifacts.place(name), {"model.bin": b"half"})
        write(store.artifacts.root / "drafts" / f"{name[:12]}-abc", {"model.bin": b"half"})
    with store.artifacts.locked(half):
        pass  # its maker was killed
    failed = queued(store, "cpu", seed=9)
    store.runs.transition(store.runs.claim("cpu").id, RunState.FAILED)
    write(store.folder(failed.id), {"checkpoints/abc/checkpoint.safetensors": b"goes on from here"})
    expected = {
        ("unused artifacts", unused),
        ("half-written artifacts", half[:12]),
        ("half-written artifacts", f"{half[:12]}-abc"),
        ("half-written artifacts", busy[:12]),
        ("half-written artifacts", f"{busy[:12]}-abc"),
        ("folders of deleted runs", "deadbeef"),
        ("left-over checkpoints", run.id),
        ("left-over checkpoints", old.id),
        ("old logs", old.id),
    }
    found = waste(store, ())
    assert {(item.kind, item.name) for item in found} == expected and all(item.bytes > 0 for item in found)
    with store.artifacts.locked(busy):
        gone = free(found)
    assert expected - {(item.kind, item.name) for item in gone} == {
        ("half-written artifacts", busy[:12]),
        ("half-written artifacts", f"{busy[:12]}-abc"),
    }
    assert store.artifacts.has(new) and store.artifacts.has(timed) and (store.folder(run.id) / OUTPUT_FILE).exists()
    assert all(store.artifacts.open(step.digest) for step in (*run.steps, *old.steps))
    assert (store.folder(failed.id) / "checkpoints").exists()
    assert not (store.folder(old.id) / OUTPUT_FILE).exists() and not store.artifacts.place(half).exists()


def test_an_artifact_that_came_into_use_after_the_look_stays(store):
    unused = aged(store, artifact(store.artifacts, "unused"), 0)
    (item,) = waste(store, ())
    queued(store, "cpu", teacher=f"artifact:{unused}")
    assert free([item]) == [] and store.artifacts.has(unused)
