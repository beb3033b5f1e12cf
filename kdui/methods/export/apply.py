"""Export: torch.onnx with dynamic batch and length, parity checked against PyTorch, facts written into the file."""

import contextlib
import io
import json
import shutil
import warnings
from typing import Any

import numpy as np
import onnx
import torch

from kdui.core.errors import StageFailed
from kdui.methods.export.alone import accepts_any_size, export_alone
from kdui.methods.export.files import INPUTS_FILE, MODEL_FILE
from kdui.models.size import count_macs
from kdui.runtime.sessions import run_graph
from kdui.training.context import StepContext
from kdui.training.saved import SavedModel
from kdui.training.starting import load_input

PARITY_EXAMPLES = 8


def export(context: StepContext) -> dict[str, Any]:
    """Write ``model.onnx`` and what serving needs; raises StageFailed when the graph answers differently from PyTorch."""
    saved = load_input(context, "model")
    saved.module.eval()
    arrays = context.data.prepared("validation", saved.inputs, saved.folder)
    samples = [
        {name: array[start : start + count] for name, array in arrays.items()}
        for start, count in ((0, 2), (2, 1), (3, PARITY_EXAMPLES))
    ]
    program = to_onnx(saved, samples[0], context.settings["opset"])
    context.report.check()
    program.save(context.out / MODEL_FILE, external_data=False)
    del program
    if not accepts_any_size(context.out / MODEL_FILE):
        export_alone(saved.folder, samples[0], context.settings["opset"], context.out / MODEL_FILE)
    for name in (INPUTS_FILE, *saved.inputs.files):
        shutil.copyfile(saved.folder / name, context.out / name)
    difference = _parity(context, saved, samples)
    one = {name: torch.from_numpy(array[:1]) for name, array in arrays.items()}
    macs = count_macs(saved.module, one)
    facts = {**_facts(context, saved), "macs": macs, "parity": difference}
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
    return {"parameters": summary["parameters"], "nonzero": summary["nonzero"], "family": saved.description.family}


def to_onnx(saved: SavedModel, sample: dict[str, np.ndarray], opset: int) -> Any:
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
            saved.module,
            (),
            kwargs=tensors,
            dynamo=True,
            opset_version=opset,
            dynamic_shapes=shapes,
            input_names=names,
            output_names=["outputs"],
            verbose=False,
        )


def _parity(context: StepContext, saved: SavedModel, samples: list[dict[str, np.ndarray]]) -> float:
    """Largest difference of an output over batches of 2, 1 and 8, as a share of the largest output."""
    shares = []
    for sample in samples:
        with torch.inference_mode():
            expected = saved.module(**{name: torch.from_numpy(array) for name, array in sample.items()}).numpy()
        found = run_graph(context.out / MODEL_FILE, sample)
        shares.append(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))
    worst = float(np.max(shares))  # unlike Python's max it keeps a NaN, which is no parity either
    if not worst <= context.settings["tolerance"]:
        raise StageFailed(
            f"The ONNX graph differs from PyTorch by {worst:.2g} of its largest output; "
            f"{context.settings['tolerance']:g} is allowed. "
            "Raise 'export.tolerance' only if you know why."
        )
    return worst


def write_metadata(path: Any, facts: dict[str, str]) -> None:
    """Add facts to an ONNX file's metadata, so that the file can tell what it is."""
    model = onnx.load(path)
    known = {entry.key: entry for entry in model.metadata_props}
    for key, value in facts.items():
        entry = known.get(key) or model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
