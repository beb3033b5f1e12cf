"""Runtimes, a folder each: an exported graph opened by the name of the program that shall compute it."""

from pathlib import Path

from kdui.core.errors import StageFailed
from kdui.core.runner import RUNNERS, Runner


def open_runner(name: str, graph: Path | bytes, threads: int = 0) -> Runner:
    """A graph of our own on the CPU; ``threads`` 0 leaves the number to the runtime.

    Raises UnknownName for a runtime that is not there, StageFailed where it is not installed or does not take the graph.
    """
    if missing := RUNNERS[name].missing:
        raise StageFailed(missing)
    runner: Runner = RUNNERS.module(name, "opening").open_graph(graph, threads)
    return runner
