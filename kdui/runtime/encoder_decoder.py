"""One graph that holds an encoder and a decoder with a KV cache, and the two graphs that it is made of.

The whole one takes ``input_ids`` and ``attention_mask`` [batch, length], ``decoder_input_ids`` [batch, written] and of each layer
N of the decoder ``past_key_values.N.key`` and ``.value`` [batch, heads, past, width]. It gives ``logits`` [batch, written,
vocabulary], ``present.N.*`` of past and new tokens, and ``cross.N.*``: keys and values of the input, in which the decoder looks
for it. Cut there, the encoder computes ``cross.*`` once for an input, and the decoder each token from them and its cache.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import onnx

from kdui.core.errors import KduiError
from kdui.core.padding import DECODER_IDS, MASK
from kdui.runtime.cache_inputs import IDS, LOGITS, PRESENT, is_past
from kdui.runtime.graph_files import load_graph

CROSS = "cross"


def is_cross(name: str) -> bool:
    """Whether a tensor is what the encoder gives to a layer of the decoder."""
    return name.startswith(f"{CROSS}.")


def encoder_of(path: Path) -> onnx.ModelProto:
    """The graph from ``input_ids`` and ``attention_mask`` to ``cross.*``."""
    model = load_graph(path)
    return _part(model, [IDS, MASK], [item for item in model.graph.output if is_cross(item.name)])


def decoder_of(path: Path) -> onnx.ModelProto:
    """The graph from ``decoder_input_ids``, the input's ``attention_mask``, ``cross.*`` and ``past_key_values.*`` to ``logits``
    and ``present.*``."""
    model = load_graph(path)
    cross = [item for item in model.graph.output if is_cross(item.name)]
    past = [item.name for item in model.graph.input if is_past(item.name)]
    outputs = [item for item in model.graph.output if item.name == LOGITS or item.name.startswith(f"{PRESENT}.")]
    return _part(model, [DECODER_IDS, MASK, *past], outputs, cross)


def attention_of(path: Path) -> onnx.ModelProto:
    """The whole graph with the decoder's attention to the input in place of its outputs: of each layer [batch, heads, written,
    length], what is multiplied with ``cross.N.value``.

    Raises KduiError where a layer computes attention inside of one operator, which gives no weights.
    """
    model = load_graph(path)
    values = [item.name for item in model.graph.output if is_cross(item.name) and item.name.endswith(".value")]
    readers = {node.input[1]: node.input[0] for node in model.graph.node if node.op_type == "MatMul"}
    if not values or any(name not in readers for name in values):
        raise KduiError("This file computes attention inside of one operator, which gives no weights. Choose the float model.")
    kind = onnx.TensorProto.FLOAT
    weights = [onnx.helper.make_tensor_value_info(readers[name], kind, [None] * 4) for name in values]
    past = [item.name for item in model.graph.input if is_past(item.name)]
    return _part(model, [IDS, MASK, DECODER_IDS, *past], weights)


def _part(model: onnx.ModelProto, inputs: Collection[str], outputs: list[Any], cut: Collection[Any] = ()) -> onnx.ModelProto:
    """The nodes and weights that the outputs need; the tensors of ``cut`` are inputs more."""
    given = {*inputs, *(item.name for item in cut)}
    makers = {name: node for node in model.graph.node for name in node.output}
    wanted, waiting = set[str](), [item.name for item in outputs]
    while waiting:
        name = waiting.pop()
        if not name or name in wanted or name in given:
            continue
        wanted.add(name)
        if name in makers:
            waiting += [*makers[name].input, *_outside(makers[name])]
    part = onnx.ModelProto()
    part.CopyFrom(model)
    graph = part.graph
    for field, items in (
        ("node", [node for node in model.graph.node if wanted & {*node.output}]),
        ("initializer", [tensor for tensor in model.graph.initializer if tensor.name in wanted]),
        ("input", [*(item for item in model.graph.input if item.name in given), *cut]),
        ("output", outputs),
        ("value_info", []),
    ):
        graph.ClearField(field)
        getattr(graph, field).extend(items)
    return part


def _outside(node: Any) -> list[str]:
    """What the subgraphs of a node read, their own tensors among it."""
    graphs = [attribute.g for attribute in node.attribute if attribute.type == onnx.AttributeProto.GRAPH]
    return [name for graph in graphs for inner in graph.node for name in (*inner.input, *_outside(inner))]
