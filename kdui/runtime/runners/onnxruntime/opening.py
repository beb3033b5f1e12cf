"""Opens a graph in ONNX Runtime."""

from pathlib import Path

from kdui.core.runner import Runner
from kdui.runtime.sessions import open_session


def open_graph(graph: Path | bytes, threads: int) -> Runner:
    """A session on the CPU."""
    return open_session(graph, threads)
