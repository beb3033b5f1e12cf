"""A database that another program has locked: progress is dropped, states and measurements wait, and work continues."""

import contextlib
import sqlite3
import threading
import time

import pytest

from kdui.core.errors import StoreAway, StoreError
from kdui.core.run import RunState
from kdui.engine.reporter import RunReporter
from kdui.launch.dispatcher import Dispatcher
from kdui.store import database
from kdui.store.store import Store
from tests.engine.digits import Bench
from tests.jobs.processes import FakeLauncher
from tests.store.made import queued


@pytest.fixture
def hasty(monkeypatch):
    """Statements that wait for a lock for a twentieth of a second instead of a quarter of a minute."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)


@contextlib.contextmanager
def locked(store: Store, seconds: float | None = None):
    """BEGIN EXCLUSIVE in another connection, for so long or for the whole block."""
    other = sqlite3.connect(store.settings.home / "kdui.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(seconds, other.rollback) if seconds is not None else None
    if timer:
        timer.start()
    try:
        yield
    finally:
        if timer:
            timer.join()
        else:
            other.rollback()
        other.close()


def test_a_change_of_state_waits_for_the_lock_where_work_would_be_lost(settings, hasty):
    store = Store(settings)
    queued(store)
    run = store.runs.claim("cpu")
    patient = store.patient(30)
    with locked(store, 0.6):
        started = time.monotonic()
        patient.runs.transition(run.id, RunState.SUCCEEDED)
        assert 0.3 < time.monotonic() - started < 15
    assert store.runs.get(run.id).state is RunState.SUCCEEDED


def test_who_asks_from_the_page_is_reported(settings, hasty):
    store = Store(settings)
    run = queued(store)
    with locked(store), pytest.raises(StoreError, match=r"database has been locked by another program .* then try again"):
        store.runs.transition(run.id, RunState.CANCELLED)
    store.runs.transition(run.id, RunState.CANCELLED)


def test_a_lock_in_the_middle_of_a_run_costs_nothing(tmp_path, hasty, monkeypatch):
    """Longer than any statement waits: the heartbeat is dropped, the end of the step is written later."""
    bench = Bench(tmp_path / "home", beat_seconds=0.1)
    recipe = {"task": "digits", "teacher": "cnn-tiny", "stages": [{"teach": {"epochs": 2}}]}
    run = bench.submit(recipe)
    enter, holders = RunReporter.enter, []

    def entered(self, step):
        """The lock comes when the first step has begun."""
        enter(self, step)
        if not holders:
            begun = threading.Event()
            holders.append(threading.Thread(target=hold, args=(begun,)))
            holders[0].start()
            assert begun.wait(30)

    def hold(begun):
        with locked(bench.store, 2.0):
            begun.set()

    monkeypatch.setattr(RunReporter, "enter", entered)
    run = bench.work_off(run)
    holders[0].join()
    assert (run.state, run.error) == (RunState.SUCCEEDED, None)
    assert {step.state for step in run.steps} == {"done"}


def test_the_queue_says_it_once_and_continues_after_the_lock(settings, hasty, capsys):
    store = Store(settings)
    run = queued(store)
    dispatcher = Dispatcher(store)
    dispatcher.launcher = FakeLauncher()
    try:
        with locked(store):
            for _ in range(3):
                with pytest.raises(StoreError):
                    dispatcher.tick()
            dispatcher.start()
            deadline = time.monotonic() + 60
            while not dispatcher.trouble and time.monotonic() < deadline:
                threading.Event().wait(0.02)
            threading.Event().wait(1.5)  # some more rounds
        while store.runs.get(run.id).state is not RunState.RUNNING and time.monotonic() < deadline:
            threading.Event().wait(0.02)
        assert store.runs.get(run.id).state is RunState.RUNNING and dispatcher.alive
        dispatcher.stop()
    finally:
        dispatcher.launcher.close()
    assert capsys.readouterr().out.count("dispatcher: The store's database has been locked") == 1


def test_a_database_that_is_away_for_a_while_is_waited_for_where_work_would_be_lost(settings):
    """As when a network's disk goes and is mounted again: the same file comes back."""
    store = Store(settings)
    queued(store)
    run = store.runs.claim("cpu")
    home, away = settings.home / "kdui.db", settings.home / "away.db"
    home.rename(away)
    with pytest.raises(StoreAway, match="was deleted or replaced"):
        store.runs.counts()
    back = threading.Timer(0.4, away.rename, [home])
    back.start()
    store.patient(30).runs.transition(run.id, RunState.SUCCEEDED)
    back.join()
    assert store.runs.get(run.id).state is RunState.SUCCEEDED
    assert sorted(path.name for path in settings.home.glob("*.db")) == ["kdui.db"]


def test_a_database_that_is_deleted_under_a_running_program_is_noticed(settings):
    store = Store(settings)
    queued(store)
    for name in ("kdui.db", "kdui.db-wal", "kdui.db-shm"):
        (settings.home / name).unlink(missing_ok=True)
    with pytest.raises(StoreError, match="was deleted or replaced while kdui runs"):
        queued(store)
    assert not (settings.home / "kdui.db").exists()  # nothing went into a file that nobody sees
    queued(Store(settings))  # the next start begins anew
    with pytest.raises(StoreError, match="was deleted or replaced"):
        store.runs.counts()
