"""Prune: cut, then recover under the teacher's soft targets with what was cut held at zero."""

from typing import Any

from kdui.methods.prune.structured import prune_channels
from kdui.methods.recovering import recover
from kdui.training.context import StepContext
from kdui.training.learning import resident
from kdui.training.masks import apply_masks, magnitude_masks, random_masks
from kdui.training.starting import load_input
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

    return recover(context, saved, after_step)
