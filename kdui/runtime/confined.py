"""An untrusted graph, run in a process of its own with limits of time, memory and threads.

It looks like a session of ONNX Runtime to its callers. A loop without end and a tensor of gigabytes end as a sentence.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from pydantic import Field

from kdui.core.errors import StageFailed
from kdui.core.plain import Frozen
from kdui.machine import cores
from kdui.runtime.json_process import RequestProcess, Unanswered
from kdui.settings import Settings

START_SECONDS = 60.0  # the first response may wait for imports
MOST_THREADS = 4


class Limits(Frozen):
    """Limits of an untrusted graph: seconds of one request and of all, memory beside its own file."""

    answer_s: float = Field(default=60.0, gt=0)
    total_s: float | None = None
    memory_mb: float = Field(default=4096.0, gt=0)

    @classmethod
    def of(cls, settings: Settings, in_total: bool = False) -> "Limits":
        """As the settings say; ``in_total``: all requests together have a limit too, for where nobody can cancel."""
        return cls(
            answer_s=settings.graph_answer_s,
            total_s=settings.graph_total_s if in_total else None,
            memory_mb=settings.graph_memory_mb,
        )

    def of_graph(self, *paths: Path) -> float:
        """MB for graphs of this size: ONNX Runtime holds each file and once more its own packed weights."""
        return self.memory_mb + 2 * sum(path.stat().st_size for path in set(paths)) / 1e6

    @property
    def words(self) -> str:
        """For a person, before the work begins."""
        total = f", {self.total_s:g} s in all" if self.total_s else ""
        return f"{self.answer_s:g} s an answer{total}, {self.memory_mb:,.0f} MB of memory"


class GraphOverrun(StageFailed):
    """A graph overran its limits and was ended."""


class ConfinedSession:
    """Opens the graph at once; raises GraphOverrun, or RuntimeError with the words of ONNX Runtime where it refuses the graph."""

    def __init__(
        self, path: Path, limits: Limits, check: Callable[[], None] | None = None, optimize: bool = True, what: str = "The graph"
    ):
        self.path, self.limits, self.what = path, limits, what
        self._check = check
        self._folder = tempfile.TemporaryDirectory(prefix="kdui-graph-")
        self._deadline = time.monotonic() + limits.total_s if limits.total_s else None
        self._memory = limits.of_graph(path)
        self._process = RequestProcess("kdui.runtime.confined_graph", most_mb=self._memory, stderr=subprocess.DEVNULL)
        opening = {"open": str(path), "threads": min(MOST_THREADS, cores()), "optimize": optimize, "memory_mb": self._memory}
        try:
            self._ask(opening, START_SECONDS + limits.answer_s)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "ConfinedSession":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def run(self, names: Sequence[str] | None, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        """All outputs, or those named, for one batch, as ``InferenceSession.run`` gives them."""
        inputs_path, outputs_path = (Path(self._folder.name) / name for name in ("given.npz", "found.npz"))
        np.savez(inputs_path, **arrays)  # type: ignore[arg-type]
        self._ask(
            {"run": str(inputs_path), "names": list(names) if names else None, "into": str(outputs_path)}, self.limits.answer_s
        )
        with np.load(outputs_path, allow_pickle=False) as file:
            return [file[f"output{number}"] for number in range(len(file.files))]

    def counts(self, shapes: Mapping[str, Sequence[int]]) -> dict[str, int | None]:
        """Weights, non-zeros and MACs of the graph for inputs of these shapes (see ``graph_counts``)."""
        plain = {name: [int(size) for size in shape] for name, shape in shapes.items()}
        counts: dict[str, int | None] = self._ask({"count": str(self.path), "shapes": plain}, self.limits.answer_s)["counts"]
        return counts

    def close(self) -> None:
        """End the process and remove what was handed over."""
        self._process.stop()
        self._folder.cleanup()

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        left = seconds if self._deadline is None else min(seconds, self._deadline - time.monotonic())
        try:
            answer = self._process.ask(request, max(left, 0.0), self._check)
        except Unanswered as error:
            raise GraphOverrun(self._overrun(error.why, left < seconds)) from None
        if answer.get("memory"):
            raise GraphOverrun(self._overrun("large", False))
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def _overrun(self, why: str, in_total: bool) -> str:
        if why == "slow" and in_total:
            return (
                f"{self.what} did not finish within {self.limits.total_s:g} s and was ended: it may never end. "
                "If you trust who made it, allow more with KDUI_GRAPH_TOTAL_S."
            )
        if why == "slow":
            return (
                f"{self.what} did not respond within {self.limits.answer_s:g} s and was ended: it may never end. "
                "If you trust who made it, allow more with KDUI_GRAPH_ANSWER_S."
            )
        if why == "large":
            return (
                f"{self.what} needed more than {self._memory:,.0f} MB of memory and was ended. "
                "If you trust who made it, allow more with KDUI_GRAPH_MEMORY_MB."
            )
        return f"{self.what} crashed its process (perhaps out of memory). Use another file."
