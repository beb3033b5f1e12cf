"""Any bit-width without a kernel: weights rounded inside a float graph, and a packed file of the true size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from kdui.methods.compress.quantize.activations import layer_inputs
from kdui.methods.compress.quantize.awq import awq
from kdui.methods.compress.quantize.gptq import gptq
from kdui.methods.compress.quantize.grids import Grid, GridChoice, make_grid
from kdui.methods.compress.quantize.packed import PackedWriter
from kdui.methods.compress.sensitivity.weights import Weight
from kdui.runtime.graph_files import save_graph
from kdui.runtime.graph_nodes import replace_nodes

ACTIVATION_LEVELS = 255


@dataclass(frozen=True)
class Gptq:
    """What GPTQ needs beside the grid: X Xᵀ [in, in] by weight, and its two knobs."""

    moments: Mapping[str, np.ndarray]
    dampening: float = 0.01
    act_order: bool = False

    def rounded(self, weight: Weight, moment: np.ndarray, choice: GridChoice) -> "Rounded":
        """The weight on its grid."""
        grid = make_grid(weight.matrix, choice)
        return Rounded(weight, grid, gptq(weight.matrix, moment, grid, self.dampening, self.act_order), "gptq")


@dataclass(frozen=True)
class Awq:
    """What AWQ needs: X Xᵀ [in, in] of the weights whose inputs can be divided by constants."""

    moments: Mapping[str, np.ndarray]

    def rounded(self, weight: Weight, moment: np.ndarray, choice: GridChoice) -> "Rounded":
        """The scaled weight on its grid."""
        grid, codes, scales = awq(weight.matrix, moment, choice)
        return Rounded(weight, grid, codes, "awq", scales)


@dataclass(frozen=True)
class Rounded:
    """A weight on its grid: codes [channels, rest]. With ``divisors`` [rest], its inputs are to be divided by them."""

    weight: Weight
    grid: Grid
    codes: np.ndarray
    rounding: str = "nearest"
    divisors: np.ndarray | None = None

    @property
    def values(self) -> np.ndarray:
        """The initializer that the codes stand for."""
        return self.weight.restored(self.grid.values(self.codes))

    def row(self) -> dict[str, Any]:
        """The layer's entry in the summary."""
        return {"name": self.weight.title, "bits": self.grid.bits, "weights": self.codes.size, "rounding": self.rounding}


def round_weights(
    weights: Sequence[Weight],
    choices: Mapping[str, GridChoice],
    calibrated: Gptq | Awq | None = None,
    check: Callable[[], None] = lambda: None,
) -> list[Rounded]:
    """Each weight that has a choice, on its grid; by calibration inputs where they are known, else to the nearest level."""
    rounded = []
    for weight in weights:
        if weight.name not in choices:
            continue
        check()
        choice, matrix = choices[weight.name], weight.matrix
        moment = calibrated.moments.get(weight.name) if calibrated else None
        if calibrated is not None and moment is not None and len(moment) == matrix.shape[1]:
            rounded.append(calibrated.rounded(weight, moment, choice))
        else:
            grid = make_grid(matrix, choice)
            rounded.append(Rounded(weight, grid, grid.codes(matrix)))
    return rounded


def write_simulated(model: onnx.ModelProto, rounded: Sequence[Rounded], target: Path, packed: Path) -> dict[str, Any]:
    """Put the rounded weights into the float graph, in place; write it and the packed file, whose size is returned."""
    by_name = {each.weight.name: each for each in rounded}
    writer = PackedWriter()
    for tensor in model.graph.initializer:
        if tensor.name not in by_name:
            writer.add(tensor.name, numpy_helper.to_array(tensor))
            continue
        each = by_name[tensor.name]
        writer.add_rounded(tensor.name, tuple(tensor.dims), each.weight.axis, each.grid, each.codes)
        tensor.CopyFrom(numpy_helper.from_array(each.values, tensor.name))
    save_graph(model, target)
    return {"packed_bytes": writer.write(packed)}


def round_inputs(model: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]]) -> int:
    """Let every convolution and product with a constant weight read its input on a grid of 8 bits, in place.

    ``ranges``: by activation, the lowest and highest value. Returns how many activations are rounded.
    """
    fed = set(ranges) & {name for names in layer_inputs(model, linear=False).values() for name in names}
    weights = set(layer_inputs(model, linear=False))
    nodes, done = [], set[str]()
    for node in model.graph.node:
        name = node.input[0] if node.op_type in ("Conv", "Gemm", "MatMul") else ""
        if name in fed and _reads(model, node, weights):
            if name not in done:
                nodes += _on_a_grid(model, name, *ranges[name])
                done.add(name)
            node.input[0] = f"{name}_rounded"
        nodes.append(node)
    replace_nodes(model, nodes)
    return len(done)


def _reads(model: onnx.ModelProto, node: onnx.NodeProto, weights: set[str]) -> bool:
    """Whether its second factor is one of the weights, directly or transposed."""
    makers = {output: each for each in model.graph.node for output in each.output}
    name = node.input[1]
    while name not in weights and name in makers:
        name = makers[name].input[0] if makers[name].input else ""
    return name in weights


def _on_a_grid(model: onnx.ModelProto, name: str, low: float, high: float) -> list[onnx.NodeProto]:
    """round(x / scale), clipped to the levels, times scale: in float arithmetic.

    Not by QuantizeLinear and DequantizeLinear: ONNX Runtime would take them as a wish to round the float weights behind them to
    int8 as well, with one scale for the whole tensor.
    """
    scale = max((high - low) / ACTIVATION_LEVELS, 1e-9)
    zero = float(np.clip(np.rint(-low / scale), 0, ACTIVATION_LEVELS))
    values = {"scale": scale, "lowest": -zero, "highest": ACTIVATION_LEVELS - zero}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.float32), f"{name}_{part}") for part, value in values.items()
    )
    steps = [
        ("Div", [name, f"{name}_scale"], f"{name}_steps"),
        ("Round", [f"{name}_steps"], f"{name}_codes"),
        ("Clip", [f"{name}_codes", f"{name}_lowest", f"{name}_highest"], f"{name}_clipped"),
        ("Mul", [f"{name}_clipped", f"{name}_scale"], f"{name}_rounded"),
    ]
    return [helper.make_node(op, inputs, [output], name=f"{output}_{op}") for op, inputs, output in steps]
