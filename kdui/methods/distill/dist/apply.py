"""DIST: correlation of the student's predictions with the teacher's."""

from typing import Any

import torch

from kdui.methods.distill.dist.losses import correlation_losses
from kdui.methods.distill.distill.losses import distillation_loss, soft_knobs
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def correlate(context: StepContext) -> dict[str, Any]:
    """Train on α · (b · inter + c · intra) + (1 − α) · hard."""
    teacher, settings, problem = teacher_of(context), context.settings, problem_of(context.facts)

    def losses(outputs: torch.Tensor, batch: Batch) -> Losses:
        temperature, soft_weight = soft_knobs(settings, batch.progress)
        inter, intra = correlation_losses(outputs, teacher(batch), temperature)
        hard = problem.hard_loss(outputs, batch.targets)
        soft = settings["inter_weight"] * inter + settings["intra_weight"] * intra
        return {"total": distillation_loss(soft, hard, soft_weight), "inter": inter, "intra": intra, "hard": hard}

    return train_student(context, lambda student: losses)
