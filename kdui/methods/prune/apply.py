"""Prune: cut, then recover under the teacher's soft targets with what was cut held at zero."""

from typing import Any

from kdui.methods.distill.apply import soft_and_hard
from kdui.methods.prune.structured import prune_channels
from kdui.objectives import objective_of
from kdui.training.context import StepContext
from kdui.training.learning import fit, keep, resident
from kdui.training.loop import LossFunction
from kdui.training.masks import apply_masks, magnitude_masks, random_masks
from kdui.training.starting import load_input
from kdui.training.teacher_outputs import TeacherOutputs
from kdui.training.weights import prunable_weights


def prune(context: StepContext) -> dict[str, Any]:
    """The pruned and recovered model. ``nonzero`` in its summary counts what is left."""
    settings = context.settings
    saved = load_input(context, "model")
    after_step = None
    if settings["kind"] == "structured":
        sample = resident(context, "validation", saved.inputs, saved.folder)
        example = {name: tensor.to("cpu") for name, tensor in sample.inputs(next(sample.in_order(2))).items()}
        prune_channels(saved, example, context.facts.outputs, settings["sparsity"])
    else:
        weights = prunable_weights(saved.module)
        if settings["kind"] == "magnitude":
            masks = magnitude_masks(weights, settings["sparsity"])
        else:
            masks = random_masks(weights, settings["sparsity"], settings["seed"])
        apply_masks(weights, masks)

        def after_step(progress: float) -> None:
            apply_masks(prunable_weights(saved.module), masks)

    training = fit(context, saved, _recovery_losses(context), seed=settings["seed"], after_step=after_step)
    return keep(context, saved, training)


def _recovery_losses(context: StepContext) -> LossFunction:
    if "outputs" in context.inputs:
        cached = TeacherOutputs(context.inputs["outputs"], context.device)
        return soft_and_hard(
            context, lambda batch: cached(batch.index, 0), context.settings["temperature"], context.settings["soft_weight"]
        )
    objective = objective_of(context.facts)
    return lambda outputs, batch: {"total": objective.hard_loss(outputs, batch.targets)}
