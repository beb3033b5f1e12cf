"""A KV cache in 8 or 4 bits: the attention of a graph becomes ONNX Runtime's GroupQueryAttention, which keeps keys and values so.

Symmetric, one scale for each channel of each head (the operator's PER_CHANNEL), from the largest values on calibration texts; new
keys and values are rounded before they are attended to, so a whole text shows the error, too.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdui.core.errors import StageFailed
from kdui.core.layout import MODEL_FILE
from kdui.methods.compress.quantize.activations import Arrays, batches, exposing
from kdui.runtime.cache_inputs import MASK, PAST, PRESENT
from kdui.runtime.graph_files import save_graph
from kdui.runtime.graph_nodes import ORT_DOMAIN, replace_nodes
from kdui.runtime.sessions import open_session

TYPES = {8: TensorProto.INT8, 4: TensorProto.UINT8}  # of 4 bits two lie in a byte
BATCH = 8  # calibration texts at a time: all their keys and values are in memory
SEQUENCE, TOTAL = "kv_lengths", "kv_total"


class Attention(NamedTuple):
    """One layer's attention: the tensors between which one operator replaces all nodes."""

    query: str  # [batch, heads, length, width], as keys and values of new tokens and the output are
    key: str
    value: str
    scale: float
    output: str


def layers_of(model: onnx.ModelProto) -> dict[str, Attention]:
    """The attention of each layer by its number in the names of the cache; raises StageFailed where it is of another kind."""
    makers = {output: node for node in model.graph.node for output in node.output}
    keys = [each.name for each in model.graph.input if each.name.startswith(f"{PAST}.") and each.name.endswith(".key")]
    if not keys:
        raise StageFailed("This graph has no KV cache to quantize. Leave 'kv_cache' of the export on, or 'cache_bits' out.")
    return {name.split(".")[1]: _layer(model, makers, name.split(".")[1]) for name in keys}


class Ranges(NamedTuple):
    """What calibration texts show of a graph: how many heads its queries have, and how large keys and values are."""

    heads: int
    sizes: Mapping[str, np.ndarray]  # of each output of the cache the largest in each channel of each head, [heads, 1, width]


def cache_ranges(model: onnx.ModelProto, arrays: Arrays, check: Callable[[], None] = lambda: None) -> Ranges:
    """Run a float graph over whole texts; padding does not count."""
    query = next(iter(layers_of(model).values())).query
    names = [each.name for each in model.graph.output if each.name.startswith(f"{PRESENT}.")]
    sizes: dict[str, np.ndarray] = {}
    heads = 0
    with tempfile.TemporaryDirectory(prefix="kdui-calibration-") as folder:
        path = Path(folder) / MODEL_FILE
        save_graph(exposing(model, [query]), path)
        session = open_session(path)
        for batch in batches(arrays, BATCH):
            check()
            queries, *cached = session.run([query, *names], batch)
            heads, real = queries.shape[1], batch[MASK][:, None, :, None] == 1
            for name, values in zip(names, cached, strict=True):
                most = np.where(real, np.abs(values), 0).max(axis=(0, 2))[:, None, :]
                sizes[name] = np.maximum(sizes.get(name, most), most)
    return Ranges(heads, sizes)


def quantize_cache(model: onnx.ModelProto, ranges: Ranges, bits: int) -> None:
    """Let the graph keep its cache in ``bits``, in place; raises StageFailed where its attention is of another kind."""
    heads, sizes = ranges
    layers = layers_of(model)
    by_output = {attention.output: number for number, attention in layers.items()}
    nodes, shapes = list(_lengths()), {"kv_flat": [0, 0, -1], "kv_heads": [0, 0, heads, -1], "kv_axis": [1], "kv_first": [0]}
    constants = [numpy_helper.from_array(np.array(shape, np.int64), name) for name, shape in shapes.items()]
    constants.append(numpy_helper.from_array(np.array(1, np.int32), "kv_one"))
    for node in model.graph.node:
        number = next((by_output[name] for name in node.output if name in by_output), None)
        if number is not None:
            kv_heads = sizes[f"{PRESENT}.{number}.key"].shape[0]
            nodes += _attending(number, layers[number], heads, kv_heads, bits)
        elif not any(name.startswith(f"{PRESENT}.") for name in node.output):
            nodes.append(node)
    for number in layers:
        for part in ("key", "value"):
            scales = np.maximum(sizes[f"{PRESENT}.{number}.{part}"], 1e-8) / (2 ** (bits - 1) - 1)
            constants.append(numpy_helper.from_array(scales.astype(np.float32), f"kv_scale.{number}.{part}"))
    _retype(model, bits)
    replace_nodes(model, _needed(nodes, {output.name for output in model.graph.output}), constants)


def _layer(model: onnx.ModelProto, makers: Mapping[str, onnx.NodeProto], number: str) -> Attention:
    """From the scores of these keys on to the output."""
    kept = {part: makers.get(f"{PRESENT}.{number}.{part}") for part in ("key", "value")}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    scores = _ahead(readers, f"{PRESENT}.{number}.key", "MatMul", ("Unsqueeze", "Expand", "Reshape", "Transpose", "Identity"))
    shares = scores and _ahead(readers, scores.output[0], "Softmax", ("Mul", "Div", "Add"))
    weighted = shares and _ahead(readers, shares.output[0], "MatMul", ("Cast", "Identity"))
    keys, values = kept["key"], kept["value"]
    if not (scores and weighted and keys and values) or any(node.op_type != "Concat" for node in (keys, values)):
        raise StageFailed(
            "The attention of this graph is more than scale, mask and Softmax, which is all that ONNX Runtime's operator "
            "with a quantized cache computes. Leave 'cache_bits' out."
        )
    constants = {each.name: each for each in model.graph.initializer}
    return Attention(scores.input[0], keys.input[1], values.input[1], _scale(readers, constants, scores), weighted.output[0])


def _ahead(
    readers: Mapping[str, list[onnx.NodeProto]], name: str, wanted: str, passing: tuple[str, ...]
) -> onnx.NodeProto | None:
    """The next node of that kind behind a value, over nodes of kinds in ``passing`` alone; None where others read it."""
    while len(nodes := readers.get(name, [])) == 1:
        if nodes[0].op_type == wanted:
            return nodes[0]
        if nodes[0].op_type not in passing:
            return None
        name = nodes[0].output[0]
    return None


def _scale(
    readers: Mapping[str, list[onnx.NodeProto]], constants: Mapping[str, onnx.TensorProto], scores: onnx.NodeProto
) -> float:
    """What products of queries and keys are multiplied with before the mask: scalars alone, the mask is added."""
    scale, node = 1.0, readers[scores.output[0]][0]
    while node.op_type != "Softmax":
        number = next((numpy_helper.to_array(constants[name]) for name in node.input if name in constants), None)
        if node.op_type != "Add":
            if number is None or number.size != 1:
                raise StageFailed("This graph scales the scores of its attention by more than a number. Leave 'cache_bits' out.")
            scale = scale * float(number) if node.op_type == "Mul" else scale / float(number)
        node = readers[node.output[0]][0]
    return scale


def _lengths() -> Iterator[onnx.NodeProto]:
    """The operator's own inputs from the mask: the last place of each text, and how long the longest is."""
    yield helper.make_node("ReduceSum", [MASK, "kv_axis"], ["kv_count"], name="kv_count", keepdims=0)
    yield helper.make_node("Cast", ["kv_count"], ["kv_count_32"], name="kv_count_32", to=TensorProto.INT32)
    yield helper.make_node("Sub", ["kv_count_32", "kv_one"], [SEQUENCE], name=SEQUENCE)
    yield helper.make_node("Shape", [MASK], ["kv_size"], name="kv_size", start=1, end=2)
    yield helper.make_node("Squeeze", ["kv_size", "kv_first"], ["kv_size_0"], name="kv_size_0")
    yield helper.make_node("Cast", ["kv_size_0"], [TOTAL], name=TOTAL, to=TensorProto.INT32)


def _attending(number: str, attention: Attention, heads: int, kv_heads: int, bits: int) -> Iterator[onnx.NodeProto]:
    flat = []
    for part, name in (("query", attention.query), ("key", attention.key), ("value", attention.value)):
        turned = f"kv_{part}.{number}"
        yield helper.make_node("Transpose", [name], [f"{turned}.turned"], name=f"{turned}.turned", perm=[0, 2, 1, 3])
        yield helper.make_node("Reshape", [f"{turned}.turned", "kv_flat"], [turned], name=turned)
        flat.append(turned)
    parts = ("key", "value")
    yield helper.make_node(
        "GroupQueryAttention",
        [
            *flat,
            *(f"{PAST}.{number}.{part}" for part in parts),
            *(SEQUENCE, TOTAL),
            *[""] * 5,
            *(f"kv_scale.{number}.{part}" for part in parts),
        ],
        [f"kv_attended.{number}", *(f"{PRESENT}.{number}.{part}" for part in parts)],
        name=f"attention.{number}",
        domain=ORT_DOMAIN,
        num_heads=heads,
        kv_num_heads=kv_heads,
        scale=attention.scale,
        k_quant_type="PER_CHANNEL",
        v_quant_type="PER_CHANNEL",
        kv_cache_bit_width=bits,
    )

    by_head = f"kv_by_head.{number}"
    yield helper.make_node("Reshape", [f"kv_attended.{number}", "kv_heads"], [by_head], name=by_head)
    yield helper.make_node("Transpose", [by_head], [attention.output], name=f"{by_head}.turned", perm=[0, 2, 1, 3])


def _retype(model: onnx.ModelProto, bits: int) -> None:
    """Give the cache among inputs and outputs its type; of 4 bits two channels are one number."""
    for item in (*model.graph.input, *model.graph.output):
        if item.name.startswith((f"{PAST}.", f"{PRESENT}.")):
            item.type.tensor_type.elem_type = TYPES[bits]
            if bits == 4:
                item.type.tensor_type.shape.dim[3].dim_value //= 2


def _needed(nodes: list[onnx.NodeProto], outputs: set[str]) -> list[onnx.NodeProto]:
    """Those that an output depends on, in their order."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]
