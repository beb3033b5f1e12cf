"""Export: torch.onnx with dynamic batch and length, parity checked against PyTorch, facts written into the file."""

import contextlib
import io
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from kdui.methods.export.alone import accepts_any_size, export_alone
from kdui.methods.export.files import INPUTS_FILE, MODEL_FILE
from kdui.methods.export.low_bits import write_grids
from kdui.methods.export.parity import Parity
from kdui.models.low_bits import layer_codes, read_quantization
from kdui.models.size import count_macs
from kdui.runtime.graph_files import is_large
from kdui.runtime.graph_notes import without_notes
from kdui.training.context import StepContext
from kdui.training.saved import SavedModel
from kdui.training.starting import load_input

PARITY_EXAMPLES = 8
PASSED_ON = ("packed_bytes", "unpacked", "weight_bits", "activation_bits")  # of the model's summary, for Measure


def export(context: StepContext) -> dict[str, Any]:
    """Write ``model.onnx`` and what serving needs; raises StageFailed when the graph answers differently from PyTorch."""
    saved = load_input(context, "model")
    saved.module.eval()
    arrays = context.data.prepared("validation", saved.inputs, saved.folder)
    samples = [
        {name: array[start : start + count] for name, array in arrays.items()}
        for start, count in ((0, 2), (2, 1), (3, PARITY_EXAMPLES))
    ]
    write_onnx(saved.module, samples[0], context.settings["opset"], context.out / MODEL_FILE)
    context.report.check()
    if not accepts_any_size(context.out / MODEL_FILE):
        export_alone(saved.folder, samples[0], context.settings["opset"], context.out / MODEL_FILE)
    for name in (INPUTS_FILE, *saved.inputs.files):
        shutil.copyfile(saved.folder / name, context.out / name)
    grids = read_quantization(saved.folder)
    if grids is not None:
        write_grids(context.out / MODEL_FILE, layer_codes(saved.module, grids))
    parity = Parity(context, saved, context.out / MODEL_FILE, grids)
    difference, tested = parity.of_batches(samples), parity.on_test()
    one = {name: torch.from_numpy(array[:1]) for name, array in arrays.items()}
    macs = count_macs(saved.module, one)
    facts = {**_facts(context, saved), "macs": macs, "parity": difference, **tested}
    write_metadata(
        context.out / MODEL_FILE,
        {
            "kdui.task": context.facts.name,
            "kdui.labels": json.dumps(context.facts.labels),
            "kdui.step": context.step.digest,
            "kdui.inputs": (context.out / INPUTS_FILE).read_text(encoding="utf-8"),
        },
    )
    return facts


def _facts(context: StepContext, saved: SavedModel) -> dict[str, Any]:
    summary = context.inputs["model"].manifest.summary
    passed = {name: summary[name] for name in PASSED_ON if name in summary}
    return {"parameters": summary["parameters"], "nonzero": summary["nonzero"], "family": saved.description.family, **passed}


def write_onnx(module: nn.Module, sample: dict[str, np.ndarray], opset: int, path: Path) -> None:
    """Export to one file, a large model with its weights beside it (see ``runtime.graph_files``).

    Nothing in it tells where it was exported: the same module gives the same bytes from every checkout.
    """
    size = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    to_onnx(module, sample, opset).save(path, external_data=is_large(size))
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


def to_onnx(module: nn.Module, sample: dict[str, np.ndarray], opset: int) -> Any:
    """The exporter's program; its chatter on the console is kept out of the run's output."""
    names = list(sample)
    tensors = {name: torch.from_numpy(array) for name, array in sample.items()}
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    shapes = {
        name: {0: batch, 1: length} if tensor.ndim == 2 and tensor.dtype == torch.int64 else {0: batch}
        for name, tensor in tensors.items()
    }
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


def write_metadata(path: Any, facts: dict[str, str]) -> None:
    """Add facts to an ONNX file's metadata, so that the file can tell what it is."""
    model = onnx.load(path, load_external_data=False)  # weights beside it stay where they are
    known = {entry.key: entry for entry in model.metadata_props}
    for key, value in facts.items():
        entry = known.get(key) or model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
