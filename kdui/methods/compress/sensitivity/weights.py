"""The weight matrices and kernels of an ONNX graph, each with the operator that reads it and the axis of its channels."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from kdui.runtime.graph_nodes import before_logarithms
from kdui.runtime.graph_weights import PLACES, module_of, sources

# The exporter reorders the gates of an LSTM or a GRU by slices between initializer and operator: [gates · h, in] in the former.
STORED_GATES_AXIS = 0


@dataclass(frozen=True)
class Weight:
    """One initializer of two axes or more. ``matrix`` is [channels, the rest]: what is pruned, rounded and factorized."""

    name: str
    title: str
    operator: str
    axis: int
    values: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """Channels first, everything else behind: [channels, rest]."""
        return np.moveaxis(self.values, self.axis, 0).reshape(self.values.shape[self.axis], -1)

    def restored(self, matrix: np.ndarray) -> np.ndarray:
        """A changed matrix in the initializer's own shape and type."""
        shape = self.values.shape
        moved = matrix.reshape(shape[self.axis], *(size for place, size in enumerate(shape) if place != self.axis))
        return np.ascontiguousarray(np.moveaxis(moved, 0, self.axis), dtype=self.values.dtype)


def weights_of(model: onnx.ModelProto) -> list[Weight]:
    """Float weights of convolutions, products, look-ups and LSTMs in the order of the graph, each once."""
    floats = {
        tensor.name: tensor
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) >= 2
    }
    makers = {output: node for node in model.graph.node for output in node.output}
    fixed = before_logarithms(model)
    weights: dict[str, Weight] = {}
    for node in model.graph.node:
        if fixed & set(node.output):
            continue
        for place in PLACES.get(node.op_type, ((), None))[0]:
            if place >= len(node.input):
                continue
            for name, turned, direct in sources(node.input[place], makers, floats):
                if name not in weights:
                    values = numpy_helper.to_array(floats[name])
                    axis = _axis(node, values.ndim, turned, direct)
                    weights[name] = Weight(name, _title(name, node), node.op_type, axis, values)
    return list(weights.values())


def _axis(node: onnx.NodeProto, axes: int, turned: bool, direct: bool) -> int:
    if node.op_type in ("LSTM", "GRU") and not direct:
        return STORED_GATES_AXIS
    axis = PLACES[node.op_type][1]
    if node.op_type == "Gemm" and any(attribute.name == "transB" and attribute.i for attribute in node.attribute):
        axis = 0
    last = axes - 1
    axis = last if axis is None else axis
    # A transpose of the last two axes on the way to a product swaps rows and columns.
    return {last: last - 1, last - 1: last}.get(axis, axis) if turned and node.op_type in ("Gemm", "MatMul") else axis


def _title(name: str, node: onnx.NodeProto) -> str:
    """The module's own name where the exporter kept it: features.4.0, encoder.layer.0.attention.self.query."""
    if "." in name:
        return name.removesuffix(".weight")
    return module_of(node) or name
