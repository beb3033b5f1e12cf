"""Inputs of products divided by a constant for each of their entries: the other half of weights that were scaled up."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import helper, numpy_helper

from kdui.methods.compress.quantize.activations import PASSING, multiplied
from kdui.runtime.graph_nodes import replace_nodes


def divisible(model: onnx.ModelProto, names: set[str]) -> set[str]:
    """Those of these weights that nothing but products reads: a table that is looked up as well must stay as it is."""
    makers = {output: node for node in model.graph.node for output in node.output}
    products = {id(node): name for node, name in multiplied(model, makers)}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def ends_in_products(name: str, weight: str) -> bool:
        return all(
            products.get(id(node)) == weight
            or (node.op_type in PASSING and all(ends_in_products(output, weight) for output in node.output))
            for node in readers.get(name, ())
        )

    return {name for name in names if readers.get(name) and ends_in_products(name, name)}


def divide_inputs(model: onnx.ModelProto, scales: Mapping[str, np.ndarray]) -> None:
    """Let every product with these weights read its input divided by their scales [in], in place."""
    if not scales:
        return
    makers = {output: node for node in model.graph.node for output in node.output}
    named = {id(node): name for node, name in multiplied(model, makers)}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        name = named.get(id(node))
        if name is not None and name in scales:
            scaled = f"{node.input[0]}_divided_for_{name}"
            if all(scaled not in each.output for each in nodes):
                nodes.append(helper.make_node("Mul", [node.input[0], _constant(name)], [scaled], name=f"{node.name}_divided"))
            node.input[0] = scaled
        nodes.append(node)
    constants = [
        numpy_helper.from_array((1 / each.astype(np.float64)).astype(np.float32), _constant(name))
        for name, each in scales.items()
    ]
    replace_nodes(model, nodes, constants)


def _constant(weight: str) -> str:
    return f"{weight}_divisors"
