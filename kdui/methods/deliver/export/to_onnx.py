"""A module as an ONNX file, by the exporter of PyTorch."""

import contextlib
import functools
import io
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxscript._framework_apis import torch_2_11 as operators
from torch import nn

from kdui.runtime.graph_files import is_large
from kdui.runtime.graph_notes import without_notes

Axes = Mapping[str, tuple[str, ...]]


def write_onnx(module: nn.Module, sample: dict[str, np.ndarray], axes: Axes, opset: int, path: Path) -> None:
    """Export to one file, a large model with its weights beside it (see ``runtime.graph_files``).

    Nothing in it depends on where it was exported: the same module gives the same bytes from every checkout.
    """
    size = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    to_onnx(module, sample, axes, opset).save(path, external_data=is_large(size))
    model = onnx.load(path, load_external_data=False)
    plain_norms(model.graph)
    onnx.save(without_notes(model), path)  # weights beside it stay where they are


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


def to_onnx(module: nn.Module, sample: dict[str, np.ndarray], axes: Axes, opset: int) -> Any:
    """The exporter's program, free in the axes that are called batch and length (see ``Modality.AXES``).

    Its chatter on the console is kept out of the run's output.
    """
    keep_operators()
    names = list(sample)
    tensors = {name: torch.from_numpy(array) for name, array in sample.items()}
    free = {"batch": torch.export.Dim("batch"), "length": torch.export.Dim("length")}
    shapes = {name: {place: free[axis] for place, axis in enumerate(axes[name]) if axis in free} for name in tensors}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of every operator of torchvision, which no model here has
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return torch.onnx.export(
            module,
            (),
            kwargs=tensors,
            dynamo=True,
            opset_version=opset,
            dynamic_shapes=shapes,
            input_names=names,
            output_names=["outputs"],
            verbose=False,
        )


def keep_operators() -> None:
    """Let the exporter translate its library of operators once in a process.

    PyTorch 2.13 asks for the list at every export, and the list reads and parses the source of five hundred functions: half of
    the time that a small model takes. What it holds never changes.
    """
    if not hasattr(operators.get_torchlib_ops, "cache_info"):
        operators.get_torchlib_ops = functools.cache(operators.get_torchlib_ops)
