"""Export: torch.onnx with dynamic batch and length, parity checked against PyTorch, facts written into the file."""

import shutil
from pathlib import Path
from typing import Any

import torch

from kdui.core.errors import StageFailed
from kdui.core.layout import INPUTS_FILE, MODEL_FILE
from kdui.methods.deliver.export.low_bits import write_grids
from kdui.methods.deliver.export.parity import Parity
from kdui.methods.deliver.export.to_onnx import accepts_any_size, complete_onnx, write_onnx
from kdui.modalities import modality_of
from kdui.models.encoder_decoder import EncoderDecoder
from kdui.models.low_bits import layer_codes, read_quantization
from kdui.models.size import count_macs
from kdui.problems import problem_of
from kdui.runtime.graph_metadata import export_metadata, write_metadata
from kdui.training.context import StepContext
from kdui.training.initial_weights import load_input
from kdui.training.saved import SavedModel

PARITY_EXAMPLES = 8
PASSED_ON = ("packed_bytes", "unpacked", "weight_bits", "activation_bits")  # of the model's summary, for Measure


def export(context: StepContext) -> dict[str, Any]:
    """Write ``model.onnx`` and what serving needs; raises StageFailed when the graph's outputs differ from PyTorch's."""
    saved = load_input(context, "model")
    saved.module.eval()
    arrays = context.data.prepared("validation", saved.inputs, saved.folder)
    samples = [
        {name: array[start : start + count] for name, array in arrays.items()}
        for start, count in ((0, 2), (2, 1), (3, PARITY_EXAMPLES))
    ]
    axes, opset, path = modality_of(saved.inputs.modality).AXES, context.settings["opset"], context.out / MODEL_FILE
    if cached := _keeps_cache(context, saved):
        _write_with_cache(saved.module, opset, path)
    else:
        write_onnx(saved.module, samples[0], axes, opset, path, problem_of(context.facts).graph_output)
        complete_onnx(path, problem_of(context.facts))
    context.report.check()
    if not cached and not accepts_any_size(path, axes):
        raise StageFailed("The model could not be exported for inputs of any size: its graph fixes them. Choose another model.")
    for name in (INPUTS_FILE, *saved.inputs.files):
        shutil.copyfile(saved.folder / name, context.out / name)
    grids = read_quantization(saved.folder)
    if grids is not None:
        write_grids(context.out / MODEL_FILE, layer_codes(saved.module, grids))
    parity = Parity(context, saved, context.out / MODEL_FILE, grids)
    difference, tested = parity.of_batches(samples), parity.on_test()
    if cached:
        tested |= parity.token_by_token(arrays)
    first_example = {name: torch.from_numpy(array[:1]) for name, array in arrays.items()}
    macs = count_macs(saved.module, first_example)
    facts = {**_facts(context, saved), "macs": macs, "parity": difference, **tested}
    write_metadata(
        context.out / MODEL_FILE,
        export_metadata(context.facts, context.step.digest, (context.out / INPUTS_FILE).read_text(encoding="utf-8")),
    )
    return facts


def _write_with_cache(module: Any, opset: int, path: Path) -> None:
    """The graph of a module that writes text. Only such a one needs transformers, whose import takes a second."""
    if isinstance(module, EncoderDecoder):
        from kdui.methods.deliver.export.encoder_decoder import write_encoder_decoder

        return write_encoder_decoder(module, opset, path)
    from kdui.methods.deliver.export.cached import write_cached_onnx

    return write_cached_onnx(module, opset, path)


def _keeps_cache(context: StepContext, saved: SavedModel) -> bool:
    """Whether the graph keeps keys and values of earlier tokens: one that generates text does, where all layers see all of it."""
    if isinstance(saved.module, EncoderDecoder):
        return True  # its two halves are cut out of one graph, which is whole with the cache alone
    if not context.settings.get("kv_cache", False):
        return False
    from kdui.methods.deliver.export.cached import sees_a_window

    if sees_a_window(saved.module):
        context.report.log(
            "Some layers see the last tokens only, for which no KV cache is written: the graph computes the whole text for "
            "each token that it generates."
        )
        return False
    return True


def _facts(context: StepContext, saved: SavedModel) -> dict[str, Any]:
    summary = context.inputs["model"].manifest.summary
    passed = {name: summary[name] for name in PASSED_ON if name in summary}
    return {"parameters": summary["parameters"], "nonzero": summary["nonzero"], "family": saved.description.family, **passed}
