"""The recovery of a compressed model: fine-tuning under the teacher's soft targets, with what was cut held where it is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kdui.catalogue.problems import PROBLEMS
from kdui.methods.distill.distill.apply import hard_losses, imitation_losses, smoothed_losses, soft_and_hard
from kdui.training.compressing import Compression
from kdui.training.context import StepContext
from kdui.training.fit import fit, keep
from kdui.training.loop import LossFunction
from kdui.training.saved import SavedModel
from kdui.training.teacher_outputs import cached_rows


def fine_tune(
    context: StepContext,
    saved: SavedModel,
    after_step: Callable[[float], None] | None = None,
    compression: Compression | None = None,
) -> dict[str, Any]:
    """Fine-tune the model, keep its best epoch; returns the artifact's summary.

    ``after_step(progress)`` puts back what the optimizer moved and must not (masks); ``compression`` compresses while it trains.
    """
    if compression is not None:
        compression.begin(saved.module)
    training = fit(
        context,
        saved,
        recovery_losses(context),
        seed=context.settings["seed"],
        after_step=compression.after_step if compression else after_step,
        settled_at=compression.settled_at if compression else 0.0,
    )
    if compression is not None:
        compression.finish()
    return keep(context, saved, training)


def recovery_losses(context: StepContext) -> LossFunction:
    """α · soft + (1 − α) · hard where the step has the teacher's outputs, else the loss against ground-truth labels alone; of
    outputs that are no distributions their match with the teacher's.

    A label-smoothing control reads the outputs only for their entropy.
    """
    if context.settings.get("smoothed"):
        return smoothed_losses(context)[0]
    if "outputs" in context.inputs:
        cached = cached_rows(context)
        if "rows" not in PROBLEMS[context.facts.problem].gives:
            return imitation_losses(context, cached.of_batch)
        return soft_and_hard(context, lambda batch: cached.of_batch(replace(batch, view=0)))
    return hard_losses(context)
