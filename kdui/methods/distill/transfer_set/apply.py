"""Transfer set: train on augmented examples labelled by the teacher, and on the originals with their labels."""

from typing import Any

import torch

from kdui.methods.distill.distill.losses import soft_knobs
from kdui.methods.distill.transfer_set.losses import transfer_losses
from kdui.training.context import StepContext
from kdui.training.fit import visible_labels
from kdui.training.labels import HIDDEN
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def transfer_set(context: StepContext) -> dict[str, Any]:
    """Train on every view; ground-truth labels count in the first one alone, where shown. The teacher labels all others."""
    teacher, settings = teacher_of(context), context.settings

    def losses(outputs: torch.Tensor, batch: Batch) -> Losses:
        known = (batch.targets != HIDDEN) & (batch.view == 0)
        soft, hard = transfer_losses(outputs, teacher(batch), batch.targets, known, *soft_knobs(settings, batch.progress))
        return {"total": soft + hard, "soft": soft, "hard": hard}

    return train_student(context, lambda student: losses, labels=visible_labels(context, draw_all=True))
