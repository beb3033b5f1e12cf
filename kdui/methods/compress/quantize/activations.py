"""What the layers of a graph are given on calibration examples: X Xᵀ of linear layers, and histograms of activations."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from kdui.core.layout import MODEL_FILE
from kdui.core.padding import trimmed
from kdui.methods.compress.quantize.ranges import Histogram
from kdui.runtime.graph_files import save_graph
from kdui.runtime.graph_nodes import before_logarithms
from kdui.runtime.sessions import open_session

BATCH = 32
MULTIPLIED = ("Conv", "Gemm", "MatMul")
PASSING = ("Transpose", "Identity", "Cast")
Arrays = dict[str, np.ndarray]


def layer_inputs(model: onnx.ModelProto, linear: bool = True) -> dict[str, list[str]]:
    """Weight initializer -> the tensors that it is multiplied with; ``linear`` leaves convolutions out."""
    inputs_of: dict[str, list[str]] = {}
    makers = {output: node for node in model.graph.node for output in node.output}
    for node, name in multiplied(model, makers):
        if not (linear and node.op_type == "Conv"):
            inputs_of.setdefault(name, []).append(node.input[0])
    return inputs_of


def multiplied(model: onnx.ModelProto, makers: Mapping[str, onnx.NodeProto]) -> Iterator[tuple[onnx.NodeProto, str]]:
    """Each convolution and product with a constant weight, and that weight's initializer; ``makers``: who makes each value."""
    floats = {
        tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) >= 2
    }
    fixed = before_logarithms(model)
    for node in model.graph.node:
        if node.op_type not in MULTIPLIED or fixed & set(node.output) or _attribute(node, "transA"):
            continue
        name = node.input[1]
        while name not in floats and name in makers and makers[name].op_type in PASSING:
            name = makers[name].input[0]
        if name in floats and node.input[0] not in floats:
            yield node, name


def _attribute(node: onnx.NodeProto, name: str) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), 0)


def input_moments(
    model: onnx.ModelProto, arrays: Arrays, names: Sequence[str], check: Callable[[], None] = lambda: None
) -> dict[str, np.ndarray]:
    """X Xᵀ [in, in] of each named activation over all calibration examples, fp32; padded tokens are left out.

    The activations are those of the float model: layers before a layer are not rounded yet.
    """
    moments: dict[str, np.ndarray] = {}
    for name, rows in _values(model, arrays, names, check):
        flat = rows.reshape(-1, rows.shape[-1]).astype(np.float32)
        moment = flat.T @ flat
        moments[name] = moments[name] + moment if name in moments else moment
    return moments


def input_ranges(
    model: onnx.ModelProto, arrays: Arrays, names: Sequence[str], check: Callable[[], None] = lambda: None
) -> dict[str, Histogram]:
    """A histogram of each named activation over all calibration examples."""
    histograms = {name: Histogram() for name in names}
    for name, rows in _values(model, arrays, names, check):
        histograms[name].add(rows)
    return histograms


def _values(
    model: onnx.ModelProto, arrays: Arrays, names: Sequence[str], check: Callable[[], None]
) -> Iterator[tuple[str, np.ndarray]]:
    """Each named tensor for each batch, [tokens, width] without padding where the tensor has a row for each token."""
    wanted = list(dict.fromkeys(names))
    inner = [name for name in wanted if name not in arrays]
    with tempfile.TemporaryDirectory(prefix="kdui-calibration-") as folder:
        path = Path(folder) / MODEL_FILE
        save_graph(exposing(model, inner), path)
        session = open_session(path)
        for batch in batches(arrays):
            check()
            computed = dict(zip(inner, session.run(inner, batch), strict=True)) if inner else {}
            mask = batch.get("attention_mask")
            for name in wanted:
                rows = computed[name] if name in computed else batch[name]
                yield name, rows[mask == 1] if mask is not None and rows.ndim >= 3 and rows.shape[:2] == mask.shape else rows


def exposing(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """A copy of the graph that also gives these inner tensors."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    outputs = {output.name for output in opened.graph.output}
    opened.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names if name not in outputs
    )
    return opened


def batches(arrays: Mapping[str, np.ndarray], size: int = BATCH) -> Iterator[Arrays]:
    """Batches in order, texts cut to the longest of each."""
    for start in range(0, len(next(iter(arrays.values()))), size):
        yield trimmed({name: array[start : start + size] for name, array in arrays.items()})
