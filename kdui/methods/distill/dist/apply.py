"""DIST: correlation of the student's predictions with the teacher's."""

from typing import Any

import torch

from kdui.methods.distill.dist.losses import correlation_losses
from kdui.methods.distill.distill.losses import distillation_loss, soft_knobs
from kdui.core.rows import RowBatch, RowLosses
from kdui.problems import problem_of
from kdui.problems.row_losses import cross_entropy
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def correlate(context: StepContext) -> dict[str, Any]:
    """Train on α · (b · inter + c · intra) + (1 − α) · hard."""
    teacher, settings, problem = teacher_of(context), context.settings, problem_of(context.facts)

    def losses(outputs: Any, batch: Batch) -> Losses:
        temperature, soft_weight = soft_knobs(settings, batch.progress)

        def of_rows(rows: RowBatch, theirs: torch.Tensor) -> RowLosses:
            inter, intra = correlation_losses(rows.logits, theirs, temperature)
            return {"inter": inter, "intra": intra, "hard": cross_entropy(rows.logits, rows.target, rows.weight)}

        terms = problem.rows(outputs, batch.targets).mean(of_rows, teacher(batch))
        soft = settings["inter_weight"] * terms["inter"] + settings["intra_weight"] * terms["intra"]
        return {"total": distillation_loss(soft, terms["hard"], soft_weight), **terms}

    return train_student(context, lambda student: losses)
