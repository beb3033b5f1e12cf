"""Latency of a graph on a device that is not here: the sum of its kernels, each read off the device's profile.

Kernel by kernel as in nn-Meter (Zhang et al. 2021, MobiSys), with ONNX Runtime's own fusions: a kernel's time is interpolated
between the nearest timed operators of its kind and precision. A factor and a constant a node correct the sums; they and the
errors come from graphs whose latency was really measured, each predicted without itself.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kdui.core.device_profile import Check, DeviceProfile, Kind, Point

NEAREST = 3
SOFT = 0.05  # octaves²: below it, a point counts as at the very place
LEAST_GRAPHS = 4  # different ones: fewer show no error
CONVOLUTIONS = {"Conv", "FusedConv", "NhwcFusedConv", "QLinearConv", "ConvInteger", "NhwcConv"}
RECURRENT = {"LSTM", "DynamicQuantizeLSTM", "GRU", "RNN"}
FUNCTIONS = {"Erf", "Gelu", "BiasGelu", "FastGelu", "QuickGelu", "Tanh", "Sigmoid", "Exp", "Log", "Pow", "Sqrt", "Softmax", "Div"}
REDUCTIONS = {
    "LayerNormalization", "SkipLayerNormalization", "SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization",
    "GlobalAveragePool", "AveragePool", "MaxPool", "GlobalMaxPool", "QLinearGlobalAveragePool", "QLinearAveragePool",
    "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ArgMax", "TopK",
}  # fmt: skip
MOVES = {
    "Transpose", "Reshape", "Concat", "Gather", "GatherElements", "GatherND", "Slice", "Split", "Squeeze", "Unsqueeze", "Expand",
    "Flatten", "Identity", "Cast", "ReorderInput", "ReorderOutput", "QLinearConcat", "Shape", "ConstantOfShape",
}  # fmt: skip
CONVERSIONS = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
PRECISIONS = ("fp32", "fp16", "int8", "int4")

Kernel = Mapping[str, Any]  # a row of kernels.json


class Timed(NamedTuple):
    """A graph with its real latency."""

    label: str
    kernels: Sequence[Kernel]
    latency_ms: float


class Unpredictable(ValueError):
    """Why a graph's latency can't be read off a profile, in words."""


def kernel_shape(kernel: Kernel) -> tuple[Kind, tuple[int, ...]]:
    """A kernel's kind and its work along each dimension. Raises Unpredictable where its shapes were not kept.

    conv, depthwise: (inputs of one output value, output values); product: (inner dimension, columns, rows);
    recurrent: (MACs of a step, steps); all others: (elements,).
    """
    op, made = kernel["op"], [shape for shape in kernel.get("makes", ()) if shape]
    if "makes" not in kernel:
        raise Unpredictable("the shapes of its kernels were not kept: change 'measure.latency_runs' and run it again")
    outputs = math.prod(made[0]) if made else 1
    if kernel["macs"] > 0:
        inner = max(1, round(kernel["macs"] / outputs))
        if op in CONVOLUTIONS:
            return ("depthwise" if kernel.get("groups", 1) > 1 else "conv"), (inner, outputs)
        if op in RECURRENT:
            steps = max(1, made[0][0]) if made else 1
            return "recurrent", (max(1, round(kernel["macs"] / steps)), steps)
        columns = made[0][-1] if made else 1
        return "product", (inner, columns, max(1, outputs // max(1, columns)))
    read = max((math.prod(shape) for shape in kernel["reads"][:1]), default=1)
    kind: Kind = (
        "convert" if op in CONVERSIONS else "move" if op in MOVES
        else "reduce" if op in REDUCTIONS else "function" if op in FUNCTIONS else "element"
    )  # fmt: skip
    return kind, (max(1, outputs if kind == "move" else max(outputs, read)),)


def predict_ms(profile: DeviceProfile, kernels: Sequence[Kernel], factor: float = 1.0, node_us: float = 0.0) -> float:
    """Latency of a graph of these kernels at batch 1, ms. Raises Unpredictable in words."""
    operators = profile.run_us + sum(kernel_us(profile, kernel) for kernel in kernels)
    return (factor * operators + node_us * len(kernels)) / 1000


def kernel_us(profile: DeviceProfile, kernel: Kernel) -> float:
    """Time of one kernel, µs."""
    kind, shape = kernel_shape(kernel)
    precision = kernel["precision"] if kernel["precision"] in PRECISIONS and kernel["macs"] else "fp32"
    points = [each for each in profile.points if (each.kind, each.precision) == (kind, precision)]
    if not points:
        raise Unpredictable(f"the profile of {profile.title} has no timings of {kernel['op']} in {precision}")
    near = sorted((_distance(point.shape, shape), number) for number, point in enumerate(points))[:NEAREST]
    weights = [1 / (distance + SOFT) for distance, _ in near]
    logs = [math.log(_scaled(points[number], shape, profile.node_us)) for _, number in near]
    return math.exp(sum(w * each for w, each in zip(weights, logs, strict=True)) / sum(weights))


def _distance(here: Sequence[int], there: Sequence[int]) -> float:
    return sum(math.log2(a / b) ** 2 for a, b in zip(here, there, strict=True))


def _scaled(point: Point, shape: Sequence[int], least: float) -> float:
    """A point's time at another amount of work: what it takes beyond the smallest operator grows with the work."""
    fixed = min(least, 0.9 * point.us)
    return fixed + (point.us - fixed) * math.prod(shape) / math.prod(point.shape)


# --- how far off it is --------------------------------------------------------------------------------------------------------


class Left(NamedTuple):
    """A graph beside what is predicted of it by the others."""

    label: str
    measured_ms: float
    predicted_ms: float

    @property
    def error(self) -> float:
        """As a share of what was measured."""
        return self.predicted_ms / self.measured_ms - 1


class Graph(NamedTuple):
    """A different graph: its median latency, the sum of its operators, and how many nodes it has."""

    label: str
    measured_ms: float
    summed_ms: float
    nodes: int


def leave_one_out(profile: DeviceProfile, graphs: Sequence[Timed]) -> list[Left]:
    """Each graph predicted with what fits all graphs of other shapes; empty where there are too few."""
    known = _different(profile, graphs)
    left = []
    for graph in known if len(known) >= LEAST_GRAPHS else ():
        factor, node_us = _fit([other for other in known if other is not graph])
        left.append(Left(graph.label, graph.measured_ms, factor * graph.summed_ms + node_us * graph.nodes / 1000))
    return left


def check(profile: DeviceProfile, graphs: Sequence[Timed]) -> Check | None:
    """What fits all graphs, and the errors of those left out; None where too few different graphs are known."""
    left = leave_one_out(profile, graphs)
    if not left:
        return None
    errors = sorted(abs(each.error) for each in left)
    factor, node_us = _fit(_different(profile, graphs))
    return Check(
        graphs=len(left),
        factor=factor,
        node_us=node_us,
        median_error=statistics.median(errors),
        most_error=errors[math.ceil(0.9 * len(errors)) - 1],
    )


def _different(profile: DeviceProfile, graphs: Sequence[Timed]) -> list[Graph]:
    """Each different graph that can be predicted.

    The same network with other weights tells nothing new: several readings of one graph count as one, their median.
    """
    groups: dict[str, tuple[str, float, int, list[float]]] = {}
    for graph in graphs:
        try:
            same = repr([(kernel["op"], kernel["precision"], kernel_shape(kernel)) for kernel in graph.kernels])
            if same not in groups:
                groups[same] = (graph.label, predict_ms(profile, graph.kernels), len(graph.kernels), [])
        except Unpredictable:
            continue
        groups[same][3].append(graph.latency_ms)
    return [Graph(label, statistics.median(readings), summed, nodes) for label, summed, nodes, readings in groups.values()]


def _fit(graphs: Sequence[Graph]) -> tuple[float, float]:
    """The factor of the sums and the µs a node that make the relative errors least (least squares), neither below 0.

    The latter is what a node costs in a network beyond what it costs among nothing but its like: other code, other memory.
    """
    sums = [graph.summed_ms / graph.measured_ms for graph in graphs]
    nodes = [graph.nodes / 1000 / graph.measured_ms for graph in graphs]
    ss, sn, nn = (sum(a * b for a, b in zip(x, y, strict=True)) for x, y in ((sums, sums), (sums, nodes), (nodes, nodes)))
    determinant = ss * nn - sn * sn
    if determinant > 1e-9 * ss * nn:
        factor, node_us = (nn * sum(sums) - sn * sum(nodes)) / determinant, (ss * sum(nodes) - sn * sum(sums)) / determinant
        if factor > 0 and node_us > 0:
            return factor, node_us
    return sum(sums) / ss, 0.0
