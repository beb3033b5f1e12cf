"""Distilling while pruning: soft and hard loss, and fewer weights after every few updates."""

from typing import Any

from kdui.methods.distill.apply import soft_and_hard
from kdui.training.compressing import GradualPruning
from kdui.training.context import StepContext
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def distill_sparse(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard along a cubic course of sparsity; epochs before its end are not kept."""
    settings = context.settings
    losses = soft_and_hard(context, teacher_of(context), settings["temperature"], settings["soft_weight"])
    pruning = GradualPruning(settings["sparsity"], settings["settled_at"])
    return train_student(context, lambda student: losses, compression=pruning)
