"""What really ran: precision of every kernel, read off ONNX Runtime's optimized graph and its profile.

A file that holds int8 weights may still compute in float; here each node says in which precision it ran, how many
MACs and how much time it took, and, in a quantized graph, why it fell back to float. A blocked layout pads channels to
8 or 16; that padding is computed, so it counts.
"""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from kdui.core.plain import Frozen
from kdui.runtime.macs import node_macs
from kdui.runtime.sessions import Session, providers, session_options

WARM_UP, RUNS = 3, 20
LONGEST_SECONDS = 1.0  # a slow graph is profiled over fewer inferences
PRECISIONS = ("fp32", "fp16", "int8", "int4", "conversion", "other")
CONVERSIONS = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
INT8 = {
    "ConvInteger",
    "DynamicQuantizeMatMul",
    "DynamicQuantizeLSTM",
    "QAttention",
    "QGemm",
}  # beside QLinear… and MatMulInteger…
INT8_ACCURACY = 4  # of MatMulNBits: activations are rounded to 8 bits and multiplied so; below it, weights are unpacked to float
# Operators that ONNX Runtime's CPU provider can compute in 8 bits between a DequantizeLinear and a QuantizeLinear.
HAS_INT8 = {"Conv", "MatMul", "Gemm", "Add", "Mul", "AveragePool", "GlobalAveragePool", "Concat", "Sigmoid", "LeakyRelu"} | {
    "Softmax", "Where", "MaxPool", "Relu", "Clip", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Gather", "Split", "Resize",
}  # fmt: skip
# What the optimizer adds only to move data: no fusion.
MOVES = {"ReorderInput", "ReorderOutput", "Transpose", "Cast", "MemcpyToHost", "MemcpyFromHost", *CONVERSIONS}
KERNEL_TIME = "_kernel_time"


class Kernel(Frozen):
    """One node of the optimized graph: ``macs`` and mean ``time_us`` per inference; ``reason`` of a fallback to float.

    ``reads``, ``makes``: shapes of its inputs and outputs (measurements of older versions have none); ``groups``: of a
    convolution.
    """

    name: str
    op: str
    precision: str
    provider: str
    macs: int
    time_us: float
    reason: str = ""
    reads: tuple[tuple[int, ...], ...] = ()
    makes: tuple[tuple[int, ...], ...] = ()
    groups: int = 1


class KernelTruth(Frozen):
    """All nodes that ran, the fusions seen, and over how many profiled inferences the times are means."""

    kernels: tuple[Kernel, ...]
    fusions: dict[str, int]
    quantized: bool
    runs: int
    threads: int

    def share(self, of: str, *precisions: str) -> float:
        """Share of ``macs`` or ``time_us`` in these precisions, 0..1; 0 where there is none at all."""
        total = sum(getattr(kernel, of) for kernel in self.kernels)
        part = sum(getattr(kernel, of) for kernel in self.kernels if kernel.precision in precisions)
        return part / total if total else 0.0

    @property
    def fallbacks(self) -> list[Kernel]:
        """Nodes of a quantized graph that computed in float, the slowest first."""
        return sorted((kernel for kernel in self.kernels if kernel.reason), key=lambda kernel: -kernel.time_us)

    def row(self) -> dict[str, Any]:
        """Plain values for kernels.json, with the shares worked out."""
        shares = {of: {each: self.share(of, each) for each in PRECISIONS} for of in ("macs", "time_us")}
        return {**self.model_dump(mode="json"), "shares": shares}


def kernel_truth(path: Path, sample: Mapping[str, np.ndarray], threads: int = 1, device: str = "cpu") -> KernelTruth:
    """Profile inferences on ``sample`` in a session of its own; the optimizer's graph names what it fused."""
    with tempfile.TemporaryDirectory(prefix="kdui-kernels-") as place:
        optimized, events, runs = _profiled(path, dict(sample), threads, device, Path(place))
    original = onnx.load(path, load_external_data=False).graph
    nodes = {node.name: node for node in optimized.node if node.name}
    kernels = [_kernel(nodes.get(name), name, node_events, runs) for name, node_events in events.items()]
    low = ("int8", "int4", "conversion")
    quantized = any(kernel.op == "MatMulNBits" or (kernel.precision in low and kernel.op != "Cast") for kernel in kernels)
    if quantized:
        explain = Reasons(optimized)
        kernels = [
            kernel.model_copy(update={"reason": explain.of(nodes.get(kernel.name), kernel)})
            if kernel.precision in ("fp32", "fp16")
            else kernel
            for kernel in kernels
        ]
    return KernelTruth(
        kernels=tuple(kernels), fusions=fusions(original, optimized), quantized=quantized, runs=runs, threads=threads
    )


def _profiled(
    path: Path, sample: dict[str, np.ndarray], threads: int, device: str, place: Path
) -> tuple[Any, dict[str, list[dict[str, Any]]], int]:
    """The optimized graph, the profile's events by node, and the number of inferences behind them."""
    options = session_options(threads)
    options.enable_profiling = True
    options.profile_file_prefix = str(place / "profile")
    options.optimized_model_filepath = str(place / "optimized.onnx")
    # Weights apart: their shapes are all that is read, and a graph beyond 2 GB could not be written otherwise.
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "optimized.bin")
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    session = Session(str(path), options, providers=providers(device))
    for _ in range(WARM_UP):
        session.run(None, sample)
    started, runs = time.perf_counter(), 0
    while runs < RUNS and (runs < 2 or time.perf_counter() - started < LONGEST_SECONDS):
        session.run(None, sample)
        runs += 1
    events: dict[str, list[dict[str, Any]]] = {}
    for event in json.loads(Path(session.end_profiling()).read_text(encoding="utf-8")):
        if event.get("cat") == "Node" and event["name"].endswith(KERNEL_TIME):
            events.setdefault(event["name"].removesuffix(KERNEL_TIME), []).append(event)
    kept = {name: each[len(each) * WARM_UP // (WARM_UP + runs) :] for name, each in events.items()}
    return onnx.load(place / "optimized.onnx", load_external_data=False).graph, kept, runs


def _kernel(node: Any, name: str, events: Sequence[Mapping[str, Any]], runs: int) -> Kernel:
    """One node's kernel: its time summed over the inferences, the shapes of the last one."""
    facts = events[-1]["args"]
    inputs, outputs = ([next(iter(each.items())) for each in facts[f"{way}_type_shape"]] for way in ("input", "output"))
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute} if node is not None else {}
    macs = node_macs(facts["op_name"], attributes, [shape for _, shape in inputs], [shape for _, shape in outputs])
    return Kernel(
        name=name,
        op=facts["op_name"],
        precision=precision(facts["op_name"], attributes, [kind for kind, _ in inputs], [kind for kind, _ in outputs]),
        provider=facts["provider"],
        macs=macs * max(1, round(len(events) / runs)),
        time_us=sum(float(event["dur"]) for event in events) / runs,
        reads=tuple(tuple(shape) for _, shape in inputs),
        makes=tuple(tuple(shape) for _, shape in outputs),
        groups=int(attributes.get("group", 1)),
    )


def precision(op: str, attributes: Mapping[str, Any], inputs: Sequence[str], outputs: Sequence[str]) -> str:
    """In what a kernel computes, by its operator and the types that it read and wrote."""
    if op in CONVERSIONS or (op == "Cast" and {"float16", "bfloat16"} & {*inputs, *outputs}):
        return "conversion"
    if op == "Cast":
        return "other"
    if op == "MatMulNBits" and attributes.get("accuracy_level") == INT8_ACCURACY:
        return "int4" if int(attributes.get("bits", 4)) <= 4 else "int8"
    if op in INT8 or op.startswith(("QLinear", "MatMulInteger")):
        return "int8"
    if inputs and outputs and {inputs[0], outputs[0]} <= {"int8", "uint8"}:
        return "int8"
    kinds = {*inputs[:1], *outputs}
    if "float" in kinds:
        return "fp32"
    return "fp16" if kinds & {"float16", "bfloat16"} else "other"


class Reasons:
    """Why a node of a quantized graph computed in float."""

    def __init__(self, graph: Any):
        self.constants = {tensor.name for tensor in graph.initializer}
        self.makers = {output: node.op_type for node in graph.node for output in node.output}

    def of(self, node: Any, kernel: Kernel) -> str:
        """In words; the first reason that holds."""
        if kernel.op in MOVES:
            return ""
        if kernel.op == "MatMulNBits":
            return f"its weights are unpacked and multiplied in float: accuracy_level is not {INT8_ACCURACY}"
        if kernel.op not in HAS_INT8 and kernel.op not in ("FusedConv", "FusedMatMul", "FusedGemm"):
            return f"no int8 kernel for {kernel.op} in {kernel.provider}"
        if node is None:
            return "made by the optimizer while it ran, so its inputs are not known"
        around = [self.makers.get(name, "") for name in node.input if name]
        if "DequantizeLinear" in around:
            return f"it stands between quantized values, but {kernel.provider} found no int8 kernel that fits its types or shapes"
        if kernel.macs and len(node.input) > 1 and node.input[1] not in self.constants:
            return "both factors are activations; only constant weights were quantized"
        if kernel.macs:
            return "its weight was left in float"
        return "its input is in float: not quantized"


def fusions(original: Any, optimized: Any) -> dict[str, int]:
    """Operators that the optimizer put in place of others, with their number; a convolution that took in its activation is
    listed under both names."""
    before, after = (Counter(map(_fused_name, graph.node)) for graph in (original, optimized))
    return {op: count - before[op] for op, count in sorted(after.items()) if count > before[op] and op not in MOVES}


def _fused_name(node: Any) -> str:
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    activation = attributes.get("activation", b"")
    words = activation.decode() if isinstance(activation, bytes) else ""
    layout = " (NCHWc)" if node.domain == "com.microsoft.nchwc" and node.op_type == "Conv" else ""
    return f"{node.op_type}{f'+{words}' if words else ''}{layout}"
