"""Which of ONNX Runtime's int8 graphs is kept: the preferred one of those that are accurate enough, unless another is clearly
faster.

Both run in turn, in several processes: where memory happens to lie makes a process a little faster or slower as a whole. The
decision and its readings are recorded (see ``training.recorded_choice``), so a step that is made again is made the same.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.errors import StageFailed
from kdui.core.metric import Metric
from kdui.runtime.latency import measure_latency

ALLOWED_LOSS = 0.25  # points (percent of it, where it is no percentage) that a variant may be worse than the best one
CLEARLY = 0.05  # the whole 95 % interval of the ratio of both latencies must lie beyond this share
QUICK_RUNS, PROCESSES = 60, 3
# Where nothing is clearly faster. Unsigned activations have the faster kernels on most processors with or without VNNI, and
# fused attention moves less memory; a reduced range costs a bit of each weight and must pay for it.
PREFERRED = ("U8S8", "S8S8", "U8S8 reduced range", "dynamic, fused attention", "dynamic")

Say = Callable[[str], None]


def near_best(scores: Mapping[str, float], metric: Metric) -> list[str]:
    """The variants that lose no more than allowed, the preferred ones first; raises StageFailed where there is none."""
    if not scores:
        raise StageFailed("No int8 variant could be scored. Choose fewer bits with scheme: simulated.")
    best = max(scores.values(), key=lambda score: metric.sign * score)
    near = [name for name, score in scores.items() if metric.keeps(score, best, ALLOWED_LOSS)]
    return sorted(near, key=lambda name: (PREFERRED.index(name) if name in PREFERRED else len(PREFERRED), name))


def fastest(paths: Mapping[str, Path], order: list[str], sample: dict[str, np.ndarray], say: Say) -> dict[str, Any]:
    """The variant to keep and every comparison that decided: the first of ``order``, unless a later one is clearly faster."""
    kept, readings = order[0], []
    for name in order[1:]:
        timing = measure_latency(paths[name], paths[kept], sample, runs=QUICK_RUNS, processes=PROCESSES)
        ratio, low, high = timing.speedup
        faster = low > 1 + CLEARLY
        readings.append(
            {
                "variant": name,
                "against": kept,
                "latency_ms": timing.median,
                "against_ms": float(np.median(timing.baseline_ms)),
                "ratio": ratio,
                "low": low,
                "high": high,
                "runs": len(timing.candidate_ms),
                "processes": len(timing.parts),
            }
        )
        say(
            f"{name} is {ratio:.2f} (95 % interval {low:.2f} to {high:.2f}) times as fast as {kept}, {timing.median:.3f} ms, "
            f"over {len(timing.candidate_ms)} alternating inferences: {'it is kept instead' if faster else f'{kept} stays'}."
        )
        kept = name if faster else kept
    return {"variant": kept, "readings": readings}
