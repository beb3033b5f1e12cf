"""Multiply-adds of one node of an ONNX graph, from the shapes that it had when it ran."""

import math
from collections.abc import Sequence
from typing import Any

Shape = Sequence[int]

CONVOLUTIONS = {"Conv", "FusedConv", "NhwcFusedConv", "QLinearConv", "ConvInteger", "NhwcConv"}
PRODUCTS = {
    "MatMul",
    "FusedMatMul",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "QLinearMatMul",
    "DynamicQuantizeMatMul",
    "MatMulNBits",
    "Gemm",
    "QGemm",
    "FusedGemm",
}
RECURRENT = {"LSTM": 4, "DynamicQuantizeLSTM": 4, "GRU": 3, "RNN": 1}  # operator -> gates
ATTENTION = {"Attention", "QAttention"}


def node_macs(op: str, attributes: dict[str, Any], inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    """Multiply-adds of a node whose first input and output have these shapes; 0 for what does not multiply matrices.

    ``attributes``: of the node, by name. Constants that ONNX Runtime repacked have no shape in its profile, so only the
    activation's shape, the output's and the attributes are used.
    """
    if not inputs or not outputs:
        return 0
    first, out = inputs[0], outputs[0]
    if op in CONVOLUTIONS:
        kernel, last = attributes.get("kernel_shape"), bool(attributes.get("channels_last")) or op.startswith("Nhwc")
        if kernel is None:
            return 0
        channels = first[-1] if last else first[1]
        return math.prod(out) * channels // int(attributes.get("group", 1)) * math.prod(kernel)
    if op in PRODUCTS:
        depth = first[-2] if (attributes.get("transA") and len(first) > 1) else first[-1]
        return math.prod(out) * int(depth)
    if op in RECURRENT:
        length, batch, width = first
        hidden, directions = int(attributes["hidden_size"]), int(out[1])
        return length * batch * directions * RECURRENT[op] * hidden * (width + hidden)
    if op in ATTENTION:
        batch, length, width = first
        hidden = out[-1]
        return batch * length * width * 3 * hidden + 2 * batch * length * length * hidden
    if op == "MultiHeadAttention":
        batch, length, hidden = out
        return 2 * batch * length * int(first[1]) * hidden
    return 0
