"""A teacher of which only predictions are available: an ONNX file made one of kdui's own."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from kdui.catalogue.black_box import answers_file
from kdui.catalogue.models import resolve
from kdui.core.contracts import InputSettings
from kdui.core.errors import KduiError, StageFailed
from kdui.core.foreign import output_order, pixel_scale
from kdui.core.layout import INPUTS_FILE, MODEL_FILE
from kdui.core.plan import ModelFacts
from kdui.core.recipe import ModelRef
from kdui.core.runner import Runner
from kdui.models.black_box.build import inputs as how_it_reads
from kdui.runtime.confined import ConfinedSession, Limits
from kdui.runtime.foreign_graph import adopted, chosen_output, count_weights, opened, read_graph, try_out
from kdui.runtime.graph_metadata import export_metadata, set_metadata
from kdui.runtime.graph_notes import without_notes
from kdui.runtime.sessions import graph_outputs
from kdui.training.context import StepContext
from kdui.training.initial_weights import require_known_words
from kdui.training.plausibility import Options, Scales, require_plausible, usual_scales


def take_graph(context: StepContext) -> dict[str, Any]:
    """The ONNX file as a servable artifact: it is then run, measured and compared like any exported model."""
    facts = unchanged(context)
    path, task = answers_file(facts.ref), context.facts
    probabilities = bool(facts.options["probabilities"])
    read = read_graph(path, task)
    model = adopted(read, task, probabilities, facts.options)
    if len(read.graph.output) > 1 and not facts.options["output"]:
        chosen = chosen_output(read, task, "")
        context.report.log(f"Of the outputs of {path.name} only '{chosen}' has the width of the task's labels: it is taken.")
    parameters, nonzero = count_weights(read)
    inputs = how_it_reads(facts.options, task, path.parent)
    for name in inputs.files:
        shutil.copyfile(path.with_name(name), context.out / name)
    _write(model, inputs, context)
    limits = Limits.of(context.app_settings)
    session = opened(
        context.out / MODEL_FILE,
        lambda graph: ConfinedSession(graph, limits, context.report.check, what="The teacher's ONNX file"),
    )
    arrays = context.data.prepared("validation", inputs, context.out)
    try_out(lambda batch: session.run(None, batch)[0], arrays, task, probabilities)
    if task.modality == "text":
        require_known_words(context, facts.title, inputs, context.out)
    outputs = _answers(context.out / MODEL_FILE, arrays, session)
    scales = _scales(facts, arrays, context.out / MODEL_FILE, session) if task.modality == "image" else None
    share = require_plausible(
        facts, task, outputs, context.data.targets("validation"), scales, output_order(facts.options["labels"], task) or ()
    )
    context.report.log(f"{facts.title} gets {100 * share:.1f} % of the validation examples right.")
    return {"parameters": parameters, "nonzero": nonzero, "family": facts.family.name}


def _answers(path: Path, arrays: dict[str, np.ndarray], session: Runner) -> np.ndarray:
    try:
        return graph_outputs(path, arrays, session=session)
    except KduiError:
        raise
    except Exception as error:  # ONNX Runtime raises errors of many kinds
        raise StageFailed(
            "The teacher's ONNX file cannot run on all validation examples: ONNX Runtime stops at one. For texts, put the "
            "tokenizer.json beside it that it was trained with; else export it again."
        ) from error


def _scales(facts: ModelFacts, arrays: dict[str, np.ndarray], path: Path, session: Runner) -> Scales:
    """The graph's outputs for pixels on other scales than the one that it was adopted with."""
    pixels = arrays["pixels"]
    mean, std = _columns(facts.options)

    def outputs(options: Options, index: np.ndarray) -> np.ndarray:
        own_scale = _columns(facts.family.options.model_validate(options).model_dump(mode="json"))
        moved = (pixels[index] - own_scale[0]) / own_scale[1] * std + mean  # the graph itself takes its own scale off
        return graph_outputs(path, {"pixels": moved.astype(np.float32)}, session=session)

    return Scales(usual_scales(pixels), outputs)


def _columns(options: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation [1, colours, 1, 1] of pixels between 0 and 1."""
    mean, std = (np.array(values, dtype=np.float32).reshape(1, -1, 1, 1) for values in pixel_scale(options) or ([0.0], [1.0]))
    return mean, std


def _write(model: onnx.ModelProto, inputs: InputSettings, context: StepContext) -> None:
    (context.out / INPUTS_FILE).write_text(inputs.model_dump_json(indent=1), encoding="utf-8")
    del model.metadata_props[:]
    set_metadata(model, export_metadata(context.facts, context.step.digest, inputs.model_dump_json()))
    try:
        onnx.save(without_notes(model), context.out / MODEL_FILE)
    except ValueError as error:
        raise StageFailed(f"The teacher's ONNX file is too large to be kept ({error}): at most 2 GB can be taken.") from error


def unchanged(context: StepContext) -> ModelFacts:
    """The reference looked up again: the file must still be the one that the run was planned with."""
    facts = resolve(ModelRef.parse(context.step.model), context.facts, context.app_settings)
    if facts.identity != context.settings["model"]:
        raise StageFailed(f"{facts.ref.name} has changed since the run was queued. Queue the recipe again.")
    return facts
