"""Distill: the student under the teacher's soft targets, its control, and the teacher's outputs that both phases share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from kdui.methods.distill.losses import distillation_loss, soft_target_loss
from kdui.methods.distill.teacher_cache import TeacherOutputs, write_outputs
from kdui.objectives import objective_of
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext
from kdui.training.device import autocast
from kdui.training.learning import LENS_FILE, fit, keep, resident
from kdui.training.loop import Batch, LossFunction, predict
from kdui.training.saved import SavedModel
from kdui.training.starting import load_input, start_model

LENS_EXAMPLES = 12


def teacher_outputs(context: StepContext) -> dict[str, Any]:
    """Ask the teacher about every training example in every view; keep its outputs, and some validation answers for the lens."""
    teacher = load_input(context, "teacher")
    teacher.module.to(context.device)
    data = resident(context, "train", teacher.inputs, teacher.folder, context.settings["train_examples"])
    count = context.settings["views"]
    passes: list[int | None] = list(range(count)) if count else [None]
    found = []
    for number, view in enumerate(passes):

        def check(done: float, before: int = number) -> None:
            context.report.progress((before + done) / (len(passes) + 1))

        found.append(predict(teacher.module, data, view=view, check=check))
    outputs = np.stack(found)
    write_outputs(context.out, outputs)
    write_json(context.out / LENS_FILE, example_lens(context, teacher))
    return {"shape": list(outputs.shape), "dtype": "float16"}


def example_lens(context: StepContext, teacher: SavedModel) -> dict[str, Any]:
    """The teacher's logits on some validation examples that it gets right: from the least to the most certain of them."""
    data = resident(context, "validation", teacher.inputs, teacher.folder)
    outputs = predict(teacher.module, data)
    targets = context.data.targets("validation")
    probabilities = np.exp(outputs - outputs.max(-1, keepdims=True))
    probabilities /= probabilities.sum(-1, keepdims=True)
    second = np.sort(probabilities, -1)[:, -2]
    right = np.flatnonzero(outputs.argmax(-1) == targets)
    ranked = right[np.argsort(-second[right], kind="stable")]
    # The upper half by the runner-up's share: there dark knowledge can be seen; the rest is almost one-hot.
    chosen = (
        ranked[np.linspace(0, max(0, len(ranked) // 2 - 1), min(LENS_EXAMPLES, len(ranked))).astype(int)]
        if len(ranked)
        else ranked
    )
    raw = context.data.splits["validation"].inputs
    return {
        "labels": list(context.facts.labels),
        "examples": [
            {
                **shown(context, raw[index]),
                "truth": context.facts.labels[int(targets[index])],
                "logits": [round(float(value), 4) for value in outputs[index]],
            }
            for index in chosen
        ],
    }


def shown(context: StepContext, raw: Any) -> dict[str, Any]:
    """A raw example as the page shows it: text, or the rows of a grey picture."""
    if context.facts.modality == "image":
        return {"text": None, "image": np.asarray(raw)[..., 0].tolist()}
    return {"text": str(raw)[:400], "image": None}


def distill(context: StepContext) -> dict[str, Any]:
    """Train the student on α · soft + (1 − α) · hard."""
    saved = start_model(context, seed=context.settings["seed"])
    losses = soft_and_hard(context, _teacher(context, saved), context.settings["temperature"], context.settings["soft_weight"])
    return keep(context, saved, fit(context, saved, losses, seed=context.settings["seed"]))


def train_control(context: StepContext) -> dict[str, Any]:
    """Train the same student with the same seed, data, steps and schedule on hard labels alone."""
    saved = start_model(context, seed=context.settings["seed"])
    objective = objective_of(context.facts)
    training = fit(
        context,
        saved,
        lambda outputs, batch: {"total": objective.hard_loss(outputs, batch.targets)},
        seed=context.settings["seed"],
    )
    return keep(context, saved, training)


Asks = Callable[[Batch], torch.Tensor]


def _teacher(context: StepContext, student: SavedModel) -> Asks:
    """What the teacher says about a batch: from its cached outputs, or by asking it now."""
    if "outputs" in context.inputs:
        cached = TeacherOutputs(context.inputs["outputs"], context.device)
        return lambda batch: cached(batch.index, batch.view)
    return live_teacher(context, load_input(context, "teacher"))


def live_teacher(context: StepContext, teacher: SavedModel) -> Asks:
    """Ask the teacher in every batch, on the same view of the picture that the student sees."""
    module = teacher.module.to(context.device).eval()
    data = resident(context, "train", teacher.inputs, teacher.folder, context.settings.get("train_examples", 0))
    augment = bool(context.settings.get("augment"))

    def ask(batch: Batch) -> torch.Tensor:
        with torch.no_grad(), autocast(context.device):
            outputs: torch.Tensor = module(**data.inputs(batch.index, batch.view if augment else None))
        return outputs.float()

    return ask


def soft_and_hard(context: StepContext, teacher: Asks, temperature: float, soft_weight: float) -> LossFunction:
    """The named losses of distillation: soft, hard and their weighted sum."""
    objective = objective_of(context.facts)

    def losses(outputs: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
        soft = soft_target_loss(outputs, teacher(batch), temperature)
        hard = objective.hard_loss(outputs, batch.targets)
        return {"total": distillation_loss(soft, hard, soft_weight), "soft": soft, "hard": hard}

    return losses
