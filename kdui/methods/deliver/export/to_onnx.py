"""A module as an ONNX file, by the exporter of PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from kdui.core.problem import Problem
from kdui.methods.deliver.export.tracing import translate
from kdui.runtime.graph_files import is_large
from kdui.runtime.graph_notes import without_notes

# Positions of a sample that the exporter sees where their number is free: tokens, or samples of a sound for as many frames.
TRACED = {"length": 8, "time": 2048}
FREE = ("batch", *TRACED)
Axes = Mapping[str, tuple[str, ...]]
Output = tuple[str, tuple[str, ...]]  # name and axes, as ``Problem.graph_output`` gives them
UNNAMED: Output = ("outputs", ())


def write_onnx(
    module: nn.Module, sample: dict[str, np.ndarray], axes: Axes, opset: int, path: Path, output: Output = UNNAMED
) -> None:
    """Export to one file, a large model with its weights beside it (see ``runtime.graph_files``).

    ``output``: how the problem calls what the module gives, and its axes.

    Nothing in it depends on where it was exported: the same module gives the same bytes from every checkout.
    """
    size = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    to_onnx(module, sample, axes, opset, output[0]).save(path, external_data=is_large(size))
    model = onnx.load(path, load_external_data=False)
    plain_norms(model.graph)
    name_axes(model.graph, output[1])
    onnx.save(without_notes(model), path)  # weights beside it stay where they are


def name_axes(graph: onnx.GraphProto, axes: tuple[str, ...]) -> None:
    """Call the free axes of the first output by these names; the exporter names them by how they follow from the inputs'."""
    for dimension, name in zip(graph.output[0].type.tensor_type.shape.dim, axes, strict=bool(axes)):
        if not dimension.dim_value:
            dimension.dim_param = name


def complete_onnx(path: Path, problem: Problem) -> None:
    """Write into the file what makes answers of its outputs, where the problem has nodes for that."""
    model = onnx.load(path, load_external_data=False)
    before = len(model.graph.node)
    problem.complete_graph(model)
    if len(model.graph.node) > before:
        onnx.save(model, path)


def accepts_any_size(path: Path, axes: Axes) -> bool:
    """True when batch, length and time, as the modality names its ``axes``, are free in the graph's inputs."""
    return all(
        dimension.dim_param
        for item in onnx.load(path, load_external_data=False).graph.input
        for axis, dimension in zip(axes[item.name], item.type.tensor_type.shape.dim, strict=True)
        if axis in FREE
    )


def plain_norms(graph: onnx.GraphProto) -> int:
    """Keep ONNX Runtime from fusing additions into the layer norms that follow them; returns how many there are.

    Its fused kernel for the CPU (SkipLayerNormalization, 1.32) takes four times as long as the addition and the norm do by
    themselves: a tenth of a small encoder in fp32, a fifth in int8. It looks for ``Add``; ``Sum`` of two computes the same.
    """
    normed = {node.input[0] for node in graph.node if node.op_type == "LayerNormalization"}
    added = [node for node in graph.node if node.op_type == "Add" and node.output[0] in normed]
    for node in added:
        node.op_type = "Sum"
    return len(added)


def shortened(array: np.ndarray, axes: tuple[str, ...]) -> np.ndarray:
    """The beginning of a sample along its free length: the graph is the same, and an LSTM is traced step by step."""
    return np.ascontiguousarray(array[tuple(slice(TRACED.get(axis)) for axis in axes)])


def to_onnx(module: nn.Module, sample: dict[str, np.ndarray], axes: Axes, opset: int, output: str = UNNAMED[0]) -> Any:
    """The exporter's program, free in the axes of ``FREE`` (see ``Modality.AXES``)."""
    names = list(sample)
    tensors = {name: torch.from_numpy(shortened(array, axes[name])) for name, array in sample.items()}
    free = {axis: torch.export.Dim(axis) for axis in FREE}
    shapes = {name: {place: free[axis] for place, axis in enumerate(axes[name]) if axis in free} for name in tensors}
    return translate(module, tensors, shapes, opset, names, [output])
