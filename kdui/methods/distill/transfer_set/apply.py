"""Transfer set: train on augmented examples labelled by the teacher, and on the originals with their labels."""

from typing import Any

import torch

from kdui.core.rows import RowBatch, RowLosses
from kdui.methods.distill.distill.losses import soft_knobs
from kdui.methods.distill.transfer_set.losses import transfer_losses
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.fit import visible_labels
from kdui.training.labels import HIDDEN
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def transfer_set(context: StepContext) -> dict[str, Any]:
    """Train on every view; ground-truth labels count in the first one alone, where shown. The teacher labels all others."""
    teacher, settings, problem = teacher_of(context), context.settings, problem_of(context.facts)

    def losses(outputs: Any, batch: Batch) -> Losses:
        def of_rows(rows: RowBatch, theirs: torch.Tensor) -> RowLosses:
            labelled = (rows.target != HIDDEN) & (batch.view == 0)
            soft, hard = transfer_losses(rows.logits, theirs, rows.target, labelled, *soft_knobs(settings, batch.progress))
            return {"soft": soft, "hard": hard}

        terms = problem.rows(outputs, batch.targets).mean(of_rows, teacher(batch))
        return {"total": terms["soft"] + terms["hard"], **terms}

    return train_student(context, lambda student: losses, labels=visible_labels(context, draw_all=True))
