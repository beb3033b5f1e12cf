"""Decoupled distillation: the student under the two parts of the soft-target loss."""

from typing import Any

import torch

from kdui.methods.distill.distill.losses import distillation_loss, soft_knobs
from kdui.methods.distill.dkd.losses import decoupled_losses
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def decoupled(context: StepContext) -> dict[str, Any]:
    """Train on α · (a · target + b · non-target) + (1 − α) · hard."""
    teacher, settings, problem = teacher_of(context), context.settings, problem_of(context.facts)

    def losses(outputs: torch.Tensor, batch: Batch) -> Losses:
        temperature, soft_weight = soft_knobs(settings, batch.progress)
        target, others = decoupled_losses(outputs, teacher(batch), batch.targets, temperature)
        hard = problem.hard_loss(outputs, batch.targets)
        soft = settings["target_weight"] * target + settings["others_weight"] * others
        total = distillation_loss(soft, hard, soft_weight)
        return {"total": total, "target": target, "others": others, "hard": hard}

    return train_student(context, lambda student: losses)
