"""What an exporter notes in a graph for whoever debugs it: source lines, call stacks, texts. A file that leaves has none of it.

The notes hold paths of the machine that exported, so a file's size and checksum would depend on where its checkout lies, and
they are up to half of a small file.
"""

from collections.abc import Iterable
from typing import Any

import onnx

from kdui.runtime.graph_weights import PLACES, module_of, sources

TEXTS = "doc_string"
NOTES = "metadata_props"
EXPORTERS = "pkg."  # keys that torch's exporter writes into the model's own metadata


def without_notes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model without notes and texts on graphs, nodes, values and functions, in place; what it computes stays.

    The model's own metadata stays but for the exporter's: it identifies the file. A weight whose name does not contain its module
    (the exporter has turned or joined it) is named after it, which only the notes knew.
    """
    _name_weights(model.graph)
    kept = [entry for entry in model.metadata_props if not entry.key.startswith(EXPORTERS)]
    if len(kept) < len(model.metadata_props):
        copies = [type(entry).FromString(entry.SerializeToString()) for entry in kept]
        del model.metadata_props[:]
        model.metadata_props.extend(copies)
    model.ClearField(TEXTS)
    _clean_graph(model.graph)
    for function in model.functions:
        _clean([function, *function.value_info])
        _clean_nodes(function.node)
    return model


def _name_weights(graph: Any) -> None:
    weights = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) >= 2}
    taken = {tensor.name for tensor in graph.initializer} | {name for node in graph.node for name in node.output}
    makers = {output: node for node in graph.node for output in node.output}
    names: dict[str, str] = {}
    for node in graph.node:
        module = module_of(node)
        for place in PLACES.get(node.op_type, ((), None))[0] if module else ():
            for old, _, _ in sources(node.input[place], makers, weights) if place < len(node.input) else ():
                if "." not in old and old not in names:
                    new = f"{module}.weight"
                    names[old] = f"{module}.{old}" if new in taken else new
                    taken.add(names[old])
    for old, new in names.items():
        weights[old].name = new
    if names:
        _rename_inputs(graph, names)


def _rename_inputs(graph: Any, names: dict[str, str]) -> None:
    """A graph may name its initializers as inputs or outputs, and inner graphs read them too."""
    for item in (*graph.input, *graph.output, *graph.value_info):
        item.name = names.get(item.name, item.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                _rename_inputs(inner, names)


def _clean_graph(graph: Any) -> None:
    _clean([graph, *graph.input, *graph.output, *graph.value_info, *graph.initializer])
    _clean_nodes(graph.node)


def _clean_nodes(nodes: Iterable[Any]) -> None:
    for node in nodes:
        _clean([node])
        for attribute in node.attribute:
            attribute.ClearField(TEXTS)
            _clean([attribute.t, *attribute.tensors] if attribute.HasField("t") else attribute.tensors)
            for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                _clean_graph(graph)


def _clean(items: Iterable[Any]) -> None:
    for item in items:
        item.ClearField(NOTES)
        item.ClearField(TEXTS)
