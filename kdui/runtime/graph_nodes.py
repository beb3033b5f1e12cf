"""Other nodes in an ONNX graph: what every rewriting of one ends with."""

from collections.abc import Iterable
from typing import Any

import onnx
from onnx import helper

from kdui.core.layout import ANSWER_NODES

ORT_DOMAIN = "com.microsoft"  # of ONNX Runtime's own operators


def replace_nodes(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto], constants: Iterable[onnx.TensorProto] = ()) -> None:
    """Give the graph these nodes in place of its own, in place, and these constants beside its own.

    Constants that no node reads any more go, and so do the shapes of values that are no longer made. Where a node is one of
    ONNX Runtime's own, the model says that it uses them.
    """
    graph: Any = model.graph
    # Copied first: emptying the list would empty those of its nodes that stay.
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    read = {name for node in kept for name in node.input} | {output.name for output in graph.output}
    made = read | {name for node in kept for name in node.output}
    _fill(graph.node, kept)
    _fill(graph.initializer, [*_copies(graph.initializer, read), *constants])
    _fill(graph.value_info, _copies(graph.value_info, made))
    if any(node.domain == ORT_DOMAIN for node in kept) and not any(each.domain == ORT_DOMAIN for each in model.opset_import):
        model.opset_import.append(helper.make_opsetid(ORT_DOMAIN, 1))


def before_logarithms(model: onnx.ModelProto) -> set[str]:
    """The values that logarithms are taken of, and all that these are computed from.

    Such values span decades, of which the even steps of a low bit-width keep the highest alone: the short-time spectrum of a
    sound and its filters. They are no weights of a model, so they are neither rounded nor counted.
    """
    makers = {output: node for node in model.graph.node for output in node.output}
    waiting = [node.input[0] for node in model.graph.node if node.op_type == "Log"]
    before: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in before and name in makers:
            before.add(name)
            waiting += makers[name].input
    return before


def nodes_left_in_float(model: onnx.ModelProto) -> list[str]:
    """The names of the nodes that compute them, of the logarithms, and of those that make answers of the outputs."""
    values = before_logarithms(model)
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Log" or values & set(node.output) or node.name.startswith(ANSWER_NODES)
    ]


def _copies(stored: Any, wanted: set[str]) -> list[Any]:
    return [type(item).FromString(item.SerializeToString()) for item in stored if item.name in wanted]


def _fill(stored: Any, items: list[Any]) -> None:
    del stored[:]
    stored.extend(items)
