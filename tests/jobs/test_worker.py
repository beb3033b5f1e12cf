"""Real workers in processes of their own: killed, cancelled, adopted and failing, with nothing lost."""

import os
import shutil
import signal
import time

import psutil
import pytest
from safetensors.torch import load_file

from kdui import machine, worker
from kdui.core.layout import OUTPUT_FILE
from kdui.core.run import RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.launch.processes import process_is_worker, terminate
from kdui.store.store import Store
from tests.engine.digits import Bench, digest_of, states
from tests.jobs.processes import (
    ENDLESS,
    RECIPE,
    FakeLauncher,
    history,
    server,
    step_history,
    submit,
    wait_for,
    wait_for_epoch,
    wait_for_state,
)
from tests.models.small import text_checkpoint


@pytest.fixture
def store(settings):
    """A store whose workers are ended with the test, whatever happened."""
    fresh_store = Store(settings)
    yield fresh_store
    for run in fresh_store.runs.in_state(RunState.RUNNING):
        if run.pid and process_is_worker(run.pid, run.id):
            os.killpg(run.pid, signal.SIGKILL)


def kill(pid: int) -> None:
    """kill -9, and wait until it is gone or only its entry in the process table is left."""
    os.kill(pid, signal.SIGKILL)
    wait_for(
        "the death of the process",
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE,
        limit=30,
    )


def student(store, run) -> dict:
    return load_file(store.artifacts.open(digest_of(run, "distill")).file("model.safetensors"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What the recipe gives when nothing happens to it."""
    bench = Bench(tmp_path_factory.mktemp("undisturbed"))
    run = bench.run(RECIPE)
    assert run.state is RunState.SUCCEEDED, run.error
    return {name: tensor.clone() for name, tensor in student(bench.store, run).items()}


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all((one[name] == tensor).all() for name, tensor in other.items())


def test_a_worker_that_is_shut_down_and_then_killed_resumes_on_its_own_from_its_checkpoint(store, undisturbed):
    dispatcher = Dispatcher(store)
    run = submit(store, RECIPE)
    behind = submit(store, RECIPE)
    wait_for_epoch(store, run, "distill", 1, dispatcher.tick)
    first = store.runs.get(run.id)
    assert (first.state, os.getpgid(first.pid)) == (RunState.RUNNING, first.pid)
    os.kill(first.pid, signal.SIGTERM)  # as a machine that shuts down: the work stops at a checkpoint, the queue stays
    wait_for("the drained run", lambda: store.runs.get(run.id).state is RunState.INTERRUPTED)
    assert list((store.folder(run.id) / "checkpoints").glob("*/checkpoint.safetensors"))
    assert (store.runs.get(behind.id).state, store.runs.get(run.id).error) == (RunState.QUEUED, None)
    store.runs.transition(behind.id, RunState.CANCELLED)
    wait_for_epoch(store, run, "distill", 3, dispatcher.tick)
    second = store.runs.get(run.id)
    kill(second.pid)
    done = wait_for_state(store, run, RunState.SUCCEEDED, dispatcher.tick)
    assert done.attempts == 3 and len({done.pid, first.pid, second.pid}) == 3
    assert history(store, run) == ["running", *["interrupted", "queued", "running"] * 2, "succeeded"]
    assert states(done) == {"teach": "cached", "distill.outputs": "cached", "distill": "done"}
    assert step_history(store, run, "teach") == ["running", "done", *["running", "cached"] * 2]
    message = [event.text for event in store.events(run.id).read()[0] if event.kind == "log"]
    assert sum("Goes on from its checkpoint" in line for line in message) == 2
    epochs = [event.at for event in store.events(run.id).read()[0] if event.kind == "metric" and event.step == "distill"]
    assert epochs == sorted(epochs) and epochs[-1] == 8  # at most the epoch that was under way is trained again
    assert same(student(store, done), undisturbed)
    assert list((store.artifacts.root / "drafts").iterdir()) == []
    assert "starts on" in (store.folder(run.id) / OUTPUT_FILE).read_text(encoding="utf-8")


def test_killing_the_server_loses_nothing_and_the_next_one_adopts_the_worker(store):
    run = submit(store, ENDLESS)
    with server(store.settings) as process:
        wait_for_epoch(store, run, "distill", 1)
        process.kill()
        process.wait()
    before = store.runs.get(run.id)
    assert psutil.Process(before.pid).is_running()
    wait_for_epoch(store, run, "distill", 3)  # it works on without a server
    dispatcher = Dispatcher(store)
    dispatcher.tick()
    dispatcher.tick()
    after = store.runs.get(run.id)
    assert (after.state, after.pid, after.attempts) == (RunState.RUNNING, before.pid, 1)
    assert history(store, run) == ["running"]

    # A cancel from the new server stops it within 5 s and leaves what was finished.
    requested_at = time.monotonic()
    store.runs.update(run.id, cancel_requested=True)
    terminate(after)
    done = wait_for_state(store, run, RunState.CANCELLED, dispatcher.tick)
    assert time.monotonic() - requested_at < 5
    wait_for("the end of the process", lambda: not process_is_worker(before.pid, run.id), limit=30)
    assert states(done) == {"teach": "done", "distill.outputs": "done", "distill": "waiting"}
    assert store.artifacts.open(digest_of(done, "teach")).manifest.method == "teach"
    assert not store.artifacts.has(digest_of(done, "distill"))
    dispatcher.tick()
    assert store.runs.get(run.id).state is RunState.CANCELLED


def test_a_worker_that_died_with_its_server_is_noticed_by_the_next_one(store):
    run = submit(store, RECIPE)
    with server(store.settings) as process:
        pid = wait_for("the start", lambda: store.runs.get(run.id).pid)
        process.kill()
        process.wait()
    kill(pid)
    dispatcher = Dispatcher(store)
    dispatcher.launcher = FakeLauncher()
    dispatcher.tick()
    try:
        assert history(store, run) == ["running", "interrupted", "queued", "running"]
        assert [started.id for started in dispatcher.launcher.started] == [run.id]
    finally:
        dispatcher.launcher.close()


# Work that hears nothing: a worker whose first stage sleeps.
DEAF = (
    "import sys, time; import kdui.methods.teach.teach.apply as apply; from kdui import worker; "
    "apply.teach = lambda context: (context.report.log('sleeps'), time.sleep(600)); worker.main(sys.argv[1])"
)


# A worker to which the system gives no more memory once its first epoch begins.
STARVED = """
import resource, sys
import psutil
from kdui import worker
from kdui.training.loop import Trainer
whole = Trainer._run_epoch

def starved(trainer):
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 1_000_000, hard))
    try:
        return whole(trainer)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

Trainer._run_epoch = starved
worker.main(sys.argv[1])
"""


def test_memory_that_runs_out_names_the_knob_that_helps_and_the_queue_goes_on(store, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # no threads have to be made where there is no memory for them
    dispatcher, launcher = Dispatcher(store), FakeLauncher(STARVED)
    dispatcher.launcher = launcher
    run = submit(store, RECIPE, student=None, stages=[{"teach": {"epochs": 1, "batch_size": 1024}}])
    behind = submit(store, RECIPE)
    dispatcher.tick()
    wait_for("its end", lambda: store.runs.get(run.id).state is RunState.FAILED)
    assert store.runs.get(run.id).error == (
        "There was not enough memory on the machine in step teach. Lower teach.batch_size (now 1024), or raise "
        "teach.accumulate, which gives the same updates with less memory, then resume; finished steps are kept."
    )
    launcher.program = "import signal; signal.pause()"
    dispatcher.tick()
    assert [started.id for started in launcher.started] == [run.id, behind.id]
    launcher.close()


@pytest.mark.parametrize("asked", [True, False])
def test_work_that_does_not_listen_is_ended_all_the_same(store, asked):
    dispatcher = Dispatcher(store)
    launcher = FakeLauncher(DEAF)
    dispatcher.launcher = launcher
    run = submit(store, RECIPE)
    dispatcher.tick()
    wait_for("the sleep", lambda: any(event.text == "sleeps" for event in store.events(run.id).read()[0]))
    store.runs.update(run.id, cancel_requested=asked)
    at = time.monotonic()
    terminate(store.runs.get(run.id))  # a shutdown of the machine sends the signal without a wish in the store
    wait_for_state(store, run, RunState.CANCELLED if asked else RunState.INTERRUPTED)
    assert time.monotonic() - at < 30  # the work itself would sleep for ever
    assert launcher.processes[0].wait(timeout=60) == -signal.SIGKILL


def test_a_worker_touches_only_a_run_that_was_claimed(store, monkeypatch, capsys):
    monkeypatch.setenv("KDUI_HOME", str(store.settings.home))
    run = submit(store, RECIPE)
    assert worker.main(run.id) == 1
    assert f"Run {run.id} is queued, so there is nothing to do." in capsys.readouterr().out
    assert store.runs.get(run.id) == run
    second = store.runs.claim("cpu")
    assert worker.main(run.id, second.attempts - 1) == 1  # a job that waited in a cluster's queue while another took its place
    assert f"Run {run.id} is at attempt 1, so there is nothing to do." in capsys.readouterr().out
    assert store.runs.get(run.id) == second


def test_a_checkpoint_that_has_gone_is_reported(store, tmp_path):
    dispatcher = Dispatcher(store)
    checkpoint = text_checkpoint(tmp_path / "checkpoint")
    gone = submit(store, {"task": "reuters-r8", "teacher": f"folder:{checkpoint}", "stages": [{"teach": {"epochs": 0}}]}, "cpu")
    shutil.rmtree(checkpoint)
    dispatcher.tick()
    current = wait_for("the failure", lambda: (now := store.runs.get(gone.id)).state is RunState.FAILED and now)
    assert current.error == f"There is no folder {checkpoint}. Write folder:PATH with the path of a checkpoint."
    assert current.error in (store.folder(gone.id) / OUTPUT_FILE).read_text(encoding="utf-8")
    assert store.events(gone.id).read()[0][-1].text == current.error


@pytest.mark.skipif(bool(machine.gpus()), reason="this machine has a GPU")
def test_a_gpu_that_torch_does_not_see_is_reported(store, monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: tuple(f"Card {number}" for number in range(8)))
    dispatcher = Dispatcher(store)
    run = submit(store, RECIPE, "cuda:7")
    dispatcher.tick()
    current = wait_for("the failure", lambda: (now := store.runs.get(run.id)).state is RunState.FAILED and now)
    assert current.slot == "cuda:7"
    assert current.error.startswith("The run needs cuda:7, but PyTorch sees no CUDA device here. Choose device cpu")
