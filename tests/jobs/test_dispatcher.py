"""The dispatcher: who gets which slot, which workers count as alive, and how often a dying run is tried."""

import os
import time
from datetime import timedelta

import pytest

from kdui import machine
from kdui.core.errors import DeviceUnavailable
from kdui.core.run import RunState
from kdui.launch.dispatcher import MOST_ATTEMPTS, Dispatcher
from kdui.launch.processes import process_is_worker
from kdui.store.runs import now
from kdui.store.store import Store
from tests.jobs.processes import RECIPE, FakeLauncher, history, submit, wait_for


@pytest.fixture
def store(settings):
    return Store(settings)


@pytest.fixture
def launcher():
    result = FakeLauncher()
    yield result
    result.close()


@pytest.fixture
def dispatcher(store, launcher):
    return served(store, launcher)


def served(store, launcher) -> Dispatcher:
    dispatcher = Dispatcher(store)
    dispatcher.launcher = launcher
    return dispatcher


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ("Card A", "Card B"))


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ())


# --- slots --------------------------------------------------------------------------------------------------------


def test_without_a_gpu_the_cpu_is_the_one_slot(no_gpu, store, dispatcher, launcher):
    first, second = submit(store, RECIPE), submit(store, RECIPE, "cpu")
    assert (machine.slots(), machine.devices()) == (["cpu"], ["auto", "cpu"])
    dispatcher.tick()
    dispatcher.tick()
    assert [(run.id, run.slot) for run in launcher.started] == [(first.id, "cpu")]
    store.runs.transition(first.id, RunState.SUCCEEDED)
    dispatcher.tick()
    assert [run.id for run in launcher.started] == [first.id, second.id]


def test_one_run_a_gpu_and_beside_them_only_what_asks_for_the_cpu(two_gpus, store, dispatcher, launcher):
    assert (machine.slots(), machine.devices()) == (["cuda:0", "cuda:1"], ["auto", "cpu", "cuda:0", "cuda:1"])
    second = submit(store, RECIPE, "cuda:1")
    anywhere = [submit(store, RECIPE) for _ in range(3)]
    cpu = submit(store, RECIPE, "cpu")
    dispatcher.tick()
    places = {run.id: run.slot for run in launcher.started}
    assert places == {anywhere[0].id: "cuda:0", second.id: "cuda:1", cpu.id: "cpu"}
    store.runs.transition(cpu.id, RunState.SUCCEEDED)
    dispatcher.tick()
    assert len(launcher.started) == 3  # the CPU is free, but nothing asks for it by name
    store.runs.transition(second.id, RunState.SUCCEEDED)
    dispatcher.tick()
    assert (launcher.started[-1].id, launcher.started[-1].slot) == (anywhere[1].id, "cuda:1")


def test_runs_share_a_gpu_where_the_setting_reports_it(two_gpus, settings, launcher):
    store = Store(settings.model_copy(update={"runs_per_gpu": 2}))
    dispatcher = served(store, launcher)
    request, *anywhere = [submit(store, RECIPE, "cuda:1"), *(submit(store, RECIPE) for _ in range(4))]
    dispatcher.tick()
    assert {run.id: run.slot for run in launcher.started} == {
        anywhere[0].id: "cuda:0",
        request.id: "cuda:1",
        anywhere[1].id: "cuda:0/2",
        anywhere[2].id: "cuda:1/2",
    }
    assert [machine.device_of(run.slot) for run in launcher.started] == ["cuda:0", "cuda:1", "cuda:0", "cuda:1"]
    assert machine.devices() == ["auto", "cpu", "cuda:0", "cuda:1"]  # a share is nothing to ask for


def test_a_device_that_is_not_here_is_refused_in_words(two_gpus):
    machine.require_device("cuda:1")
    with pytest.raises(DeviceUnavailable, match=r"no device 'cuda:7'\. Choose one of: auto, cpu, cuda:0, cuda:1\."):
        machine.require_device("cuda:7")


def test_two_dispatchers_start_a_run_once(store, launcher):
    run = submit(store, RECIPE, "cpu")
    for dispatcher in (served(store, launcher), served(Store(store.settings), launcher)):
        dispatcher.tick()
        dispatcher.tick()
    assert [started.id for started in launcher.started] == [run.id]
    assert store.runs.get(run.id).attempts == 1


# --- the living and the dead --------------------------------------------------------------------------------------


def test_a_restarted_dispatcher_adopts_a_living_worker(store, dispatcher, launcher):
    run = submit(store, RECIPE, "cpu")
    dispatcher.tick()
    adopted = served(Store(store.settings), launcher)
    adopted.tick()
    current = store.runs.get(run.id)
    assert (current.state, current.pid, current.attempts) == (RunState.RUNNING, launcher.processes[0].pid, 1)


def test_a_dead_worker_is_noticed_and_its_run_started_again(store, dispatcher, launcher):
    run = submit(store, RECIPE, "cpu")
    dispatcher.tick()
    launcher.processes[0].kill()
    wait_for("a second start", lambda: len(launcher.started) == 2, dispatcher.tick)
    assert store.runs.get(run.id).attempts == 2
    assert history(store, run) == ["running", "interrupted", "queued", "running"]


def test_a_worker_that_died_while_it_was_asked_to_cancel_is_cancelled(store, dispatcher, launcher):
    run = submit(store, RECIPE, "cpu")
    dispatcher.tick()
    store.runs.update(run.id, cancel_requested=True)
    launcher.processes[0].kill()
    wait_for("the end", lambda: store.runs.get(run.id).state is RunState.CANCELLED, dispatcher.tick)
    dispatcher.tick()
    assert len(launcher.started) == 1


def test_a_run_whose_worker_always_dies_waits_for_a_person(store):
    launcher = FakeLauncher("raise SystemExit(1)")
    dispatcher = served(store, launcher)
    run = submit(store, RECIPE, "cpu")
    wait_for("the limit of attempts", lambda: store.runs.get(run.id).error, dispatcher.tick)
    current = store.runs.get(run.id)
    assert (current.state, current.attempts, len(launcher.started)) == (RunState.INTERRUPTED, MOST_ATTEMPTS, MOST_ATTEMPTS)
    assert current.error.startswith("Its worker died 3 times") and "then resume" in current.error
    dispatcher.tick()
    assert len(launcher.started) == MOST_ATTEMPTS
    store.runs.transition(run.id, RunState.QUEUED, attempts=0)
    dispatcher.tick()
    assert len(launcher.started) == MOST_ATTEMPTS + 1


def test_a_reused_process_id_is_not_a_worker(store, dispatcher, launcher):
    assert not process_is_worker(os.getpid(), "0badc0de")
    run = submit(store, RECIPE, "cpu")
    dispatcher.tick()
    assert process_is_worker(launcher.processes[0].pid, run.id)
    assert not process_is_worker(launcher.processes[0].pid, "0badc0de")
    store.runs.update(run.id, pid=os.getpid())
    dispatcher.tick()
    assert history(store, run)[:2] == ["running", "interrupted"]


@pytest.mark.parametrize(("host", "pid"), [("elsewhere", 1), (None, None)])
@pytest.mark.parametrize("clock", [timedelta(0), timedelta(days=-400), timedelta(days=400)], ids=["right", "behind", "ahead"])
def test_who_cannot_be_looked_at_counts_by_its_heartbeat_whatever_its_clock_says(
    store, dispatcher, monkeypatch, host, pid, clock
):
    """The other machine's clock, or this one's since it was set, is wrong by a year: what counts is that beats go on."""
    monkeypatch.setattr("kdui.launch.dispatcher.SILENT_SECONDS", 0.2)
    monkeypatch.setattr("kdui.launch.dispatcher.START_SECONDS", 0.2)
    run = submit(store, RECIPE, "cpu")
    store.runs.claim("cpu")
    place = {"pid": pid, **({"host": host} if host else {})}
    until = time.monotonic() + 0.5

    def beats() -> None:
        store.runs.update(run.id, heartbeat=now() + clock, **place)
        dispatcher.tick()

    wait_for("some limits", lambda: time.monotonic() > until, beats)
    assert history(store, run) == []
    wait_for("the end of the silent one", lambda: history(store, run)[:1] == ["interrupted"], dispatcher.tick, limit=30)


def test_a_worker_that_cannot_be_started_fails_the_run_in_words(store, dispatcher):
    class Exhausted(FakeLauncher):
        def start(self, run, store):
            raise OSError(12, "Cannot allocate memory")

    dispatcher.launcher = Exhausted()
    run = submit(store, RECIPE, "cpu")
    dispatcher.tick()
    current = store.runs.get(run.id)
    assert (current.state, current.error) == (
        RunState.FAILED,
        "The worker could not be started (Cannot allocate memory). Free memory or disk, then resume.",
    )


def test_the_thread_continues_after_a_fault(store, launcher, capsys, monkeypatch):
    dispatcher = served(store, launcher)
    claim, faults = store.runs.claim, []

    def busy(slot, **wanted):
        if not faults:
            faults.append(slot)
            raise OSError(28, "No space left on device")
        return claim(slot, **wanted)

    monkeypatch.setattr(store.runs, "claim", busy)
    run = submit(store, RECIPE, "cpu")
    dispatcher.start()
    wait_for("the start", lambda: store.runs.get(run.id).state is RunState.RUNNING)
    assert dispatcher.alive and faults == ["cpu"]
    dispatcher.stop()
    assert not dispatcher.alive
    assert "No space left on device" in capsys.readouterr().out
