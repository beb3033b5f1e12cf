"""Weights in blocks of 2, 4 or 8 bits that ONNX Runtime multiplies as they are (MatMulNBits), and embeddings that it looks up so
(GatherBlockQuantized)."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from kdui.methods.compress.quantize.simulated import Rounded
from kdui.methods.compress.sensitivity.weights import Weight
from kdui.runtime.graph_nodes import ORT_DOMAIN, replace_nodes

ACCURACY_LEVEL = 4  # inputs are rounded to int8 for each block while it multiplies: the fast way on a CPU


def storable(model: onnx.ModelProto, weights: Sequence[Weight]) -> list[Weight]:
    """The weights that every node reads as blocks can be read: matrices of products, and tables of look-ups whose rows end on a
    whole byte at 2 bits too. A language model's table may also be, transposed, the matrix of its head."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return [
        weight
        for weight in weights
        if weight.values.ndim == 2
        and all(_replaceable(node, weight.name) or _is_head(node, weight, readers) for node in readers.get(weight.name, ()))
        and (weight.operator != "Gather" or weight.values.shape[1] % 4 == 0)
    ]


def _is_head(node: onnx.NodeProto, weight: Weight, readers: Mapping[str, Sequence[onnx.NodeProto]]) -> bool:
    """Whether a node transposes a table of look-ups for products alone: its rows are then the outputs of these."""
    if node.op_type != "Transpose" or weight.operator != "Gather" or _attributes(node).get("perm", [1, 0]) != [1, 0]:
        return False
    products = readers.get(node.output[0], ())
    return bool(products) and all(each.op_type == "MatMul" and _replaceable(each, node.output[0]) for each in products)


def _replaceable(node: onnx.NodeProto, name: str) -> bool:
    attributes = _attributes(node)
    if node.op_type == "MatMul":
        return bool(node.input[1] == name and node.input[0] != name)
    if node.op_type == "Gemm":
        plain = attributes.get("alpha", 1.0) == 1.0 and attributes.get("beta", 1.0) == 1.0 and not attributes.get("transA", 0)
        return bool(plain and node.input[1] == name and name not in (node.input[0], *node.input[2:]))
    return bool(node.op_type == "Gather" and node.input[0] == name and attributes.get("axis", 0) == 0)


def write_blocks(model: onnx.ModelProto, rounded: Sequence[Rounded], accuracy_level: int = ACCURACY_LEVEL) -> int:
    """Let the nodes of these weights read blocks, in place; returns how many nodes do. Grids must have groups."""
    by_name = {each.weight.name: each for each in rounded}
    heads = {
        node.output[0]: by_name[node.input[0]]
        for node in model.graph.node
        if node.op_type == "Transpose" and node.input[0] in by_name
    }
    tied = {each.weight.name for each in heads.values()}
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, onnx.TensorProto] = {}
    count = 0
    for node in model.graph.node:
        if node.op_type == "Transpose" and node.output[0] in heads:
            continue
        place = 0 if node.op_type == "Gather" else 1
        name = node.input[place] if len(node.input) > place else ""
        each = by_name.get(name) or heads.get(name)
        if each is None or not _replaceable(node, name):
            nodes.append(node)
            continue
        count += 1
        if node.op_type != "Gather":
            nodes += _product(node, each, _constants(each, constants, flat=True), accuracy_level)
        elif each.weight.name in tied and each.codes.shape[1] % each.grid.group == 0:
            reshaped, names = _as_table(node, each, constants)
            nodes += [*reshaped, *_look_up(node, each, names)]
        else:
            nodes += _look_up(node, each, _constants(each, constants, flat=False))
    replace_nodes(model, nodes, constants.values())
    return count


def _as_table(
    node: onnx.NodeProto, each: Rounded, constants: dict[str, onnx.TensorProto]
) -> tuple[list[onnx.NodeProto], list[str]]:
    """The constants of the product in the shapes of a table, so that the file has them once: whole groups are the same bytes."""
    nodes, names = [], []
    for name in _constants(each, constants, flat=True):
        shape = numpy_helper.from_array(np.array([len(each.codes), -1], np.int64), f"{name}_shape")
        constants[shape.name] = shape
        names.append(f"{name}_of_table")
        nodes.append(helper.make_node("Reshape", [name, shape.name], names[-1:], name=f"{node.name}_{name}"))
    return nodes, names


def _look_up(node: onnx.NodeProto, each: Rounded, names: list[str]) -> list[onnx.NodeProto]:
    weights, *rest = names
    return [
        helper.make_node(
            "GatherBlockQuantized",
            [weights, node.input[1], *rest],
            list(node.output),
            name=f"{node.name}_blocks",
            domain=ORT_DOMAIN,
            gather_axis=0,
            quantize_axis=1,
            block_size=each.grid.group,
            bits=each.grid.bits,
        )
    ]


def _product(node: onnx.NodeProto, each: Rounded, names: list[str], accuracy_level: int) -> list[onnx.NodeProto]:
    outputs, inputs = each.codes.shape
    biased = node.op_type == "Gemm" and len(node.input) > 2 and bool(node.input[2])
    result = f"{node.output[0]}_product" if biased else node.output[0]
    nodes = [
        helper.make_node(
            "MatMulNBits",
            [node.input[0], *names],
            [result],
            name=f"{node.name}_blocks",
            domain=ORT_DOMAIN,
            K=inputs,
            N=outputs,
            bits=each.grid.bits,
            block_size=each.grid.group,
            accuracy_level=accuracy_level,
        )
    ]
    if biased:
        nodes.append(helper.make_node("Add", [result, node.input[2]], list(node.output), name=f"{node.name}_bias"))
    return nodes


def _constants(each: Rounded, constants: dict[str, onnx.TensorProto], flat: bool) -> list[str]:
    """Names of the packed codes, the scales and, where the grid has them, the zero-points; added to ``constants`` once."""
    grid, name = each.grid, f"{each.weight.name}_{'product' if flat else 'table'}"
    middle = 0 if grid.zeros is not None else 2 ** (grid.bits - 1)  # where ONNX Runtime takes zero to be by default
    codes = each.codes.astype(np.int16) + middle
    rows, columns = codes.shape
    if flat:
        blocks = -(-columns // grid.group)
        codes = np.pad(codes, ((0, 0), (0, blocks * grid.group - columns)), constant_values=middle)
        packed = pack_bytes(codes, grid.bits).reshape(rows, blocks, -1)
    else:
        packed = pack_bytes(codes, grid.bits)
    scales = grid.scales.astype(np.float32)
    parts: dict[str, np.ndarray] = {"codes": packed, "scales": scales.ravel() if flat else scales}
    if grid.zeros is not None:
        zeros = pack_bytes(grid.zeros, grid.bits)
        parts["zeros"] = zeros.ravel() if flat else zeros
    for part, values in parts.items():
        constants[f"{name}_{part}"] = numpy_helper.from_array(values, f"{name}_{part}")
    return [f"{name}_{part}" for part in parts]


def pack_bytes(codes: np.ndarray, bits: int) -> np.ndarray:
    """Unsigned codes [rows, columns] as bytes, the first code in the lowest bits; each row ends on a whole byte."""
    each = 8 // bits
    padded = np.pad(codes, ((0, 0), (0, -codes.shape[1] % each))).astype(np.uint8).reshape(len(codes), -1, each)
    packed = np.zeros(padded.shape[:2], np.uint8)
    for place in range(each):
        packed |= padded[..., place] << np.uint8(bits * place)
    return packed


def _attributes(node: onnx.NodeProto) -> Mapping[str, object]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
