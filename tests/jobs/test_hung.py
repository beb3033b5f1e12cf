"""Workers that live and do nothing: they are seen, a cancel ends them, and a limit does where nobody looks."""

import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from kdui.cli import terminal
from kdui.cli.listing import listing
from kdui.core.run import RunState
from kdui.launch import processes
from kdui.launch.dispatcher import Dispatcher
from kdui.store.runs import now
from kdui.store.store import Store
from kdui.ui import run_table, run_view
from kdui.workbench.stored_rows import run_row
from kdui.workbench.workbench import Workbench
from kdui.worker import Heart
from tests.jobs.processes import RECIPE, FakeLauncher, history, submit, wait_for

# A worker with a child in its group; neither hears SIGTERM.
DEAF_PARENT = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']); "
    "open('child', 'w').write(str(child.pid)); signal.pause()"
)


@pytest.fixture
def hung(settings, tmp_path, monkeypatch):
    """A store, a dispatcher and a launcher whose programs can be chosen; all is ended with the test."""
    monkeypatch.setattr("tests.jobs.processes.ROOT", tmp_path)
    launcher = FakeLauncher()
    dispatcher = Dispatcher(Store(settings.model_copy(update={"stall_minutes": 0.01})))
    dispatcher.launcher = launcher
    yield dispatcher, launcher
    launcher.close()


def started(hung) -> tuple:
    dispatcher, launcher = hung
    run = submit(dispatcher.store, RECIPE, "cpu")
    dispatcher.tick()
    return dispatcher, launcher, run


def test_a_stopped_worker_is_ended_by_cancel_within_the_promised_time(hung):
    dispatcher, launcher, run = started(hung)
    dispatcher.store.settings = dispatcher.store.settings.model_copy(update={"stall_minutes": 30})
    behind = submit(dispatcher.store, RECIPE, "cpu")
    os.kill(launcher.processes[0].pid, signal.SIGSTOP)
    bench = Workbench(dispatcher.store.settings)
    dispatcher.start()
    requested_at = time.monotonic()
    bench.cancel(run.id)
    wait_for("the end", lambda: dispatcher.store.runs.get(run.id).state is RunState.CANCELLED, limit=30)
    assert time.monotonic() - requested_at < 5
    assert launcher.processes[0].wait(timeout=60) == -signal.SIGKILL
    wait_for("the next one", lambda: dispatcher.store.runs.get(behind.id).state is RunState.RUNNING, limit=30)
    dispatcher.stop()


def test_the_command_ends_a_hung_worker_without_a_server(hung, monkeypatch):
    monkeypatch.setattr("kdui.launch.dispatcher.OBEY_SECONDS", 0.5)
    dispatcher, launcher, run = started(hung)
    os.kill(launcher.processes[0].pid, signal.SIGSTOP)
    bench = Workbench(dispatcher.store.settings)
    bench.cancel(run.id)
    assert terminal.wait_until_stopped(bench, run.id) == f"Run {run.id} is cancelled."
    assert launcher.processes[0].wait(timeout=60) == -signal.SIGKILL


def test_what_the_worker_started_ends_with_it(hung, monkeypatch, tmp_path):
    monkeypatch.setattr("kdui.launch.dispatcher.OBEY_SECONDS", 0.2)
    hung[1].program = DEAF_PARENT
    dispatcher, launcher, run = started(hung)
    child = wait_for("the child", lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
    dispatcher.store.runs.update(run.id, cancel_requested=True)
    wait_for("the end", lambda: dispatcher.store.runs.get(run.id).state is RunState.CANCELLED, dispatcher.tick, limit=30)
    assert launcher.processes[0].wait(timeout=60) == -signal.SIGKILL

    def gone() -> bool:
        return not psutil.pid_exists(int(child)) or psutil.Process(int(child)).status() == psutil.STATUS_ZOMBIE

    wait_for("the end of the child", gone, limit=30)


def test_a_process_that_took_over_the_id_is_never_ended(hung, monkeypatch):
    monkeypatch.setattr("kdui.launch.dispatcher.OBEY_SECONDS", 0.0)
    dispatcher, _, run = started(hung)
    stranger = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()", run.id], start_new_session=True)
    try:
        # Its command even names the run, as that of 'show RUN' does; only its start, later than the worker's, tells it apart.
        earlier = psutil.Process(stranger.pid).create_time() - 100
        dispatcher.store.runs.update(run.id, pid=stranger.pid, pid_started=earlier, cancel_requested=True)
        assert not processes.kill(dispatcher.store.runs.facts(run.id))
        wait_for("the end", lambda: dispatcher.store.runs.get(run.id).state is RunState.CANCELLED, dispatcher.tick, limit=30)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_worker_that_does_nothing_is_ended_at_the_limit_and_the_queue_goes_on(hung):
    dispatcher, launcher, run = started(hung)
    behind = submit(dispatcher.store, RECIPE, "cpu")
    dispatcher.store.runs.update(run.id, heartbeat=now() - timedelta(seconds=60))
    wait_for("the next one", lambda: len(launcher.started) == 2, dispatcher.tick, limit=60)
    assert launcher.started[1].id == behind.id  # the hung one stands behind it now
    assert launcher.processes[0].wait(timeout=60) == -signal.SIGKILL
    message = [event.text for event in dispatcher.store.events(run.id).read()[0] if event.values.get("state") == "interrupted"]
    assert message == ["its worker made no progress for 0.01 min and was stopped"]
    assert history(dispatcher.store, run) == ["running", "interrupted", "queued"]


def test_a_worker_that_computes_without_a_word_goes_on(hung):
    hung[1].program = "while True: pass"
    dispatcher, launcher, run = started(hung)
    long_ago = now() - timedelta(seconds=60)
    dispatcher.store.runs.update(run.id, heartbeat=long_ago, worked=long_ago)
    until = time.monotonic() + 2.5  # the limit is 0.6 s
    wait_for("some limits", lambda: time.monotonic() > until, dispatcher.tick)
    current = dispatcher.store.runs.get(run.id)
    assert current.state is RunState.RUNNING and launcher.processes[0].poll() is None
    assert current.worked > long_ago and current.heartbeat == long_ago


def test_the_heart_tells_the_work_from_itself(settings):
    class Report:
        signs = 0

    heart = Heart(Store(settings.model_copy(update={"stall_minutes": 30})), None, Report())
    assert heart.work_moves()  # it has just begun
    assert not heart.work_moves()
    Report.signs += 1
    assert heart.work_moves()
    assert not heart.work_moves()
    heart._cpu -= 1.0  # a second of processor time since the last beat
    assert heart.work_moves()
    heart._cpu -= 1.0
    heart._reported -= 13 * 30 * 60  # for so long without a report it only spins
    assert not heart.work_moves()


def test_silence_is_shown_on_the_page_and_in_the_terminal(hung):
    dispatcher, _, run = started(hung)
    store = dispatcher.store
    assert store.runs.get(run.id).silent_seconds(now()) is None
    store.runs.update(run.id, worked=now() - timedelta(seconds=40))
    current = store.runs.get(run.id)
    assert re.search(r"No activity for 4\d\ss", run_view.head_html(current, "Digits"))
    (row,), _ = store.runs.page(state=None, task=None, text="", page=1, size=5)
    assert re.search(r"no activity for 4\d\ss", run_table.row_html(run_row(row), {}, False))
    assert re.fullmatch(r"running, no activity for 4\d s", listing(Workbench(store.settings), "runs")[0]["state"])
    assert re.fullmatch(r"running, no activity for 4\d s", current.standing(now()))


def test_a_run_that_waits_for_a_person_reports_it(hung, capsys):
    hung[1].program = "raise SystemExit(1)"
    dispatcher, _, run = started(hung)
    store = dispatcher.store
    wait_for("the limit of attempts", lambda: store.runs.get(run.id).waits_for_a_person, dispatcher.tick, limit=60)
    assert "Waiting for you." in run_view.head_html(store.runs.get(run.id), "Digits")
    bench = Workbench(store.settings)
    assert "waits for you" in run_table.row_html(bench.runs().rows[0], {}, False)
    assert listing(bench, "runs")[0]["state"] == "interrupted, waits for you"
    assert bench.overview().queued == 0
    terminal.print_run(bench.run(run.id))
    assert "interrupted, waits for you" in capsys.readouterr().out
    assert history(store, run)[-2:] == ["interrupted", "interrupted"]


@pytest.mark.parametrize("how", ["step", "checkpoint"])
def test_attempts_that_get_further_are_not_counted(hung, how):
    """Three reboots in a week of work are no reason to wait for a person."""
    dispatcher, launcher, run = started(hung)
    store = dispatcher.store
    for attempt in range(1, 6):
        if how == "step":
            store.events(run.id).append("step", step="teach", state="done", seconds=1.0)
        else:
            checkpoint = Path(store.folder(run.id)) / "checkpoints" / "abc" / "checkpoint.safetensors"
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            checkpoint.write_bytes(b"further")
        launcher.processes[-1].kill()
        wait_for("another start", lambda: len(launcher.started) == attempt + 1, dispatcher.tick, limit=60)  # noqa: B023
    current = store.runs.get(run.id)
    assert (current.state, current.attempts, current.fruitless) == (RunState.RUNNING, 6, 0)
    for left in (1, 2):
        launcher.processes[-1].kill()
        wait_for("another start", lambda: len(launcher.started) == 6 + left, dispatcher.tick, limit=60)  # noqa: B023
        assert store.runs.get(run.id).fruitless == left
