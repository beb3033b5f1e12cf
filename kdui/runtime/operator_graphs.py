"""Graphs of one operator, once and several times in a row: the difference of their latencies is what one more of it takes.

The shapes are those that the graphs of this project have: convolutions over pictures of 8×8 to 64×64, products of text networks,
LSTMs, and what stands between them, in float and in the int8 forms that Quantize makes.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdui.core.device_profile import Kind, Precision

OPSET = 18
REPEATED = 5  # operators in a row, beside the graph with one
FLOAT = TensorProto.FLOAT
BLOCK = 32  # of the block-wise products


class Operator(NamedTuple):
    """What is timed: ``build`` adds it so many times in a row. ``shape``: see ``Point``; ``nodes``: of its kind in each.

    ``without``: what ``build`` adds beside it, where it can't stand alone.
    """

    kind: Kind
    precision: Precision
    shape: tuple[int, ...]
    input_shape: tuple[int, ...]
    build: "Callable[[Chain, int], None]"
    nodes: int = 1
    without: "Callable[[Chain, int], None] | None" = None


class Chain:
    """A graph that grows node by node; ``last`` is the newest value."""

    def __init__(self, input_shape: tuple[int, ...]):
        self.input_shape, self.last = input_shape, "x"
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.random = np.random.default_rng(0)

    def node(self, op: str, *more: str, domain: str = "", **attributes: Any) -> str:
        """A node over the newest value and ``more``; gives the name of its first output."""
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.last, *more], [name], name=name, domain=domain, **attributes))
        self.last = name
        return name

    def weight(self, *shape: int) -> str:
        """Random values that keep the size of what they multiply."""
        scale = 1 / math.sqrt(max(1, math.prod(shape[1:])))
        return self.constant((scale * self.random.standard_normal(shape)).astype(np.float32))

    def constant(self, values: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def model(self) -> bytes:
        """The graph as a file."""
        if not self.nodes:
            self.node("Identity")
        graph = helper.make_graph(
            self.nodes,
            "operators",
            [helper.make_tensor_value_info("x", FLOAT, self.input_shape)],
            [helper.make_tensor_value_info(self.last, FLOAT, None)],
            self.weights,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
        return onnx.ModelProto.SerializeToString(helper.make_model(graph, opset_imports=opsets, ir_version=10))


def graph_of(operator: Operator, count: int) -> bytes:
    """The graph with ``count`` of the operator in a row."""
    chain = Chain(operator.input_shape)
    operator.build(chain, count)
    return chain.model()


def nothing() -> bytes:
    """The graph that does nothing: what it takes, every graph takes."""
    return Chain((1, 16)).model()


def operators() -> Iterator[Operator]:
    """All that a profile times, in an order that is always the same."""
    yield from convolutions()
    yield from products()
    yield from recurrent()
    yield from others()


def convolutions() -> Iterator[Operator]:
    """3×3 and 1×1 over as many channels as they make, and depthwise 3×3."""
    for channels, size in (
        (2, 8), (4, 8), (8, 8), (16, 8), (32, 4), (64, 4), (8, 28), (16, 28), (32, 14), (64, 14), (64, 28), (128, 7),
    ):  # fmt: skip
        outputs = channels * size * size
        for precision in ("fp32", "int8"):
            yield Operator(
                "conv", precision, (9 * channels, outputs), (1, channels, size, size), _conv(channels, 3, 1, precision)
            )
            if channels >= 8:
                yield Operator(
                    "conv", precision, (channels, outputs), (1, channels, size, size), _conv(channels, 1, 1, precision)
                )
                yield Operator(
                    "depthwise", precision, (9, outputs), (1, channels, size, size), _conv(channels, 3, channels, precision)
                )


def products() -> Iterator[Operator]:
    """Linear layers of a row and of a text; their widths alternate, so a pair counts as two of the same work."""
    for inner, columns, rows in (
        (16, 16, 1), (64, 64, 1), (128, 128, 1), (384, 384, 1), (32, 64, 16), (64, 64, 64), (128, 128, 32), (128, 512, 32),
        (384, 384, 16), (384, 384, 64), (384, 1536, 64), (768, 768, 32),
    ):  # fmt: skip
        for precision in ("fp32", "int8", "int4"):
            if precision == "int4" and inner < BLOCK:
                continue
            yield Operator("product", precision, (inner, columns, rows), (1, rows, inner), _products(inner, columns, precision))


def recurrent() -> Iterator[Operator]:
    """Bidirectional LSTMs over the lengths of a sentence and of a passage."""
    for width, hidden, steps in ((16, 16, 16), (64, 64, 16), (64, 64, 64), (64, 128, 64)):
        macs = 2 * 4 * hidden * (width + hidden)
        yield Operator("recurrent", "fp32", (macs, steps), (steps, 1, width), _lstm(width, hidden))


def others() -> Iterator[Operator]:
    """What moves or bends values: few and many of them."""
    for size in (64, 1024, 8192, 65536):
        columns = min(size, 256)
        shape = (1, size // columns, columns)
        yield Operator("element", "fp32", (size,), shape, _repeat(lambda chain: chain.node("Add", chain.weight(1))))
        yield Operator("function", "fp32", (size,), shape, bent := _repeat(lambda chain: chain.node("Tanh")))
        yield Operator("reduce", "fp32", (size,), shape, _repeat(_normalized(columns)))
        yield Operator("move", "fp32", (size,), shape, _repeat(_swapped), nodes=2)
        yield Operator("convert", "fp32", (size,), shape, _repeat(_rounded), nodes=2, without=bent)


# --- what one of each is ------------------------------------------------------------------------------------------------------


def _repeat(one: Callable[[Chain], Any]) -> Callable[[Chain, int], None]:
    def build(chain: Chain, count: int) -> None:
        for _ in range(count):
            one(chain)

    return build


def _normalized(columns: int) -> Callable[[Chain], Any]:
    return lambda chain: chain.node("LayerNormalization", chain.constant(np.ones(columns, np.float32)), axis=-1)


def _swapped(chain: Chain) -> None:
    """Two moves that no optimizer joins or takes out: the halves of the columns change places."""
    before, (first, second) = chain.last, (f"a{len(chain.nodes)}", f"b{len(chain.nodes)}")
    chain.nodes.append(helper.make_node("Split", [before], [first, second], name=first, axis=-1, num_outputs=2))
    chain.last = second
    chain.node("Concat", first, axis=-1)


def _rounded(chain: Chain) -> None:
    """To 8 bits and back, after a function that has no kernel in 8 bits: else the optimizer joins one pair to the next."""
    chain.node("Tanh")
    scale, zero = chain.constant(np.array(0.05, np.float32)), chain.constant(np.array(128, np.uint8))
    chain.node("QuantizeLinear", scale, zero)
    chain.node("DequantizeLinear", scale, zero)


def _conv(channels: int, kernel: int, groups: int, precision: str) -> Callable[[Chain, int], None]:
    attributes: dict[str, Any] = {"kernel_shape": [kernel, kernel], "pads": [kernel // 2] * 4, "group": groups}

    def one(chain: Chain) -> None:
        if precision == "fp32":
            chain.node("Conv", chain.weight(channels, channels // groups, kernel, kernel), **attributes)
            chain.node("Relu")  # goes into the convolution, as in a network
            return
        scale, zero = chain.constant(np.array(0.05, np.float32)), chain.constant(np.array(0, np.uint8))
        if len(chain.nodes) == 0:
            chain.node("QuantizeLinear", scale, zero)
            chain.node("DequantizeLinear", scale, zero)
        weights = chain.random.integers(-64, 64, (channels, channels // groups, kernel, kernel)).astype(np.int8)
        name = f"d{len(chain.nodes)}"
        scales, zeros = np.full(channels, 0.01, np.float32), np.zeros(channels, np.int8)
        steps = [chain.constant(values) for values in (weights, scales, zeros)]
        chain.nodes.append(helper.make_node("DequantizeLinear", steps, [name], name=name, axis=0))
        chain.node("Conv", name, **attributes)
        chain.node("QuantizeLinear", scale, zero)
        chain.node("DequantizeLinear", scale, zero)

    return _repeat(one)


def _products(inner: int, columns: int, precision: str) -> Callable[[Chain, int], None]:
    def build(chain: Chain, count: int) -> None:
        for place in range(count):
            k, n = (inner, columns) if place % 2 == 0 else (columns, inner)
            if precision == "fp32":
                chain.node("MatMul", chain.weight(k, n))
            elif precision == "int8":
                weights = chain.constant(chain.random.integers(-64, 64, (k, n)).astype(np.int8))
                scale, zero = chain.constant(np.array(0.01, np.float32)), chain.constant(np.array(0, np.int8))
                chain.node("DynamicQuantizeMatMul", weights, scale, zero, domain="com.microsoft")
            else:
                blocks = -(-k // BLOCK)
                packed = chain.constant(chain.random.integers(0, 256, (n, blocks, BLOCK // 2)).astype(np.uint8))
                scales = chain.constant(np.full(n * blocks, 0.01, np.float32))
                attributes: dict[str, Any] = {"K": k, "N": n, "bits": 4, "block_size": BLOCK, "accuracy_level": 4}
                chain.node("MatMulNBits", packed, scales, domain="com.microsoft", **attributes)

    return build


def _lstm(width: int, hidden: int) -> Callable[[Chain, int], None]:
    """LSTMs in a row, with what brings both directions' outputs [steps, 2, 1, hidden] to [steps, 1, width] between them."""

    def one(chain: Chain) -> None:
        weights = chain.weight(2, 4 * hidden, width), chain.weight(2, 4 * hidden, hidden)
        chain.node("LSTM", *weights, hidden_size=hidden, direction="bidirectional")
        chain.node("ReduceMean", chain.constant(np.array([1], np.int64)), keepdims=0)
        if width != hidden:
            chain.node("MatMul", chain.weight(hidden, width))

    return _repeat(one)
