"""The process that times: ``python -m kdui.runtime.timing_process REQUEST.npz`` prints one line of JSON (see ``latency``)."""

import json
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.runner import USUAL
from kdui.runtime.json_process import answers_pipe, bound_memory, end_with_parent
from kdui.runtime.timing import NOISY, spread, take_turns, warm_up

LEAST_RUNS = 20
THROUGHPUT_SECONDS = 0.6
LONGEST_SECONDS = 25.0  # for one pair of models: a slow one gets fewer runs, and n is their number
SWEEP_SECONDS, SWEEP_RUNS, SWEEP_LEAST = 0.12, 40, 5  # a setting of the sweep: a look, not the headline
LOOK_SECONDS = 0.05

Arrays = dict[str, np.ndarray]
Read = Callable[[], float]


def main(path: str, most_mb: float) -> None:
    """Handle one request, within this many MB of memory where the graph is untrusted (else 0)."""
    end_with_parent()
    pipe = answers_pipe()
    if most_mb:
        bound_memory(most_mb)
    with np.load(path, allow_pickle=False) as file:
        request = json.loads(str(file["request"]))
        groups: dict[str, Arrays] = {}
        for key in file.files:
            group, _, name = key.partition(".")
            if name:
                groups.setdefault(group, {})[name] = file[key]
    modes = {"memory": _memory, "kernels": _kernels, "generation": _generation}
    answer = modes.get(request["mode"], _latency)(request, groups)
    pipe.write(json.dumps(answer) + "\n")
    pipe.flush()


def _latency(request: dict[str, Any], groups: dict[str, Arrays]) -> dict[str, Any]:
    pinned = pin(request["threads"])
    device = request["device"]
    started = time.perf_counter()
    candidate = Reader(request["candidate"], request["threads"], device, request["runtimes"][0])
    load_ms = 1e3 * (time.perf_counter() - started)
    baseline = Reader(request["baseline"], request["threads"], device, request["runtimes"][1])
    mine, theirs = candidate.of(groups["sample"]), baseline.of(groups["baseline"])
    warm = len(warm_up(mine))
    warm_up(theirs)
    readings, repeated = quiet(lambda: in_turn(mine, theirs, request["runs"]))
    batch = candidate.of(groups["batch"]) if "batch" in groups else None
    size = len(next(iter(groups["batch"].values()))) if batch else 0
    return {
        "candidate_ms": readings[0],
        "baseline_ms": readings[1],
        "throughput": _throughput(batch, size) if batch else None,
        "load_ms": load_ms,
        "warm_up_runs": warm,
        "repeated": repeated,
        "same_file": len({Path(request[name]).resolve() for name in ("candidate", "baseline")} | set(request["runtimes"])) == 2,
        "pinned": pinned,
        "sweep": _sweep(request, groups, candidate),
    }


def _kernels(request: dict[str, Any], groups: dict[str, Arrays]) -> dict[str, Any]:
    from kdui.runtime.kernels import kernel_truth

    kernels = kernel_truth(Path(request["candidate"]), groups["sample"], request["threads"], request["device"])
    return kernels.model_dump(mode="json")


def _generation(request: dict[str, Any], groups: dict[str, Arrays]) -> dict[str, Any]:
    from kdui.runtime.generation_speed import timed_generation

    pin(request["threads"])
    return timed_generation(request, groups)


def in_turn(mine: Read, theirs: Read, runs: int, longest: float = LONGEST_SECONDS) -> tuple[list[float], list[float]]:
    """Readings of both in turn, ``runs`` of each, fewer where they would take longer than ``longest`` seconds."""
    others, ours = take_turns((theirs, mine), runs, longest=longest, least=LEAST_RUNS)
    return ours, others


def quiet(measure: Callable[[], tuple[list[float], list[float]]]) -> tuple[tuple[list[float], list[float]], bool]:
    """What ``measure`` gave, or, where one of both was noisy, the quieter of two tries; and whether it was tried twice."""
    first = measure()
    if _noise(first) <= NOISY:
        return first, False
    second = measure()
    return (first if _noise(first) <= _noise(second) else second), True


def _noise(pair: tuple[list[float], list[float]]) -> float:
    return max(spread(readings) for readings in pair)


def _sweep(request: dict[str, Any], groups: dict[str, Arrays], candidate: "Reader") -> list[tuple[dict[str, int], list[float]]]:
    """A few readings at each setting; a session is opened again only for another number of threads."""
    sweep = []
    readers = {request["threads"]: candidate}
    for at, setting in enumerate(request["sweep"]):
        threads = setting["threads"]
        if threads not in readers:
            pin(threads)
            readers[threads] = Reader(request["candidate"], threads or len(_allowed()), request["device"], request["runtimes"][0])
        read = readers[threads].of(groups[f"sweep{at}"])
        warm_up(read, longest=20, seconds=SWEEP_SECONDS)
        readings: list[float] = []
        while len(readings) < SWEEP_LEAST or (len(readings) < SWEEP_RUNS and sum(readings) < 1e3 * SWEEP_SECONDS):
            readings.append(read())
        sweep.append((setting, readings))
    return sweep


def _throughput(read: Read, size: int) -> float:
    """Examples a second over at least five batches and half a second."""
    read()
    started, count = time.perf_counter(), 0
    while count < 5 or time.perf_counter() - started < THROUGHPUT_SECONDS:
        read()
        count += 1
    return count * size / (time.perf_counter() - started)


class Reader:
    """A graph that a runtime has open, and ways to time its inferences; on a GPU that is always ONNX Runtime."""

    def __init__(self, graph: str | bytes, threads: int, device: str, runtime: str = USUAL):
        self.stream: Any = None
        self.session: Any
        self.device = device
        file = graph if isinstance(graph, bytes) else Path(graph)
        if device == "cpu":
            from kdui.runtime.runners import open_runner

            self.session = open_runner(runtime, file, threads)
            return
        import torch

        from kdui.runtime.sessions import open_session

        # A stream of its own that ONNX Runtime computes on: events recorded there time the kernels alone.
        self.stream = torch.cuda.Stream(device)
        self.session = open_session(file, threads, device=device, stream=self.stream.cuda_stream)

    def of(self, arrays: Arrays) -> Read:
        """A function that runs ``arrays`` once and gives the ms that it took."""
        return self._on_gpu(arrays) if self.stream is not None else lambda: self._on_cpu(arrays)

    def _on_cpu(self, arrays: Arrays) -> float:
        started = time.perf_counter()
        self.session.run(None, arrays)
        return 1e3 * (time.perf_counter() - started)

    def _on_gpu(self, arrays: Arrays) -> Read:
        """Inputs and outputs stay on the GPU; the time lies between two CUDA events on the session's stream."""
        import onnxruntime
        import torch

        arrays = {**arrays, **self.session.beside(arrays)}
        binding = self.session.io_binding()
        index = int(self.device.partition(":")[2] or 0)
        kept = [onnxruntime.OrtValue.ortvalue_from_numpy(array, "cuda", index) for array in arrays.values()]
        for name, value in zip(arrays, kept, strict=True):
            binding.bind_ortvalue_input(name, value)
        for output in self.session.get_outputs():
            binding.bind_output(output.name, "cuda", index)
        before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

        def read() -> float:
            assert kept, "the inputs live as long as what reads them"
            before.record(self.stream)
            self.session.run_with_iobinding(binding)
            after.record(self.stream)
            after.synchronize()
            return float(before.elapsed_time(after))

        return read


# --- threads ------------------------------------------------------------------------------------------------------


def pin(threads: int) -> list[int]:
    """Keep this process on as many cores as it has threads, the idlest ones; all allowed cores for 0. Returns the cores.

    A thread that moves between cores loses its caches; where the system can't pin (macOS), nothing is done.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []
    allowed = _allowed()
    chosen = allowed if not threads or threads >= len(allowed) else idlest(_busy(), _busy(LOOK_SECONDS), allowed, threads)
    os.sched_setaffinity(0, chosen)
    return sorted(chosen)


def idlest(before: dict[int, int], after: dict[int, int], allowed: list[int], count: int) -> list[int]:
    """The ``count`` allowed cores that did least work between two looks at their busy ticks."""
    return sorted(allowed, key=lambda core: (after.get(core, 0) - before.get(core, 0), core))[:count]


def _busy(wait: float = 0.0) -> dict[int, int]:
    """Busy ticks of each core since the system started, after waiting this many seconds; empty where /proc has no stat."""
    if wait:
        time.sleep(wait)
    try:
        lines = Path("/proc/stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    busy_ticks = {}
    for line in lines:
        name, *numbers = line.split()
        if name.startswith("cpu") and name != "cpu":
            ticks = [int(number) for number in numbers]
            busy_ticks[int(name[3:])] = sum(ticks) - sum(ticks[3:5])  # all but idle and waiting for a disk
    return busy_ticks


@cache
def _allowed() -> list[int]:
    """The cores that this process may use; read before it pins itself."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


# --- memory -------------------------------------------------------------------------------------------------------


def _memory(request: dict[str, Any], groups: dict[str, Arrays]) -> dict[str, Any]:
    from kdui.runtime.sessions import open_session

    idle = resident_mb()[0]
    session = open_session(Path(request["candidate"]), request["threads"])
    load = resident_mb()[1]
    apart = forget_peak()
    for _ in range(3):
        session.run(None, groups["sample"])
    return {"idle_mb": idle, "load_mb": load, "inference_mb": resident_mb()[1], "apart": apart}


def forget_peak() -> bool:
    """Let the peak start again from what is resident now (Linux); False where the system has no such thing."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:
        return False
    return True


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
    main(sys.argv[1], float(sys.argv[2]))
