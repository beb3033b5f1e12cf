"""Encode: the graph without what only debugging needs, its weights packed without loss, and what that took and saved."""

import shutil
import statistics
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from safetensors.numpy import load_file

from kdui.core.artifact import Artifact
from kdui.core.errors import StageFailed
from kdui.core.layout import INPUTS_FILE, MODEL_FILE, PACKED_MODEL, read_inputs
from kdui.kdz.container import Packed, unpack
from kdui.kdz.on_disk import pack_file, read_model
from kdui.methods.compress.encode.shared_values import share_values
from kdui.models.module_store import WEIGHTS
from kdui.runtime.graph_files import graph_bytes, load_graph, save_graph
from kdui.runtime.graph_notes import without_notes
from kdui.runtime.sessions import run_graph
from kdui.training.context import StepContext

CHECKED = 8  # validation examples on which the graph's outputs must not change
DECODINGS, LONG = 5, 1.0  # timed decodings; one alone where it takes longer than this many seconds
PASSED_ON = (
    "parameters",
    "nonzero",
    "macs",
    "scheme",
    "weight_bits",
    "activation_bits",
)  # these figures of the graph do not change
SHOWN = 12  # tensors in the log; all stand in the summary


def encode(context: StepContext) -> dict[str, Any]:
    """``model.kdz`` and the ``model.onnx`` that it decodes to; the summary holds the bound, sizes, time and tensors."""
    source, bits = context.inputs["model"], context.settings["bits"]
    inputs = read_inputs(source.path)
    for name in (INPUTS_FILE, *inputs.files):
        shutil.copyfile(source.file(name), context.out / name)
    target = context.out / MODEL_FILE
    model = load_graph(source.file(MODEL_FILE))
    bases = _bases(context)
    shared = share_values(model, bits, bases) if bits else []
    save_graph(without_debugging(model), target)
    if not bits and not _answers_alike(context, source, target):
        context.report.log("Without its inner shapes this graph gives other outputs, so they are packed too.")
        save_graph(load_graph(source.file(MODEL_FILE)), target)
    context.report.progress(0.3)
    packed = pack_file(target, context.out / PACKED_MODEL, bases)
    context.report.progress(0.8)
    figures = _report(packed, _decode_times(context, packed, target), graph_bytes(context.inputs["float"].file(MODEL_FILE)))
    _log(context, packed, figures)
    passed_on: dict[str, Any] = {key: source.manifest.summary[key] for key in PASSED_ON if key in source.manifest.summary}
    return {**passed_on, "shared_values": len(shared), **figures}


def _bases(context: StepContext) -> dict[str, np.ndarray]:
    """The module's own weights by name, as they were before export folded normalisation into them; empty where there are none."""
    if "weights" not in context.inputs:
        return {}
    state = load_file(context.inputs["weights"].file(WEIGHTS))
    return {name: array for name, array in state.items() if array.dtype == np.float32 and array.ndim >= 2}


def without_debugging(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same computation without an exporter's notes and without inner shapes, which ONNX Runtime finds on its own."""
    del model.graph.value_info[:]
    return without_notes(model)


def _answers_alike(context: StepContext, source: Artifact, target: Path) -> bool:
    arrays = context.data.prepared("validation", read_inputs(source.path), source.path)
    few = {name: array[:CHECKED] for name, array in arrays.items()}
    return bool(np.array_equal(run_graph(source.file(MODEL_FILE), few), run_graph(target, few)))


def _decode_times(context: StepContext, packed: Packed, target: Path) -> list[float]:
    """Milliseconds of decoding in memory; raises StageFailed where anything else than what was packed comes out."""
    times: list[float] = []
    expected = read_model(target)
    while len(times) < (1 if times and times[0] > 1e3 * LONG else DECODINGS):
        context.report.check()
        started = time.perf_counter()
        decoded = unpack(packed.data)
        times.append(1e3 * (time.perf_counter() - started))
    if decoded != expected:
        raise StageFailed("The container does not decode to the graph that was packed. Please report this with the recipe.")
    return times


def _report(packed: Packed, times: list[float], float_bytes: int) -> dict[str, Any]:
    size = len(packed.data)
    return {
        "packed_bytes": size,
        "unpacked": "Huffman codes",
        "entropy_bytes": round(packed.entropy_bytes),
        "graph_bytes": packed.graph_bytes,
        "float_bytes": float_bytes,
        "ratio": round(float_bytes / size, 3),
        "decode_ms": round(statistics.median(times), 3),
        "decode_runs": len(times),
        "tensors": [{**asdict(row), "shape": list(row.shape), "entropy_bytes": round(row.entropy_bytes)} for row in packed.rows],
    }


def _log(context: StepContext, packed: Packed, figures: dict[str, Any]) -> None:
    weights = sum(row.coded_bytes for row in packed.rows)
    context.report.log(
        f"{figures['packed_bytes']:,} bytes packed, {figures['ratio']:.1f} times smaller than {figures['float_bytes']:,} in "
        f"fp32: weights {weights:,} (entropy of their values {figures['entropy_bytes']:,}, codebooks apart), the rest of the "
        f"graph {figures['graph_bytes']:,}. Decoding takes {figures['decode_ms']:.1f} ms (median of {figures['decode_runs']})."
    )
    for row in sorted(packed.rows, key=lambda row: -row.raw_bytes)[:SHOWN]:
        context.report.log(
            f"{row.name} {'×'.join(map(str, row.shape))} {row.kind}: {row.raw_bytes:,} → {row.coded_bytes:,} bytes as "
            f"{row.coding}; {row.distinct:,} values, entropy {row.entropy_bytes:,.0f}"
        )
