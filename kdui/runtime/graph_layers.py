"""The nodes of an ONNX file as a person reads them: operator, module, shape, bits and zeros of its weights."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdui.runtime.graph_files import load_graph
from kdui.runtime.graph_weights import PASSING

BITS = {
    TensorProto.FLOAT: 32, TensorProto.DOUBLE: 64, TensorProto.FLOAT16: 16, TensorProto.BFLOAT16: 16, TensorProto.INT8: 8,
    TensorProto.UINT8: 8, TensorProto.INT4: 4, TensorProto.UINT4: 4,
}  # fmt: skip
CONVERSIONS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
MOST_COUNTED = 4_000_000  # weights of a tensor whose values are looked at
MOST_LEVELS = 256  # different values of a tensor, up to which it counts as rounded
LEAST_ROUNDED = 4  # weights for each level: of a small tensor, few different values say nothing
ENDINGS = re.compile(r"(_quantized|_Q[48]\w*|_scale|_DequantizeLinear_Output|_transposed|_fp16)+$")
LONGEST = 4_000  # nodes of a graph that are told


def graph_layers(path: Path) -> list[dict[str, Any]]:
    """A mapping for each node, in the file's order: ``op``, ``name``, ``output``, ``source`` (the place of the node that makes
    its first input, −1 for none) and, where it has weights, ``module``, ``shape``, ``bits``, ``zeros`` (share) and ``levels``
    (how many different values, where they are few; 0 else)."""
    model = load_graph(path)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    makers = {output: node for node in model.graph.node for output in node.output}
    places = {output: place for place, node in enumerate(model.graph.node) for output in node.output}
    layers = []
    for node in model.graph.node[:LONGEST]:
        first = next(iter(node.input), "")
        layer = {
            "op": node.op_type,
            "name": node.name,
            "output": next(iter(node.output), ""),
            "source": places.get(first, -1),
        }
        largest = max(_weights(node, makers, weights), key=lambda tensor: int(np.prod(tensor.dims)), default=None)
        if node.op_type not in CONVERSIONS and largest is not None:
            layer |= _about(largest, node)
        layers.append(layer)
    return layers


def _weights(node: Any, makers: Mapping[str, Any], weights: Mapping[str, Any]) -> Iterator[Any]:
    """The constants of two axes or more that a node reads, through conversions, casts and the like on their way."""
    for name in node.input:
        seen = 0
        while name in makers and makers[name].op_type in (*PASSING, *CONVERSIONS) and seen < 8:
            name, seen = next(iter(makers[name].input), ""), seen + 1
        if name in weights and sum(size > 1 for size in weights[name].dims) >= 2:
            yield weights[name]


def _about(tensor: Any, node: Any) -> dict[str, Any]:
    size = int(np.prod(tensor.dims))
    bits = BITS.get(tensor.data_type, 32)
    if node.op_type == "MatMulNBits":
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        shape, bits = [int(attributes["N"]), int(attributes["K"])], int(attributes.get("bits", 4))
        return {"module": _module(tensor.name), "shape": shape, "bits": bits, "zeros": None, "levels": 0}
    zeros, levels = None, 0
    if size <= MOST_COUNTED and _is_plain(tensor):
        values = numpy_helper.to_array(tensor)
        zeros = float((values == 0).mean()) if bits > 8 else None
        levels = len(np.unique(values)) if bits > 8 else 0
        levels = levels if levels <= MOST_LEVELS and size >= LEAST_ROUNDED * levels else 0
    return {"module": _module(tensor.name), "shape": list(tensor.dims), "bits": bits, "zeros": zeros, "levels": levels}


def _is_plain(tensor: Any) -> bool:
    """Whether its values are in the file itself: those of a large model lie beside it."""
    return not onnx.external_data_helper.uses_external_data(tensor)


def _module(name: str) -> str:
    """features.0.0 of features.0.0.weight_quantized."""
    return ENDINGS.sub("", name).removesuffix(".weight")
