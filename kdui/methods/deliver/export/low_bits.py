"""The grids that training at low bits has learned, written into an ONNX graph as QuantizeLinear and DequantizeLinear.

Weights are stored as int8 codes with a scale a channel and inputs are quantized to uint8, whatever their true bits: those are
the types that ONNX Runtime multiplies. Fewer levels than a byte has are kept by clipping the codes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from kdui.core.errors import StageFailed
from kdui.models.low_bits import InputGrid, LayerGrid
from kdui.runtime.graph_files import load_graph, save_graph

MIDDLE = 128  # zero of signed inputs among the codes of a uint8, which multiply faster with int8 weights than int8 ones do
SAME = 1e-3  # of a step: how far a weight in the graph may lie off the grid, after folding and float rounding
Layers = dict[str, tuple[LayerGrid, np.ndarray]]  # name -> its grid and its weights' codes [out, ...]


def write_grids(path: Path, layers: Layers) -> int:
    """Rewrite the graph in place so that each layer reads codes; returns how many of its operators do.

    Batch normalisation that the exporter has folded into a layer's weights goes into its scales. Raises StageFailed where a
    layer's weights are nowhere in the graph.
    """
    model = load_graph(path)
    writer = _Writer(model.graph)
    missing = dict(layers)
    for node in list(model.graph.node):
        if node.op_type not in ("Conv", "Gemm", "MatMul") or node.input[1] not in writer.constants:
            continue
        weight, axis = _channels_first(node, writer.constants[node.input[1]])
        match = next(((name, scales) for name in layers if (scales := _scales(weight, *layers[name])) is not None), None)
        if match is None:
            continue
        name, scales = match
        grid, codes = layers[name]
        if node.op_type == "Gemm" and grid.inputs is not None:
            writer.split(node)
        writer.weight(node, np.moveaxis(codes, 0, axis), scales, axis)
        if grid.inputs is not None:
            writer.input(node, grid.inputs)
        missing.pop(name, None)
    if missing:
        raise StageFailed(f"The exported graph has no weights of {', '.join(sorted(missing)[:5])}. Choose another ONNX opset.")
    writer.finish()
    save_graph(model, path)
    return writer.count


def _channels_first(node: onnx.NodeProto, weight: np.ndarray) -> tuple[np.ndarray, int]:
    """The weight with its output channels on the first axis, and the axis where the operator has them."""
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    if node.op_type == "Conv" or transposed:
        return weight, 0
    return np.moveaxis(weight, -1, 0), weight.ndim - 1


def _scales(weight: np.ndarray, grid: LayerGrid, codes: np.ndarray) -> np.ndarray | None:
    """A signed scale for each channel with weight = scale · codes, or None where it is another layer's weight."""
    if weight.shape != codes.shape:
        return None
    rows, levels = weight.reshape(len(weight), -1).astype(np.float64), codes.reshape(len(codes), -1).astype(np.float64)
    squares = (levels**2).sum(1)
    scales = np.where(squares > 0, (rows * levels).sum(1) / np.maximum(squares, 1), 0.0)
    off = np.abs(rows - scales[:, None] * levels).max(1)
    return scales if bool((off <= SAME * np.abs(scales) + 1e-12).all()) else None


class _Writer:
    """Adds constants and nodes to a graph and keeps what reads the same value from being written twice."""

    def __init__(self, graph: onnx.GraphProto):
        self.graph, self.count = graph, 0
        self.constants = {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in graph.initializer
            if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) >= 2
        }
        self._before: dict[str, list[onnx.NodeProto]] = {}
        self._after: dict[str, onnx.NodeProto] = {}
        self._inputs: dict[tuple[Any, ...], str] = {}
        self._weights: dict[str, str] = {}

    def weight(self, node: onnx.NodeProto, codes: np.ndarray, scales: np.ndarray, axis: int) -> None:
        """Let the node read int8 codes. A folded normalisation may have turned a channel's sign or made it zero."""
        self.count += 1
        name = node.input[1]
        if name not in self._weights:
            signs = np.sign(scales).reshape([-1 if place == axis else 1 for place in range(codes.ndim)])
            sizes = np.abs(scales).astype(np.float32)
            self._weights[name] = f"{name}_on_grid"
            step = helper.make_node(
                "DequantizeLinear",
                [
                    self._constant(f"{name}_codes", (codes * signs).astype(np.int8)),
                    self._constant(f"{name}_scale", np.where(sizes > 0, sizes, 1.0).astype(np.float32)),
                    self._constant(f"{name}_zero", np.zeros(len(sizes), np.int8)),
                ],
                [self._weights[name]],
                axis=axis,
            )
            self._put_before(node, step)
        node.input[1] = self._weights[name]

    def split(self, node: onnx.NodeProto) -> None:
        """Take the bias out of a Gemm and add it after: ONNX Runtime then multiplies in int8 and rounds neither bias nor sum."""
        factors = [attribute.f for attribute in node.attribute if attribute.name in ("alpha", "beta")]
        if len(node.input) < 3 or any(factor != 1.0 for factor in factors):
            return
        product = f"{node.output[0]}_product"
        added = helper.make_node("Add", [product, node.input[2]], [node.output[0]], name=f"Add_{node.output[0]}")
        self._after[product] = added
        node.output[0] = product
        del node.input[2:]

    def input(self, node: onnx.NodeProto, grid: InputGrid) -> None:
        """Round what the node is given: quantize, clip to the levels of the true bits, dequantize."""
        name = node.input[0]
        key = (name, grid.step, grid.low, grid.high)
        if key not in self._inputs:
            stem = f"{name}_grid{len(self._inputs)}"
            zero = MIDDLE if grid.low < 0 else 0
            constants = [
                self._constant(f"{stem}_scale", np.float32(grid.step)),
                self._constant(f"{stem}_zero", np.uint8(zero)),
            ]
            codes = f"{stem}_codes"
            self._put_before(node, helper.make_node("QuantizeLinear", [name, *constants], [codes]))
            if (grid.low + zero, grid.high + zero) != (0, 255):
                limits = [
                    self._constant(f"{stem}_low", np.uint8(grid.low + zero)),
                    self._constant(f"{stem}_high", np.uint8(grid.high + zero)),
                ]
                self._put_before(node, helper.make_node("Clip", [codes, *limits], [f"{stem}_clipped"]))
                codes = f"{stem}_clipped"
            self._put_before(node, helper.make_node("DequantizeLinear", [codes, *constants], [f"{stem}_out"]))
            self._inputs[key] = f"{stem}_out"
        node.input[0] = self._inputs[key]

    def finish(self) -> None:
        """Put the new nodes where their values are first needed, and drop the float weights that nothing reads any more."""
        nodes = []
        for node in self.graph.node:
            nodes += [*self._before.get(node.output[0], ()), node]
            if node.output[0] in self._after:
                nodes.append(self._after[node.output[0]])
        del self.graph.node[:]
        self.graph.node.extend(nodes)
        read = {name for node in nodes for name in node.input}
        kept = [tensor for tensor in self.graph.initializer if tensor.name in read]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)

    def _put_before(self, node: onnx.NodeProto, added: onnx.NodeProto) -> None:
        added.name = f"{added.op_type}_{added.output[0]}"
        self._before.setdefault(node.output[0], []).append(added)

    def _constant(self, name: str, value: Any) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name
