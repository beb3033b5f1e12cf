"""Runs as jobs of a real Ray cluster of two nodes, with the store in a real PostgreSQL: server and node are killed midway."""

import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec

import psutil
import pytest
import requests

from kdui.bench.postgres import find_postgres, temporary_postgres
from kdui.bench.ray_cluster import two_nodes
from kdui.core.artifact import MANIFEST
from kdui.core.errors import LauncherAway, SettingsError
from kdui.core.layout import OUTPUT_FILE
from kdui.core.run import RunState
from kdui.launch.dispatcher import Dispatcher
from kdui.launch.launchers import ray
from kdui.store.store import Store
from tests.engine.digits import digest_of
from tests.jobs.processes import ENDLESS, RECIPE, history, server, submit, wait_for, wait_for_epoch, wait_for_state

with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is an extra: pip install 'ray[default]==2.60.0'")
with_postgres = pytest.mark.skipif(find_postgres() is None, reason="PostgreSQL is not installed: apt install postgresql")


@with_ray
@with_postgres
def test_runs_survive_the_death_of_a_node_and_of_the_server_and_each_succeeds_once(settings, monkeypatch, tmp_path):
    with temporary_postgres() as database, two_nodes({"KDUI_DATABASE_URL": database.address()}) as nodes:
        for name, value in nodes.client.items():
            monkeypatch.setenv(name, value)
        jobs = f"{nodes.client['RAY_API_SERVER_ADDRESS']}/api/jobs/"
        assert requests.get(jobs, timeout=10).status_code == 401
        shared = {"artifacts_url": f"file://{tmp_path}/shared"}
        mine = settings.model_copy(update={"database_url": database.address(), "launcher": "ray", **shared})
        store = Store(mine)
        with server(mine):
            runs = [submit(store, RECIPE, seed=seed) for seed in range(2)]
            for run in runs:
                wait_for_epoch(store, run, "distill", 1)
            # Stopped, neither ends before its node does, nor after that while Ray clears it away.
            placed = [store.runs.get(run.id) for run in runs]
            for run in placed:
                os.kill(run.pid, signal.SIGSTOP)
        endless = submit(store, ENDLESS, seed=2)
        assert sorted(run.slot for run in placed) == ["cpu/ray-1", "cpu/ray-2"] and {run.host for run in placed} == {ray.HOST}
        nodes.kill_node()
        gone = wait_for("the end of a worker", lambda: [run for run in placed if not psutil.pid_exists(run.pid)])
        assert len(gone) == 1
        os.kill(next(run.pid for run in placed if run not in gone), signal.SIGCONT)
        with server(mine):
            wait_for_epoch(store, endless, "distill", 1)
            asked_at = time.monotonic()
            store.runs.update(endless.id, cancel_requested=True)
            wait_for_state(store, endless, RunState.CANCELLED)
            assert time.monotonic() - asked_at < 15
            done = [wait_for_state(store, run, RunState.SUCCEEDED) for run in runs]
            assert sorted(run.attempts for run in done) == [1, 2]
            once, twice = (history(store, run) for run in sorted(done, key=lambda run: run.attempts))
            assert once == ["running", "succeeded"]
            assert twice == ["running", "interrupted", "queued", "running", "succeeded"]
            for run in done:
                there = tmp_path / "shared" / digest_of(run, "distill")[:2] / digest_of(run, "distill")
                assert (there / "model.safetensors").is_file() and (there / MANIFEST).is_file()
                assert "starts on cpu/ray-" in (store.folder(run.id) / OUTPUT_FILE).read_text(encoding="utf-8")
        headers = {"Authorization": f"Bearer {nodes.client['RAY_AUTH_TOKEN']}"}
        told = wait_for("the end of all jobs", lambda: _all_ended(requests.get(jobs, headers=headers, timeout=10)))
        assert len(told) == 4 and database.address() not in str(told)


def _all_ended(answer: requests.Response) -> list[dict]:
    jobs = answer.json()
    return jobs if all(job["status"] in ("SUCCEEDED", "FAILED", "STOPPED") for job in jobs) else []


@pytest.mark.parametrize("address", ["http://cluster.example:8265", "ray://127.0.0.1:10001", "ftp://127.0.0.1"])
def test_a_token_is_sent_to_this_machine_or_over_tls_alone(monkeypatch, settings, address):
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", address)
    with pytest.raises(SettingsError, match="https"):
        ray.slots(settings)


class _Open(BaseHTTPRequestHandler):
    """Jobs for everybody, as Ray's API answers without a token."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_) -> None:
        """Nothing on standard error."""


def test_a_cluster_that_takes_jobs_without_a_token_is_refused(monkeypatch, settings):
    server = HTTPServer(("127.0.0.1", 0), _Open)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", f"http://127.0.0.1:{server.server_port}")
    try:
        with pytest.raises(SettingsError, match="without a token"):
            ray.slots(settings)
    finally:
        server.shutdown()
        server.server_close()


def test_a_cluster_that_is_not_there_is_waited_for(monkeypatch, settings):
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:9")
    store = Store(settings.model_copy(update={"launcher": "ray"}))
    run = submit(store, RECIPE)
    with pytest.raises(LauncherAway, match="gives no answer, runs wait for it"):
        Dispatcher(store).tick()
    assert store.runs.get(run.id).state is RunState.QUEUED
