"""Launcher ``ray``: each run is a job of a Ray cluster. Queueing, placing by cores and GPUs, and stopping are Ray's (Jobs API).

Ray's own variables say where the cluster is and what its token is: RAY_API_SERVER_ADDRESS, RAY_AUTH_MODE, RAY_AUTH_TOKEN_PATH. A
job's name follows from run and attempt, so any dispatcher finds it again. The nodes share KDUI_HOME and reach the database.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from kdui.core.errors import LauncherAway, SettingsError
from kdui.core.layout import OUTPUT_FILE
from kdui.core.run import Run, RunFacts
from kdui.launch.environment import environment_of, worker_environment
from kdui.launch.launcher import Seen
from kdui.machine import device_of
from kdui.settings import VARIABLES, Settings
from kdui.store.store import Store

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

HOST = "ray:jobs"  # no machine can have this name
ADDRESS = "http://127.0.0.1:8265"  # where Ray's head answers unless it is told otherwise
HERE = ("127.0.0.1", "::1", "localhost")
ANSWER_SECONDS = 10.0
NODES_SECONDS = 5.0  # how long what the nodes have is taken as known
MOST_NODES = 10_000  # the longest list that Ray gives
MOST_WORDS = 200  # characters of a line that Ray says
# Whoever reaches Ray's dashboard reads what a job is given, so each node brings these itself.
NODES_OWN = (VARIABLES["database_url"], VARIABLES["api_keys"])

_nodes: tuple[float, list[dict[str, float]]] = (float("-inf"), [])


def slots(settings: Settings) -> list[str]:
    """As many as the living nodes have room for: ``cuda:0/ray-1`` … one a GPU (or a share of it), ``cpu/ray-1`` … by cores.

    In a job of Ray the GPU that it was given is the first one, whichever it is of the node.
    """
    gpu_runs = cpu_runs = 0
    for resources in _resources():
        on_gpus = int(resources.get("GPU", 0)) * settings.runs_per_gpu
        gpu_runs += on_gpus
        cpu_runs += max(0, int(resources.get("CPU", 0) // settings.ray_cpus) - on_gpus)
    names = [f"cuda:0/ray-{number}" for number in range(1, gpu_runs + 1)]
    return names + [f"cpu/ray-{number}" for number in range(1, cpu_runs + 1)]


def start(run: Run, store: Store) -> None:
    """Submit the worker's command; its output goes to the run's folder."""
    settings, folder = store.settings, store.folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    command = f"exec python -m kdui.worker {run.id} {run.attempts} >> {shlex.quote(str(folder / OUTPUT_FILE))} 2>&1"
    given = {name: value for name, value in environment_of(settings).items() if name not in NODES_OWN}
    environment = {**worker_environment(run.slot, given), "OMP_NUM_THREADS": str(settings.ray_cpus)}
    on_gpu = device_of(run.slot or "cpu") != "cpu"
    with _asking() as client:
        client.submit_job(
            entrypoint=command,
            submission_id=_job(run),
            runtime_env={"env_vars": environment},
            metadata={"run": run.id, "name": run.name},
            entrypoint_num_cpus=settings.ray_cpus,
            entrypoint_num_gpus=1 / settings.runs_per_gpu if on_gpu else None,
        )


def poll(run: RunFacts, *, closely: bool = False) -> Seen:
    """What Ray knows of the run's job; processor time is not known here."""
    with _asking() as client:
        job = _details(client, run)
    if job is None:
        return Seen(False, said="Ray does not know its job")
    lines = (job.message or "").split("\n")
    said = " … ".join(dict.fromkeys(line.strip()[:MOST_WORDS] for line in (lines[0], lines[-1]) if line.strip()))
    return Seen(not job.status.is_terminal(), waits=job.status == "PENDING", said=said)


def stop(run: RunFacts, *, at_once: bool = False) -> bool:
    """Ray sends SIGTERM, and after three seconds SIGKILL; a job that waits never begins its work."""
    with _asking() as client:
        job = _details(client, run)
        if job is None or job.status.is_terminal():
            return False
        client.stop_job(_job(run))
    return True


def _job(run: RunFacts) -> str:
    return f"kdui-{run.id}-{run.attempts}"


def _details(client: JobSubmissionClient, run: RunFacts) -> JobDetails | None:
    try:
        return client.get_job_info(_job(run))
    except RuntimeError as error:
        if "status code 404" in str(error):
            return None
        raise


def _resources() -> list[dict[str, float]]:
    """Of each living node: ``CPU``, ``GPU`` …, looked at every few seconds."""
    global _nodes
    if time.monotonic() - _nodes[0] > NODES_SECONDS:
        with _asking():
            from ray.util.state import list_nodes
            from ray.util.state.exception import RayStateApiException

            # Ray takes the dead nodes that a filter leaves out for missing ones, and would raise.
            only: dict[str, Any] = {"filters": [("state", "=", "ALIVE")], "raise_on_missing_output": False}
            try:
                living: list[Any] = list_nodes(address=_address(), limit=MOST_NODES, **only)
            except RayStateApiException as error:
                raise RuntimeError(str(error)) from error
        _nodes = time.monotonic(), [node.resources_total or {} for node in living]
    return _nodes[1]


@contextlib.contextmanager
def _asking() -> Iterator[JobSubmissionClient]:
    """The client of Ray's head; what goes wrong with a question is raised as LauncherAway."""
    address = _address()
    try:
        yield _client(address)
    except (RuntimeError, OSError, ValueError) as error:  # requests' own errors are OSErrors
        words = " ".join(str(error).split())[:MOST_WORDS]
        raise LauncherAway(f"The Ray cluster at {address} gives no answer, runs wait for it: {words}") from error


def _address() -> str:
    address = os.environ.get("RAY_API_SERVER_ADDRESS", "").strip().rstrip("/") or ADDRESS
    place = urlsplit(address)
    if place.scheme != "https" and not (place.scheme == "http" and place.hostname in HERE):
        raise SettingsError(
            "RAY_API_SERVER_ADDRESS must be https://…, or http:// of this machine: the token goes over it. "
            "Reach another machine's head through a tunnel: ssh -N -L 8265:127.0.0.1:8265 HEAD."
        )
    return address


@cache
def _client(address: str) -> JobSubmissionClient:
    """A connected client; a cluster that asks for no token is refused, for it runs anybody's commands."""
    answer = requests.get(f"{address}/api/jobs/", timeout=ANSWER_SECONDS, allow_redirects=False)
    if answer.status_code not in (401, 403):
        raise SettingsError(
            f"The Ray cluster at {address} answers without a token, so whoever reaches it runs commands on it. "
            "Start its nodes with RAY_AUTH_MODE=token (docs/cluster.md), then start kdui again."
        )
    try:
        from ray.job_submission import JobSubmissionClient
    except ImportError:
        raise SettingsError("The launcher ray needs Ray: pip install 'ray[default]==2.60.0'.") from None
    return JobSubmissionClient(address)
