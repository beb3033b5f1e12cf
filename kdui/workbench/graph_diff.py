"""Two models' graphs, node by node: what ran in which kernel and for how long, aligned by the names of their modules."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from kdui.core.plain import Frozen

CONVERSIONS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
TOKEN = re.compile(r"_token_\d+$")
BLOCKED = "_nchwc"  # ONNX Runtime names a kernel of a blocked layout after what it makes
# What one operator is called after it was rounded, fused or laid out anew.
PLAIN = {
    "FusedConv": "Conv", "QLinearConv": "Conv", "ConvInteger": "Conv", "NhwcConv": "Conv", "NhwcFusedConv": "Conv",
    "FusedMatMul": "MatMul", "MatMulInteger": "MatMul", "MatMulIntegerToFloat": "MatMul", "QLinearMatMul": "MatMul",
    "DynamicQuantizeMatMul": "MatMul", "MatMulNBits": "MatMul", "Gemm": "MatMul", "QGemm": "MatMul", "FusedGemm": "MatMul",
    "NhwcMaxPool": "MaxPool", "DynamicQuantizeLSTM": "LSTM", "QAttention": "Attention", "QLinearAdd": "Add", "QLinearMul": "Mul",
    "QLinearGlobalAveragePool": "GlobalAveragePool", "GatherBlockQuantized": "Gather",
}  # fmt: skip


class Node(Frozen):
    """One node of a file. ``kernel``, ``precision`` and ``time_us``: as profiled; empty where nothing was, or it was fused."""

    op: str
    module: str = ""
    shape: tuple[int, ...] = ()
    bits: int = 0
    zeros: float | None = None
    levels: int = 0
    kernel: str = ""
    precision: str = ""
    macs: int = 0
    time_us: float | None = None
    fused_into: str = Field(default="", description="the operator whose kernel computes this one, too")
    reason: str = Field(default="", description="why a quantized model computes it in float")

    @property
    def token(self) -> str:
        """What two nodes are held to be the same by."""
        return f"{PLAIN.get(self.op, self.op)} {self.module}".strip()


class Graph(Frozen):
    """A file's nodes, and what ran beside them. ``measured``: whether a profile was at hand."""

    nodes: tuple[Node, ...]
    measured: bool
    time_us: float = 0.0
    macs: int = 0
    own: dict[str, float] = Field(default={}, description="kernels that the optimizer added or fused many nodes into: µs")
    folded: int = Field(default=0, description="quantize and dequantize nodes that no kernel computes by themselves")
    fusions: dict[str, int] = {}


def graph_of(layers: Sequence[Mapping[str, Any]], kernels: Mapping[str, Any] | None) -> Graph:
    """``layers``: of ``runtime.graph_layers``; ``kernels``: what Measure kept of the profile, None where it kept none."""
    known = list(kernels["kernels"]) if kernels else []
    placed, fused = _placed(layers, known)
    nodes, folded = [], 0
    for place, layer in enumerate(layers):
        kernel = placed.get(place)
        if layer["op"] in CONVERSIONS and (kernel is None):
            folded += 1
            continue
        facts = {key: layer[key] for key in ("module", "shape", "bits", "zeros", "levels") if key in layer}
        ran = (
            {
                "kernel": kernel["op"],
                "precision": kernel["precision"],
                "macs": kernel["macs"],
                "time_us": kernel["time_us"],
                "reason": kernel.get("reason", ""),
            }
            if kernel
            else {"fused_into": fused.get(place, "")}
        )
        nodes.append(Node(op=layer["op"], **facts, **ran))
    used = {id(kernel) for kernel in placed.values()}
    own: dict[str, float] = {}
    for kernel in known:
        if id(kernel) not in used:
            own[kernel["op"]] = own.get(kernel["op"], 0.0) + kernel["time_us"]
    return Graph(
        nodes=tuple(nodes),
        measured=bool(known),
        time_us=sum(kernel["time_us"] for kernel in known),
        macs=sum(kernel["macs"] for kernel in known),
        own=own,
        folded=folded,
        fusions=kernels["fusions"] if kernels else {},
    )


def _placed(
    layers: Sequence[Mapping[str, Any]], kernels: Sequence[Mapping[str, Any]]
) -> tuple[dict[int, Mapping[str, Any]], dict[int, str]]:
    """Place of a node -> its kernel, and place -> the operator whose kernel took it in."""
    names = {layer["name"]: place for place, layer in enumerate(layers) if layer["name"]}
    outputs = {layer["output"]: place for place, layer in enumerate(layers)}
    placed: dict[int, Mapping[str, Any]] = {}
    fused: dict[int, str] = {}
    for kernel in kernels:
        name = TOKEN.sub("", kernel["name"])
        place = names.get(name, outputs.get(name.removesuffix(BLOCKED)) if name.endswith(BLOCKED) else None)
        if place is None:
            continue
        wanted = PLAIN.get(kernel["op"], kernel["op"])
        passed: list[int] = []
        at = place
        while at >= 0 and PLAIN.get(layers[at]["op"], layers[at]["op"]) != wanted and len(passed) < 4:
            passed.append(at)
            at = layers[at]["source"]
        if at < 0 or PLAIN.get(layers[at]["op"], layers[at]["op"]) != wanted:
            at, passed = place, []
        if at not in placed:
            placed[at] = kernel
            fused.update(dict.fromkeys(passed, wanted))
    return placed, fused


def aligned(left: Graph, right: Graph) -> list[tuple[Node | None, Node | None]]:
    """The nodes of both, side by side where they are the same module and operator; a gap where only one has it."""
    ours_named, theirs_named = ([node.token for node in graph.nodes] for graph in (left, right))
    matcher = difflib.SequenceMatcher(None, ours_named, theirs_named, autojunk=False)
    rows: list[tuple[Node | None, Node | None]] = []
    for kind, start, end, other, other_end in matcher.get_opcodes():
        ours, theirs = left.nodes[start:end], right.nodes[other:other_end]
        if kind == "equal":
            rows += list(zip(ours, theirs, strict=True))
        else:
            rows += [(node, None) for node in ours] + [(None, node) for node in theirs]
    return rows
