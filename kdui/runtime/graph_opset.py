"""Graphs of an old operator set, raised to one in which weights can be rounded by channel."""

from pathlib import Path

import onnx
from onnx import version_converter

from kdui.core.errors import StageFailed
from kdui.runtime.graph_files import load_graph, save_graph

LEAST = 13  # the first in which QuantizeLinear and DequantizeLinear have an axis (onnx, Operators.md)
ONNX_DOMAIN = ("", "ai.onnx")
REFUSALS = (
    RuntimeError,
    ValueError,
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
    version_converter.ConvertError,
)


def opset_of(path: Path) -> int:
    """The version of ONNX's own operators that the graph was written for."""
    model = onnx.load(path, load_external_data=False)
    return max((item.version for item in model.opset_import if item.domain in ONNX_DOMAIN), default=1)


def raise_opset(path: Path, target: Path, least: int = LEAST) -> None:
    """Write the graph with operators of version ``least``; raises StageFailed where one of them cannot be carried over."""
    before = opset_of(path)
    try:
        model = version_converter.convert_version(load_graph(path), least)
        onnx.checker.check_model(model)
    except REFUSALS as error:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        raise StageFailed(
            f"This graph is written for ONNX operator set {before}, but weights can be rounded from {least} on, and it cannot be "
            f"raised ({why}). Export the model again with opset {least} or newer."
        ) from None
    save_graph(model, target)
