"""Latency, throughput and memory of ONNX files, measured in a process of its own with pinned threads.

The candidate and its baseline run in turn there, so that a drift of the machine's speed hits both alike; ``timed`` is what
that process runs.
"""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.errors import StageFailed
from kdui.core.plain import Frozen
from kdui.core.runner import USUAL
from kdui.runtime.confined import Limits
from kdui.runtime.generation_speed import Generation, Prompt
from kdui.runtime.json_process import RequestProcess, Unanswered
from kdui.runtime.kernels import KernelTruth
from kdui.runtime.timing import agree, noise, ratio_interval

TIME_LIMIT = 300.0


class Setting(Frozen):
    """One point of a sweep: how many examples at once, how many threads (0: all), how many tokens a text has (0: no text)."""

    batch: int = 1
    threads: int = 1
    length: int = 0

    @property
    def name(self) -> str:
        """As it stands in a metric's name: batch8.threads1 or batch1.threads1.tokens64."""
        tokens = f".tokens{self.length}" if self.length else ""
        return f"batch{self.batch}.threads{self.threads or 'all'}{tokens}"


class Latency(Frozen):
    """Milliseconds of single inferences, in turn with the baseline's; readings at other settings; examples a second.

    ``parts``: how many of the readings each process took, in their order; ``load_ms``: the median of its sessions' starts.
    """

    candidate_ms: tuple[float, ...]
    baseline_ms: tuple[float, ...]
    throughput: float | None = None
    load_ms: float
    parts: tuple[int, ...] = ()
    sweep: tuple[tuple[Setting, tuple[float, ...]], ...] = ()
    warm_up_runs: int = 0
    repeated: bool = False
    same_file: bool = False
    pinned: tuple[int, ...] = ()

    @property
    def median(self) -> float:
        """p50 of the candidate, ms."""
        return float(np.median(self.candidate_ms))

    @property
    def speedup(self) -> tuple[float, float, float]:
        """Median of the baseline ÷ median of the candidate, with its 95 % paired bootstrap interval."""
        return float(np.median(self.baseline_ms)) / self.median, *ratio_interval(self.candidate_ms, self.baseline_ms, self.parts)

    @property
    def doubt(self) -> str:
        """Why a reader should not lean on these readings, in words; empty where they are reliable."""
        reason = noise(self.candidate_ms)
        if not reason and (theirs := noise(self.baseline_ms)):
            reason = f"of the baseline, {theirs}"
        if not reason and self.same_file and not agree(self.candidate_ms, self.baseline_ms, self.parts):
            reason = f"the same file twice differed by a factor of {self.speedup[0]:.2f}"
        if not reason:
            return ""
        return f"noisy: {reason}{', also when repeated' if self.repeated else ''}; the machine was busy"


def measure_latency(
    candidate: Path,
    baseline: Path,
    sample: dict[str, np.ndarray],
    *,
    baseline_sample: dict[str, np.ndarray] | None = None,
    batch: dict[str, np.ndarray] | None = None,
    sweep: Sequence[tuple[Setting, dict[str, np.ndarray]]] = (),
    runs: int = 200,
    threads: int = 1,
    device: str = "cpu",
    processes: int = 1,
    limits: Limits | None = None,
    runtimes: tuple[str, str] = (USUAL, USUAL),
) -> Latency:
    """Time ``runs`` inferences on ``sample`` (batch 1) of both graphs in turn, the candidate's throughput on ``batch``, and a
    few inferences at each setting of ``sweep``. The runs are shared by this many ``processes``, one after the other.

    ``limits``: of memory, for an untrusted graph; without them only the time is limited. ``runtimes``: what computes the
    candidate and what the baseline, which may be the same file.
    """
    request = {
        "mode": "latency",
        "candidate": str(candidate),
        "baseline": str(baseline),
        "runs": -(-runs // processes),
        "threads": threads,
        "device": device,
        "runtimes": runtimes,
        "sweep": [setting.model_dump() for setting, _ in sweep],
    }
    arrays = {f"sample.{name}": array for name, array in sample.items()}
    arrays |= {f"baseline.{name}": array for name, array in (baseline_sample or sample).items()}
    arrays |= {f"batch.{name}": array for name, array in (batch or {}).items()}
    arrays |= {f"sweep{at}.{name}": array for at, (_, inputs) in enumerate(sweep) for name, array in inputs.items()}
    first = Latency.model_validate(_ask(request, arrays, limits))
    alone = {name: array for name, array in arrays.items() if name.startswith(("sample.", "baseline."))}
    others = [Latency.model_validate(_ask({**request, "sweep": []}, alone, limits)) for _ in range(processes - 1)]
    return _joined([first, *others])


def _joined(latencies: list[Latency]) -> Latency:
    """The readings of several processes as one; what is read once stays the first one's."""
    return latencies[0].model_copy(
        update={
            "candidate_ms": tuple(value for each in latencies for value in each.candidate_ms),
            "baseline_ms": tuple(value for each in latencies for value in each.baseline_ms),
            "load_ms": float(np.median([each.load_ms for each in latencies])),
            "parts": tuple(len(each.candidate_ms) for each in latencies),
            "repeated": any(each.repeated for each in latencies),
        }
    )


class Memory(Frozen):
    """Resident memory of a fresh process in MB (10^6 bytes): before it loads the graph, at its peak while it loads, at its peak
    during inference."""

    idle_mb: float
    load_mb: float
    inference_mb: float
    apart: bool = True

    @property
    def peak_mb(self) -> float:
        """The larger of both peaks."""
        return max(self.load_mb, self.inference_mb)


def measure_memory(path: Path, sample: dict[str, np.ndarray], threads: int = 1, limits: Limits | None = None) -> Memory:
    """Peaks of a fresh process over loading the graph and over answering; ``apart`` is False where the system can't part them.

    ``limits``: as for ``measure_latency``.
    """
    request = {"mode": "memory", "candidate": str(path), "threads": threads}
    return Memory.model_validate(_ask(request, {f"sample.{name}": array for name, array in sample.items()}, limits))


def measure_generation(
    candidate: Path, baseline: Path, prompts: Sequence[tuple[Prompt, np.ndarray, np.ndarray]], threads: int, steps: int
) -> Generation:
    """Time prompts and the ``steps`` tokens after them, both graphs in turn. Of each prompt: the setting, and the token ids
    [batch, length] of the candidate and of the baseline, which may have tokenizers of their own."""
    request = {
        "mode": "generation",
        "candidate": str(candidate),
        "baseline": str(baseline),
        "threads": threads,
        "steps": steps,
        "prompts": [prompt.model_dump() for prompt, _, _ in prompts],
    }
    arrays = {f"prompt{at}.candidate": mine for at, (_, mine, _) in enumerate(prompts)}
    arrays |= {f"prompt{at}.baseline": theirs for at, (_, _, theirs) in enumerate(prompts)}
    return Generation.model_validate(_ask(request, arrays))


def confined_kernels(path: Path, sample: dict[str, np.ndarray], threads: int, device: str, limits: Limits) -> KernelTruth:
    """``kernel_truth`` of an untrusted graph, in a process of its own within limits of time and memory."""
    request = {"mode": "kernels", "candidate": str(path), "threads": threads, "device": device}
    return KernelTruth.model_validate(_ask(request, {f"sample.{name}": array for name, array in sample.items()}, limits))


def _ask(request: dict[str, Any], arrays: dict[str, np.ndarray], limits: Limits | None = None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="kdui-latency-") as folder:
        path = Path(folder) / "request.npz"
        np.savez(path, request=np.array(json.dumps(request)), **arrays)  # type: ignore[arg-type]
        graphs = [Path(request[name]) for name in ("candidate", "baseline") if name in request]
        most_mb = limits.of_graph(*graphs) if limits else None
        with (Path(folder) / "said.txt").open("w+", encoding="utf-8") as messages:
            process = RequestProcess(
                "kdui.runtime.timing_process", [str(path), str(most_mb or 0)], most_mb=most_mb, stderr=messages
            )
            try:
                return process.answer(TIME_LIMIT)
            except Unanswered as error:
                raise StageFailed(_unanswered(error.why, most_mb, process.code, messages.name)) from None
            finally:
                process.stop()


def _unanswered(why: str, most_mb: float | None, code: int | None, messages_path: str) -> str:
    if why == "slow":
        return (
            f"The latency process did not respond within {TIME_LIMIT:.0f} s. "
            "Choose a smaller model or fewer 'measure.latency_runs', then resume."
        )
    if why == "large":
        return (
            f"The latency process needed more than {most_mb:,.0f} MB of memory and was ended. Use a smaller model, or, "
            "if you trust who made it, allow more with KDUI_GRAPH_MEMORY_MB."
        )
    words = Path(messages_path).read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it left no message"]
    return f"The latency process ended with {code}: {words[-1][:500]}. Resume measures again."
