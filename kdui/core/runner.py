"""Runner: a program that computes an exported graph. What measures and answers asks one of them and knows no program.

Each is a folder ``kdui/runtime/runners/NAME``: ``spec.py`` with RUNNER, the facts below, and ``opening.py`` with
``open_graph(path, threads) -> Runner``, the only file that imports the program.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import Field

from kdui.core.plain import Frozen
from kdui.core.registry import Registry

if TYPE_CHECKING:
    import numpy as np

USUAL = "onnxruntime"  # the runtime of every figure that names no other


class Runner(Protocol):
    """An open graph."""

    def run(self, names: Any, arrays: "dict[str, np.ndarray]") -> "list[np.ndarray]":
        """The outputs of that names, or with None all of them in the graph's order, for one batch of named inputs."""


class RunnerFacts(Frozen):
    """What a person should know of a runtime before anything is measured with it."""

    name: str
    title: str
    packages: tuple[str, ...] = Field(description="distributions that bring it: one of them must be installed")
    install: str = Field(description="the command that installs it")
    note: str = Field(default="", description="how it is set up here, for the note of every figure that it gives")

    @property
    def version(self) -> str | None:
        """Of the installed distribution; None where there is none."""
        for package in self.packages:
            try:
                return version(package)
            except PackageNotFoundError:
                continue
        return None

    @property
    def missing(self) -> str:
        """Why it cannot be used here, with what to do about it; empty where it can."""
        return "" if self.version else f"{self.title} is not installed here. Install it: {self.install}"


RUNNERS: Registry[RunnerFacts] = Registry("kdui.runtime.runners", "runtime", "RUNNER")


def others() -> tuple[str, ...]:
    """The runtimes beside the usual one."""
    return tuple(name for name in RUNNERS if name != USUAL)
