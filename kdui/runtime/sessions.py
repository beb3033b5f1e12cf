"""ONNX Runtime sessions with fixed threads, and whole splits run through them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime


def open_session(path: Path, threads: int = 0, optimize: bool = True) -> onnxruntime.InferenceSession:
    """A CPU session; ``threads`` 0 leaves the number to ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Idle threads sleep: a spinning pool slows down whatever else runs on this machine, the page first of all.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads:
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_graph(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """First output of a graph for one batch."""
    return open_session(path).run(None, arrays)[0]


def graph_outputs(
    path: Path, arrays: dict[str, np.ndarray], batch_size: int = 64, check: Callable[[float], None] | None = None
) -> np.ndarray:
    """Outputs [n, ...] over a whole split; texts of like length go together, so that little is padded."""
    session = open_session(path)
    count = len(next(iter(arrays.values())))
    mask = arrays.get("attention_mask")
    order = np.argsort(mask.sum(1), kind="stable") if mask is not None else np.arange(count)
    found: np.ndarray | None = None
    for start in range(0, count, batch_size):
        index = order[start : start + batch_size]
        batch = {name: array[index] for name, array in arrays.items()}
        if mask is not None:
            longest = int(batch["attention_mask"].sum(1).max())
            batch = {name: array[:, :longest] for name, array in batch.items()}
        rows = session.run(None, batch)[0]
        if found is None:
            found = np.empty((count, *rows.shape[1:]), dtype=np.float32)
        found[index] = rows
        if check:
            check((start + len(index)) / count)
    assert found is not None, "a split is never empty"
    return found
