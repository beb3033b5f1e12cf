"""The command ``work``: the queue is worked off without a page, and SIGTERM lets its workers stop at a checkpoint."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from kdui.cli.working import work_off
from kdui.core.run import RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.launch.environment import environment_of
from kdui.launch.launchers import elsewhere
from kdui.store.store import Store
from tests.jobs.processes import ENDLESS, RECIPE, submit, wait_for_epoch

ROOT = Path(__file__).parents[2]


def test_a_signal_leaves_its_run_interrupted_at_a_checkpoint_for_another_machine(settings):
    store = Store(settings)
    run = submit(store, ENDLESS, "cpu")
    command = [sys.executable, str(ROOT / "app.py"), "work"]
    process = subprocess.Popen(command, cwd=settings.home, env={**os.environ, **environment_of(settings)})
    wait_for_epoch(store, run, "distill", 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    left = store.runs.get(run.id)
    assert (left.state, left.error, left.attempts) == (RunState.INTERRUPTED, None, 1)
    assert list((store.folder(run.id) / "checkpoints").glob("*/checkpoint.safetensors"))


def test_it_ends_when_nothing_is_there_to_run_and_elsewhere_starts_nothing(settings):
    store = Store(settings)
    work_off(Dispatcher(store), threading.Event(), idle=0.0)
    run = submit(store, RECIPE)
    page = Dispatcher(Store(settings.model_copy(update={"launcher": "elsewhere"})))
    page.tick()
    assert elsewhere.slots(settings) == [] and store.runs.get(run.id).state is RunState.QUEUED
