"""A Ray cluster of two nodes on this machine, for as long as a ``with`` block: a core a node, all of it behind a token.

The Jobs API answers on loopback alone; what nodes say to each other goes over the machine's own address, as between machines. It
lives in a process of its own (``python -m kdui.bench.ray_cluster PORT``): Ray reads its variables once, when it is imported.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from kdui.core.errors import KduiError

ROOT = Path(__file__).parents[2]
NODE: dict[str, Any] = {"num_cpus": 1, "num_gpus": 0, "object_store_memory": 80_000_000}
READY, KILL = "ready", "kill"


class TwoNodes:
    """The process that holds the cluster; ``client`` is the environment of whoever submits jobs to it."""

    def __init__(self, process: "subprocess.Popen[str]", client: dict[str, str]):
        self._process, self.client = process, client

    def kill_node(self) -> None:
        """kill -9 the second node; returns when that is done."""
        self._say(KILL)
        self._hear(KILL)

    def _say(self, word: str) -> None:
        print(word, file=self._process.stdin, flush=True)

    def _hear(self, word: str) -> None:
        for line in cast(Any, self._process.stdout):
            if line.strip() == word:
                return
        raise KduiError("The Ray cluster ended. Its logs are below /tmp/ray/session_latest/logs.")


@contextlib.contextmanager
def two_nodes(nodes_own: Mapping[str, str]) -> Iterator[TwoNodes]:
    """A started cluster, whose nodes have ``nodes_own`` in their environment; raises KduiError where it does not start."""
    port = _free_port()
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    client = {**token, "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{port}"}
    own = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "kdui.bench.ray_cluster", str(port)],
        env={**os.environ, **token, **own, **nodes_own},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    nodes = TwoNodes(process, client)
    try:
        nodes._hear(READY)
        yield nodes
    finally:
        cast(Any, process.stdin).close()  # the process then shuts its nodes down
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def hold(port: int) -> None:
    """Start both nodes and keep them until the input ends."""
    from ray.cluster_utils import Cluster

    head = {**NODE, "include_dashboard": True, "dashboard_host": "127.0.0.1", "dashboard_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(**NODE)
    print(READY, flush=True)
    try:
        for line in sys.stdin:
            if line.strip() == KILL:
                cluster.remove_node(second, allow_graceful=False)
                print(KILL, flush=True)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    hold(int(sys.argv[1]))
