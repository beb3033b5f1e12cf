"""Attention as one operator: ONNX Runtime's MultiHeadAttention in place of the dozen nodes that an exporter writes.

Its kernel takes query, key and value as the projections give them. Beside other work, where moving memory is dear, an int8
MiniLM-L6 took 9.2 ms an inference in place of 12.7 (Intel Xeon with AMX, medians of 150 in turn); on an idle processor it makes
no difference, nor does it in fp32.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from kdui.runtime.graph_files import graph_bytes, is_large, load_graph, save_graph
from kdui.runtime.graph_nodes import ORT_DOMAIN, replace_nodes
from kdui.runtime.sessions import graph_outputs

TOLERANCE = 1e-4  # of the largest output
BY_HEAD, KEYS_BY_HEAD = [0, 2, 1, 3], [0, 2, 3, 1]


class Projection(NamedTuple):
    """Queries, keys or values: what they are made of, their heads, the width of one, and the nodes that part them."""

    source: str
    heads: int
    size: int
    nodes: list[Any]


class Heads(NamedTuple):
    """One attention: its node's inputs, what it gives, how many heads and which scale it has, and the nodes that it replaces."""

    inputs: list[str]
    output: str
    heads: int
    scale: float
    replaced: list[Any]


def write_fused(source: Path, target: Path, sample: dict[str, np.ndarray]) -> int:
    """Write the graph with its attentions fused; returns how many there are.

    0, and no file, where none is found, where the graph is too large to be held twice, or where ONNX Runtime does not compute
    the same outputs for ``sample``.
    """
    if is_large(graph_bytes(source)):
        return 0
    model = load_graph(source)
    count = fuse_attention(model)
    if not count:
        return 0
    save_graph(model, target)
    try:
        before, after = (graph_outputs(path, sample) for path in (source, target))
        same = bool(np.abs(before - after).max() <= TOLERANCE * max(1.0, float(np.abs(before).max())))
    except Exception:  # a mask of a shape that the kernel does not take: any error of ONNX Runtime's own
        same = False
    if not same:
        target.unlink()
    return count if same else 0


def fuse_attention(model: onnx.ModelProto) -> int:
    """Replace every softmax(scale · Q Kᵀ + mask) V by one node, in place; returns how many were found."""
    attentions = list(_Attentions(model.graph).matches())
    if not attentions:
        return 0
    inside = {id(node) for each in attentions for node in each.replaced}
    last = {id(each.replaced[-1]): each for each in attentions}
    nodes = []
    for node in model.graph.node:
        if each := last.get(id(node)):
            nodes.append(
                helper.make_node(
                    "MultiHeadAttention",
                    each.inputs,
                    [each.output],
                    name=f"{node.name or each.output}_attention",
                    domain=ORT_DOMAIN,
                    num_heads=each.heads,
                    scale=each.scale,
                )
            )
        elif id(node) not in inside:
            nodes.append(node)
    replace_nodes(model, nodes)
    return len(attentions)


class _Attentions:
    """Finds attentions in a graph; whatever does not look exactly as the exporter writes it is left alone."""

    def __init__(self, graph: Any):
        self.graph = graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.makers = {output: node for node in graph.node for output in node.output}
        self.readers: dict[str, list[Any]] = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def matches(self) -> Iterator[Heads]:
        for node in self.graph.node:
            if node.op_type == "Softmax":
                try:
                    yield self._around(node)
                except LookupError:
                    continue

    def _around(self, softmax: Any) -> Heads:
        """The attention of this softmax; raises LookupError where it is none."""
        scores, mask, scale, between = self._scores(softmax.input[0])
        context = self._only_reader(softmax.output[0], "MatMul")
        back = self._turned(self._only_reader(context.output[0], "Transpose"), BY_HEAD)
        joined = self._only_reader(back.output[0], "Reshape")
        parts = [
            self._projection(name, turn)
            for name, turn in ((scores.input[0], BY_HEAD), (scores.input[1], KEYS_BY_HEAD), (context.input[1], BY_HEAD))
        ]
        heads, size = parts[0].heads, parts[0].size
        if any((part.heads, part.size) != (heads, size) for part in parts):
            raise LookupError
        replaced = [node for part in parts for node in part.nodes]
        return Heads(
            inputs=[*(part.source for part in parts), *(["", "", mask] if mask else [])],
            output=joined.output[0],
            heads=heads,
            scale=scale,
            replaced=[*replaced, scores, *between, softmax, context, back, joined],
        )

    def _scores(self, name: str) -> tuple[Any, str, float, list[Any]]:
        """The product of queries and keys behind a softmax, the mask and the scale, and the nodes between."""
        between, mask, scale = [], "", 1.0
        node = self._sole(name)
        if node.op_type == "Add":
            between.append(node)
            mask = node.input[1]
            node = self._sole(node.input[0])
        if node.op_type in ("Mul", "Div"):
            between.append(node)
            factor = float(numpy_helper.to_array(self.constants[node.input[1]]).reshape(()))
            scale = factor if node.op_type == "Mul" else 1 / factor
            node = self._sole(node.input[0])
        if node.op_type != "MatMul":
            raise LookupError
        return node, mask, scale, between[::-1]

    def _projection(self, name: str, turn: list[int]) -> Projection:
        """What is reshaped to [batch, length, heads, size] and transposed: its source, and its heads."""
        transposed = self._turned(self._sole(name), turn)
        reshaped = self._sole(transposed.input[0])
        if reshaped.op_type != "Reshape":
            raise LookupError
        size = self._last_of(reshaped.input[1])
        width = self._width(reshaped.input[0])
        if width % size:
            raise LookupError
        return Projection(reshaped.input[0], width // size, size, [reshaped, transposed])

    def _last_of(self, shape: str) -> int:
        """The last entry of a shape that is a constant, or joined of several of which the last one is."""
        if shape in self.makers and self.makers[shape].op_type == "Concat":
            shape = self.makers[shape].input[-1]
        size = int(numpy_helper.to_array(self.constants[shape]).reshape(-1)[-1])
        if size < 1:
            raise LookupError
        return size

    def _width(self, name: str) -> int:
        """The last axis of a projection's output, by its weight or its bias."""
        node = self.makers[name]
        constants = [self.constants[each] for each in node.input if each in self.constants]
        if node.op_type not in ("Add", "MatMul") or len(constants) != 1:
            raise LookupError
        return int(constants[0].dims[-1])

    def _sole(self, name: str) -> Any:
        """The node that makes a value which one other node reads."""
        if len(self.readers.get(name, ())) != 1:
            raise LookupError
        return self.makers[name]

    def _only_reader(self, name: str, op: str) -> Any:
        readers = self.readers.get(name, [])
        if len(readers) != 1 or readers[0].op_type != op:
            raise LookupError
        return readers[0]

    @staticmethod
    def _turned(node: Any, turn: list[int]) -> Any:
        if node.op_type != "Transpose" or [list(each.ints) for each in node.attribute if each.name == "perm"] != [turn]:
            raise LookupError
        return node
