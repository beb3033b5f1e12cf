"""Mean entropy of the teacher targets; sets the label-smoothing control to the same entropy."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from kdui.methods.distill.distill.losses import mean_entropy, mixed_targets, soft_knobs, softened, standardized
from kdui.methods.distill.ensemble.losses import confidence_weights, equal_weights, mixture
from kdui.training.context import StepContext
from kdui.training.fit import visible_labels
from kdui.training.teacher_outputs import TeacherOutputs

SCHEDULE_POINTS = 16


def targets_entropy(context: StepContext) -> float:
    """Mean entropy in nats of the targets α · soft + (1 − α) · hard that the student of the step's controls learned from.

    Over all examples with a label, over the views, and, where T or α follow a schedule, over the training. Several teachers count
    as they did for the student; those of a gate alike, because what the gate learns is not known before.
    """
    names = sorted((name for name in context.inputs if name.startswith("outputs")), key=lambda name: int(name[8:] or 0))
    teachers = [TeacherOutputs(context.inputs[name], context.device) for name in names]  # a control's own start is another model
    visible = visible_labels(context)  # what is hidden from the student is hidden from its control
    index = torch.from_numpy(visible.drawn)
    labels = torch.from_numpy(visible.targets[visible.drawn]).to(context.device)
    entropies = []
    for view in range(teachers[0].views):
        logits = torch.stack([teacher(index, view) for teacher in teachers])
        alone = bool(view and context.settings.get("changed_views"))  # a changed example has no label but the teacher's
        entropies += [_entropy(logits, labels, *values, context.settings, alone) for values in values_over(context.settings)]
    return sum(entropies) / len(entropies)


def values_over(settings: Mapping[str, Any]) -> list[tuple[float, float]]:
    """(temperature, soft weight) at moments spread evenly over the training; once where both stay."""
    points = SCHEDULE_POINTS if any(f"{knob}_schedule" in settings for knob in ("temperature", "soft_weight")) else 1
    moments = [(number + 0.5) / points for number in range(points)]
    return [soft_knobs(settings, moment) for moment in moments]


def _entropy(
    logits: torch.Tensor, labels: torch.Tensor, temperature: float, soft_weight: float, settings: Mapping[str, Any], alone: bool
) -> float:
    """For teachers' logits [teachers, n, classes] and labels [n]."""
    if settings.get("standardize"):
        logits = standardized(logits)
    hard = functional.one_hot(labels, logits.shape[-1])
    weight = 1.0 if alone else soft_weight
    weighting = settings.get("weighting")
    if weighting == "random":  # an example is taught by one of them at a time
        return sum(mean_entropy(mixed_targets(softened(each, temperature), hard, weight)) for each in logits) / len(logits)
    weights = confidence_weights(logits, labels) if weighting == "confidence" else equal_weights(logits)
    return mean_entropy(mixed_targets(mixture(logits, weights, temperature).exp(), hard, weight))
