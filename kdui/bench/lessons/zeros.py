"""Processor time and size of one network without single weights, and without whole channels, for the lesson on zeros.

Processor time instead of latency: it leaves out when another program had the core, so a busy machine can record it.
"""

import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.bench.surgery import UNTRAINED
from kdui.catalogue.fetch import fetch
from kdui.core.layout import MODEL_FILE
from kdui.core.recipe import Recipe
from kdui.methods.deliver.measure.samples import timed_sample
from kdui.models.minilm.spec import MINILM
from kdui.runtime.graph_counts import graph_counts
from kdui.runtime.sessions import open_session
from kdui.runtime.timing import ratio_interval, take_turns, warm_up
from kdui.settings import Settings

TEACHER = "resnet-8?width=32&stages=4"
SHARES = (0.5, 0.75, 0.9)
KNOBS = {"prune": "sparsity", "prune_structured": "share"}
RUNS = 200
MATRIX, SHOWN = "encoder.layer.2.attention.self.query.weight", 24  # rows and columns of it that the picture shows


def recipe(method: str, share: float) -> Recipe:
    """The untrained network, which loses that share of its weights or channels: speed does not depend on what they are."""
    stages = [{"teach": {"epochs": 0}}, {method: {**UNTRAINED, KNOBS[method]: share}}, "export"]
    return Recipe.model_validate({"task": "fashion-mnist", "teacher": TEACHER, "stages": stages})


def zeros(settings: Settings) -> dict[str, Any]:
    """By method and share: speed against the whole network with a 95 % interval, ms, MACs, bytes as they are and zipped."""
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, "fashion-mnist")
        measured = {method: [_measured(laboratory, method, share) for share in (0.0, *SHARES)] for method in KNOBS}
    matrix = load_file(fetch(MINILM, settings) / "model.safetensors")[MATRIX][:SHOWN, :SHOWN]
    return {
        "title": f"ResNet-8 of width 32, ONNX Runtime, one thread, batch 1; processor time, median of {RUNS} answers in turn",
        "shares": [0.0, *SHARES],
        "measured": measured,
        "matrix": [[round(float(weight), 4) for weight in row] for row in matrix],
    }


def _measured(laboratory: Laboratory, method: str, share: float) -> dict[str, Any]:
    steps = laboratory.plan(recipe(method, share or SHARES[0]))
    whole = laboratory.make(steps, "export.teach")
    pruned = whole if share == 0 else laboratory.make(steps, f"export.{method}")
    sample = timed_sample(laboratory.context(steps, "export.teach", laboratory.settings.home), whole, 1)
    path: Path = pruned.file(MODEL_FILE)
    counts = graph_counts(path, {name: array.shape for name, array in sample.items()})
    reads = [_reader(each.file(MODEL_FILE), sample) for each in (pruned, whole)]
    for read in reads:
        warm_up(read)
    mine, theirs = take_turns(reads, RUNS)
    return {
        "ms": round(float(np.median(mine)), 4),
        "speedup": [round(value, 3) for value in (float(np.median(theirs) / np.median(mine)), *ratio_interval(mine, theirs))],
        "macs": counts["macs"],
        "bytes": path.stat().st_size,
        "zipped": len(gzip.compress(path.read_bytes(), 9)),
    }


def _reader(path: Path, sample: dict[str, np.ndarray]) -> Callable[[], float]:
    """What times one answer: ms that this thread, which computes it, had a processor."""
    session = open_session(path, threads=1)

    def read() -> float:
        started = time.thread_time()
        session.run(None, sample)
        return 1e3 * (time.thread_time() - started)

    return read
