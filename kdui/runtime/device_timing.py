"""Measures a device's profile: operators of the shapes that graphs here have, what every graph takes, and how fast memory is.

Each operator is timed in a graph with one of it and in a graph with several in a row, in turns; their difference is what one
takes within a graph, without what starting a graph takes.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kdui import machine
from kdui.core.device_profile import DeviceProfile, Point
from kdui.runtime.operator_graphs import REPEATED, Operator, graph_of, nothing, operators, others
from kdui.runtime.timing import take_turns, warm_up
from kdui.runtime.timing_process import Reader, pin

RUNS = 40  # readings of a graph; a slow one gets fewer
LONGEST_SECONDS, LEAST = 0.25, 10
LEAST_US = 0.02  # differences below it are noise
COPIED = 64_000_000  # bytes, more than caches hold
COPIES = 7
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def measure_profile(
    device: str = "cpu",
    threads: int = 1,
    wanted: Sequence[Operator] | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> DeviceProfile:
    """Time the device, in this process, which is kept on as many cores as it has ``threads``."""
    cores, fingerprint = machine.cores(), machine.fingerprint()  # before it is kept on some of the cores
    pin(threads)
    todo = list(operators()) if wanted is None else list(wanted)
    empty, smallest = (_reader(graph, (1, 16), threads, device) for graph in (nothing(), _small(REPEATED + 1)))
    run_us, several = (float(np.median(readings)) for readings in _in_turn(empty, smallest))
    points = []
    for number, operator in enumerate(todo):
        progress(number, len(todo))
        points += _point(operator, threads, device)
    return DeviceProfile(
        title=machine.gpus()[int(device.partition(":")[2])] if device != "cpu" else machine.cpu_name(),
        device=device,
        threads=threads,
        cores=cores,
        flags=tuple(machine.notable_flags()),
        caches_kb=caches_kb(),
        copy_gb_s=copy_rate(),
        run_us=1000 * run_us,
        node_us=max(LEAST_US, 1000 * (several - run_us) / (REPEATED + 1)),
        points=tuple(points),
        versions=machine.versions(),
        machine=fingerprint,
        created=datetime.now(UTC),
    )


def _small(count: int) -> bytes:
    """Additions of a few numbers, in a row."""
    add = next(each for each in others() if each.kind == "element")
    return graph_of(add._replace(input_shape=(1, 16)), count)


def _point(operator: Operator, threads: int, device: str) -> list[Point]:
    """Empty where the device has no kernel for it, or it is too quick to be told from noise."""
    from onnxruntime.capi.onnxruntime_pybind11_state import InvalidGraph, NotImplemented, RuntimeException

    many = 1 + REPEATED
    less, units = (operator, REPEATED) if operator.without is None else (operator._replace(build=operator.without), many)
    try:
        graphs = graph_of(less, 1 if less is operator else many), graph_of(operator, many)
        readings = _in_turn(*(_reader(graph, operator.input_shape, threads, device) for graph in graphs))
    except (InvalidGraph, NotImplemented, RuntimeException):
        return []
    us = 1000 * (float(np.median(readings[1])) - float(np.median(readings[0]))) / units / operator.nodes
    return [Point(kind=operator.kind, precision=operator.precision, shape=operator.shape, us=round(max(us, LEAST_US), 4))]


def _reader(graph: bytes, shape: tuple[int, ...], threads: int, device: str) -> Callable[[], float]:
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return Reader(graph, threads, device).of({"x": values})


def _in_turn(one: Callable[[], float], other: Callable[[], float]) -> list[list[float]]:
    for read in (one, other):
        warm_up(read, longest=30, seconds=0.1)
    return take_turns((one, other), RUNS, longest=LONGEST_SECONDS, least=LEAST, turn_seconds=LONGEST_SECONDS / 4)


def copy_rate() -> float:
    """10^9 bytes/s that a copy of an array larger than the caches reads and writes; the best of some."""
    source = np.ones(COPIED // 8)
    target = np.empty_like(source)
    seconds = []
    for _ in range(COPIES):
        started = time.perf_counter()
        np.copyto(target, source)
        seconds.append(time.perf_counter() - started)
    return 2 * COPIED / min(seconds) / 1e9


def caches_kb(folder: Path = CACHES) -> dict[str, int]:
    """L1d, L1i, L2, L3 -> kB of the first core's; empty where the system does not say (macOS)."""
    sizes = {}
    for each in sorted(folder.glob("index*")):
        try:
            facts: Any = {name: (each / name).read_text(encoding="utf-8").strip() for name in ("level", "type", "size")}
            kind = {"Data": "d", "Instruction": "i"}.get(facts["type"], "")
            sizes[f"L{facts['level']}{kind}"] = int(facts["size"].rstrip("K"))
        except (OSError, ValueError):
            continue
    return sizes
