"""What a model costs to run: which kernels ran, and energy as an estimate."""

import math
from collections import Counter
from pathlib import Path

import onnx
from onnx import TensorProto

from kdui.core.artifact import Artifact
from kdui.core.layout import KERNELS_FILE, MODEL_FILE
from kdui.core.measurement import Measurement, Origin
from kdui.methods.deliver.measure.provenance import provenance, row
from kdui.methods.deliver.measure.samples import timed_sample
from kdui.runtime.kernels import KernelTruth, kernel_truth
from kdui.runtime.latency import confined_kernels
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext
from kdui.training.teachers import limits_of

# Horowitz 2014, "Computing's energy problem (and what we can do about it)", figure 1.1.9: 45 nm, 0.9 V.
FP32_MAC_PJ = 4.6  # 3.7 to multiply, 0.9 to add
INT8_MAC_PJ = 0.23  # 0.2 to multiply, 0.03 to add
DRAM_WORD_PJ = 640.0  # a read of 32 bits
BITS = {  # of one element
    **dict.fromkeys((TensorProto.INT4, TensorProto.UINT4), 4),
    **dict.fromkeys((TensorProto.INT8, TensorProto.UINT8, TensorProto.BOOL), 8),
    **dict.fromkeys((TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT16, TensorProto.UINT16), 16),
    **dict.fromkeys((TensorProto.INT64, TensorProto.UINT64, TensorProto.DOUBLE), 64),
}
NAMED = 4  # kinds of fallback that a note names


def kernels(context: StepContext, model: Artifact, device: str) -> list[Measurement]:
    """Which kernels ran: kernels.json, the shares that ran in 8 or fewer bits, and the energy that they would take."""
    path, sample, threads = model.file(MODEL_FILE), timed_sample(context, model, 1), context.settings["threads"]
    limits = limits_of(context, model)
    truth = confined_kernels(path, sample, threads, device, limits) if limits else kernel_truth(path, sample, threads, device)
    write_json(context.out / KERNELS_FILE, truth.row())
    note = kernel_note(truth) + ("" if device == "cpu" else "; times are those of the host that starts the GPU's kernels")
    source = provenance(device, n=truth.runs, note=note)
    return [
        row("int8_mac_share", 100 * truth.share("macs", "int8", "int4"), "%", source, True),
        row("int8_time_share", 100 * truth.share("time_us", "int8", "int4"), "%", source, True),
        energy(truth, weight_bytes(path)),
    ]


def weight_bytes(path: Path) -> int:
    """Bytes of a graph's weights as they lie in memory, without the names and notes that its file holds as well."""
    graph = onnx.load(path, load_external_data=False).graph
    return sum(-(-math.prod(tensor.dims) * BITS.get(tensor.data_type, 32) // 8) for tensor in graph.initializer)


def kernel_note(truth: KernelTruth) -> str:
    """In words: fused or not, what fell back to float and why. Profiling adds a few µs to every node."""
    fused = ", ".join(f"{count} {op}" for op, count in truth.fusions.items()) or "none"
    words = [f"from ONNX Runtime's profile of {len(truth.kernels)} nodes", f"fusions: {fused}"]
    if not truth.quantized:
        words.append("all kernels run in float")
    elif truth.fallbacks:
        reasons = Counter(f"{kernel.op} ({kernel.reason})" for kernel in truth.fallbacks)  # the slowest first
        named = [f"{count} × {about}" for about, count in reasons.items()]
        more = f" and {len(named) - NAMED} more kinds" if len(named) > NAMED else ""
        words.append("in float: " + ", ".join(named[:NAMED]) + more)
    return "; ".join(words)


def energy(truth: KernelTruth, weight_bytes: int) -> Measurement:
    """Energy of one inference in mJ from MACs and bytes by Horowitz's constants: an estimate, never read off a meter."""
    macs = sum(kernel.macs for kernel in truth.kernels)
    low = sum(kernel.macs for kernel in truth.kernels if kernel.precision in ("int8", "int4"))
    picojoules = (macs - low) * FP32_MAC_PJ + low * INT8_MAC_PJ + weight_bytes / 4 * DRAM_WORD_PJ
    note = (
        f"{macs - low:,} float MACs × {FP32_MAC_PJ} pJ + {low:,} 8-bit MACs × {INT8_MAC_PJ} pJ + "
        f"{weight_bytes:,} bytes of weights ÷ 4 × {DRAM_WORD_PJ:.0f} pJ, "
        "as if every weight came from DRAM once per inference (Horowitz 2014, 45 nm)"
    )
    return row("energy", picojoules * 1e-9, "mJ", provenance(origin=Origin.ESTIMATED, n=1, note=note))
