"""Latency, throughput and memory of ONNX files, in a process of its own with fixed threads.

The candidate and its baseline answer in turn, so that a drift of the machine's speed hits both alike.
Run as ``python -m kdui.runtime.latency REQUEST.npz`` by ``measure_latency`` and ``measure_memory``.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.errors import StageFailed
from kdui.core.plain import Frozen

WARM_UP_RUNS, WARM_UP_SECONDS = 20, 0.25
THROUGHPUT_SECONDS = 0.6
LONGEST_SECONDS = 25.0  # for one pair of models: a slow one gets fewer runs, and n says how many
TIME_LIMIT = 300.0
PROGRAM = str(Path(__file__).resolve().parents[2])  # where the package lies, whatever the working directory is


class Latency(Frozen):
    """Milliseconds of single answers, in turn with the baseline's; examples a second at a larger batch."""

    candidate_ms: tuple[float, ...]
    baseline_ms: tuple[float, ...]
    throughput: float | None = None
    load_ms: float

    @property
    def median(self) -> float:
        """p50 of the candidate, ms."""
        return float(np.median(self.candidate_ms))


def measure_latency(
    candidate: Path,
    baseline: Path,
    sample: dict[str, np.ndarray],
    *,
    baseline_sample: dict[str, np.ndarray] | None = None,
    batch: dict[str, np.ndarray] | None = None,
    runs: int = 200,
    threads: int = 1,
) -> Latency:
    """Time ``runs`` answers to ``sample`` (batch 1) of both graphs in turn, and the candidate's throughput on ``batch``."""
    request = {"mode": "latency", "candidate": str(candidate), "baseline": str(baseline), "runs": runs, "threads": threads}
    arrays = {f"sample.{name}": array for name, array in sample.items()}
    arrays |= {f"baseline.{name}": array for name, array in (baseline_sample or sample).items()}
    arrays |= {f"batch.{name}": array for name, array in (batch or {}).items()}
    return Latency.model_validate(_ask(request, arrays))


def measure_memory(path: Path, sample: dict[str, np.ndarray], threads: int = 1) -> tuple[float, float]:
    """Peak resident MB of a fresh process that loads the graph and answers, and its resident MB before loading."""
    found = _ask(
        {"mode": "memory", "candidate": str(path), "threads": threads},
        {f"sample.{name}": array for name, array in sample.items()},
    )
    return found["peak_mb"], found["idle_mb"]


def _ask(request: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="kdui-latency-") as folder:
        path = Path(folder) / "request.npz"
        np.savez(path, request=np.array(json.dumps(request)), **arrays)  # type: ignore[arg-type]
        command = [sys.executable, "-m", "kdui.runtime.latency", str(path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [PROGRAM, os.environ.get("PYTHONPATH")]))}
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            raise StageFailed(
                f"The latency process gave no answer within {TIME_LIMIT:.0f} s. "
                "Choose a smaller model or fewer 'measure.latency_runs', then resume."
            ) from None
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or ["it left no message"]
        raise StageFailed(f"The latency process ended with {done.returncode}: {words[-1]}. Resume measures again.")
    return json.loads(done.stdout.splitlines()[-1])


# --- inside the process -----------------------------------------------------------------------------------------


def _main(path: str) -> None:
    with np.load(path, allow_pickle=False) as file:
        request = json.loads(str(file["request"]))
        groups: dict[str, dict[str, np.ndarray]] = {"sample": {}, "baseline": {}, "batch": {}}
        for key in file.files:
            group, _, name = key.partition(".")
            if name:
                groups[group][name] = file[key]
    answer = _memory(request, groups) if request["mode"] == "memory" else _latency(request, groups)
    print(json.dumps(answer))


def _latency(request: dict[str, Any], groups: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    from kdui.runtime.sessions import open_session

    started = time.perf_counter()
    candidate = open_session(Path(request["candidate"]), request["threads"])
    load_ms = 1e3 * (time.perf_counter() - started)
    baseline = open_session(Path(request["baseline"]), request["threads"])
    _warm_up(candidate, groups["sample"])
    _warm_up(baseline, groups["baseline"])
    mine: list[float] = []
    theirs: list[float] = []
    deadline = time.perf_counter() + LONGEST_SECONDS
    for _ in range(request["runs"]):
        theirs.append(_timed(baseline, groups["baseline"]))
        mine.append(_timed(candidate, groups["sample"]))
        if time.perf_counter() > deadline and len(mine) >= WARM_UP_RUNS:
            break
    throughput = _throughput(candidate, groups["batch"]) if groups["batch"] else None
    return {"candidate_ms": mine, "baseline_ms": theirs, "throughput": throughput, "load_ms": load_ms}


def _timed(session: Any, arrays: dict[str, np.ndarray]) -> float:
    """One answer in ms."""
    started = time.perf_counter()
    session.run(None, arrays)
    return 1e3 * (time.perf_counter() - started)


def _warm_up(session: Any, arrays: dict[str, np.ndarray]) -> None:
    end = time.perf_counter() + WARM_UP_SECONDS
    count = 0
    while count < WARM_UP_RUNS or time.perf_counter() < end:
        session.run(None, arrays)
        count += 1


def _throughput(session: Any, batch: dict[str, np.ndarray]) -> float:
    """Examples a second over at least five batches and half a second."""
    size = len(next(iter(batch.values())))
    session.run(None, batch)
    started, count = time.perf_counter(), 0
    while count < 5 or time.perf_counter() - started < THROUGHPUT_SECONDS:
        session.run(None, batch)
        count += 1
    return count * size / (time.perf_counter() - started)


def _memory(request: dict[str, Any], groups: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    from kdui.runtime.sessions import open_session

    idle = resident_mb()[0]
    session = open_session(Path(request["candidate"]), request["threads"])
    for _ in range(3):
        session.run(None, groups["sample"])
    return {"peak_mb": resident_mb()[1], "idle_mb": idle}


def resident_mb() -> tuple[float, float]:
    """Resident and peak resident memory of this process, MB (10^6 bytes).

    Linux's VmHWM belongs to this program alone, while ru_maxrss would keep the peak of the process that started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines() if ":" in line)
        return tuple(int(lines[key].split()[0]) * 1024 / 1e6 for key in ("VmRSS", "VmHWM"))  # type: ignore[return-value]
    import resource

    import psutil

    scale = 1.0 if sys.platform == "darwin" else 1024.0
    return psutil.Process().memory_info().rss / 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6


if __name__ == "__main__":
    _main(sys.argv[1])
