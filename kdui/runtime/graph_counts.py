"""The cost of a graph, read off the graph: weights, how many of them are not zero, and MACs of one inference.

Shapes are worked out, nothing is run; what cannot be known without running is None and never a guess.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdui.runtime.cache_inputs import shapes_of_whole_texts
from kdui.runtime.graph_files import load_graph
from kdui.runtime.graph_nodes import before_logarithms
from kdui.runtime.graph_weights import PLACES, sources
from kdui.runtime.macs import CONVOLUTIONS, PRODUCTS, RECURRENT, node_macs

FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
BIASES = {*FLOATS, TensorProto.INT32}  # those of 8-bit kernels are whole numbers
EIGHT_BITS = {TensorProto.INT8, TensorProto.UINT8}
IN_BLOCKS = {"MatMulNBits", "GatherBlockQuantized", "MatMulBnb4"}  # several weights stand in one element
NORMALISED = 2  # scale and shift of a channel
MULTIPLYING = CONVOLUTIONS | PRODUCTS | set(RECURRENT) | {"MultiHeadAttention", "Attention", "QAttention"}


def graph_counts(path: Path, shapes: Mapping[str, Sequence[int]]) -> dict[str, int | None]:
    """``weights`` and ``nonzero`` of matrices, kernels and tables, ``vectors`` beside them at the most, and ``macs`` of an
    inference on inputs of these shapes.

    ``vectors`` are biases and normalisation: what stands in the graph, and scale and shift for each channel of a convolution,
    which exporters fold into it.
    """
    model = load_graph(path)
    weights, nonzero, vectors = _weights(model)
    return {"weights": weights, "nonzero": nonzero, "vectors": vectors, "macs": _macs(model, shapes)}


def _weights(model: onnx.ModelProto) -> tuple[int | None, int | None, int | None]:
    if any(node.op_type in IN_BLOCKS for node in model.graph.node):
        return None, None, None
    wide = {tensor.name: tensor for tensor in model.graph.initializer if sum(size > 1 for size in tensor.dims) >= 2}
    makers = {output: node for node in model.graph.node for output in node.output}
    fixed = before_logarithms(model)
    read = {
        name
        for node in model.graph.node
        if not fixed & set(node.output)
        for place in PLACES.get(node.op_type, ((), None))[0]
        for name, _, _ in (sources(node.input[place], makers, wide) if place < len(node.input) else ())
    }
    total = nonzero = vectors = 0
    for tensor in model.graph.initializer:
        if tensor.name not in wide and tensor.data_type in BIASES:
            vectors += math.prod(tensor.dims)
    for tensor in wide.values():
        # Floats that no product or look-up reads are no weights (a mask); 8-bit numbers are nothing else.
        if tensor.data_type in EIGHT_BITS or (tensor.data_type in FLOATS and tensor.name in read):
            values = numpy_helper.to_array(tensor)
            total += values.size
            vectors += NORMALISED * values.shape[0] if values.ndim > 2 else 0
            nonzero += int(np.count_nonzero(values)) if tensor.data_type != TensorProto.UINT8 else values.size  # zero-point 128
    return total, nonzero, vectors


def _macs(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> int | None:
    open_inputs = {item.name: [axis.dim_value or None for axis in item.type.tensor_type.shape.dim] for item in model.graph.input}
    shapes = {**shapes, **shapes_of_whole_texts(open_inputs, shapes)}
    for item in model.graph.input:
        if item.name not in shapes or len(shapes[item.name]) != len(item.type.tensor_type.shape.dim):
            return None
        for axis, size in zip(item.type.tensor_type.shape.dim, shapes[item.name], strict=True):
            axis.dim_value = size  # instead of its name
    del model.graph.value_info[:]
    try:
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception:  # shape inference raises errors of many kinds; then nothing is known
        return None
    shape_of = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    shape_of |= {
        item.name: shape for item in (*graph.input, *graph.value_info, *graph.output) if (shape := _shape(item)) is not None
    }
    total = 0
    for node in graph.node:  # those of inner graphs are left out: how often they run is not known before
        if node.op_type not in MULTIPLYING:
            continue
        inputs, outputs = ([shape_of.get(name) for name in names] for names in (node.input, node.output))
        if not inputs or inputs[0] is None or not outputs or outputs[0] is None:
            return None
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        if node.op_type == "Conv" and "kernel_shape" not in attributes:
            kernel = shape_of.get(node.input[1])
            if kernel is None:
                return None
            attributes["kernel_shape"] = kernel[2:]
        total += node_macs(node.op_type, attributes, [shape or [] for shape in inputs], [shape or [] for shape in outputs])
    return total


def _shape(item: Any) -> list[int] | None:
    dims = item.type.tensor_type.shape.dim
    sizes = [axis.dim_value for axis in dims if axis.HasField("dim_value")]
    return sizes if len(sizes) == len(dims) and math.prod(sizes) >= 0 else None
