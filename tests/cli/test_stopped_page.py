"""SIGTERM to the page, as a service manager stops it: it ends at once, and the run that trains goes on to its end."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from kdui.core.run import RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.launch.environment import environment_of
from kdui.launch.processes import process_is_worker
from kdui.store.store import Store
from tests.jobs.processes import ENDLESS, history, submit, wait_for_epoch, wait_for_state

ROOT = Path(__file__).parents[2]


def test_sigterm_ends_the_page_and_leaves_the_run_that_trains_to_the_next_server(settings):
    store = Store(settings)
    run = submit(store, ENDLESS, "cpu")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {**os.environ, **environment_of(settings), "KDUI_PORT": port}
    with subprocess.Popen(
        [sys.executable, str(ROOT / "app.py")], cwd=settings.home, env=environment, stdout=subprocess.PIPE, text=True
    ) as page:
        try:
            wait_for_epoch(store, run, "distill", 1)
            page.send_signal(signal.SIGTERM)
            output, _ = page.communicate(timeout=60)
        finally:
            page.kill()
    assert page.returncode == 0 and "running jobs go on and are picked up at the next start" in output
    left = store.runs.get(run.id)
    assert left.state is RunState.RUNNING and process_is_worker(left.pid, run.id)
    following = Dispatcher(store)
    wait_for_epoch(store, run, "distill", 3, following.tick)
    adopted = store.runs.get(run.id)
    assert (adopted.pid, adopted.attempts, history(store, run)) == (left.pid, 1, ["running"])
    store.runs.update(run.id, cancel_requested=True)
    wait_for_state(store, run, RunState.CANCELLED, following.tick)
