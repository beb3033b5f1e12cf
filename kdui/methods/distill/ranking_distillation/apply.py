"""Ranking distillation: trains the student."""

from typing import Any

import torch

from kdui.core.rows import RowBatch, RowLosses, TopLogits
from kdui.methods.distill.distill.losses import distillation_loss
from kdui.methods.distill.distill.top_logits import dense
from kdui.methods.distill.ranking_distillation.losses import first_of, ranking_loss
from kdui.problems import problem_of
from kdui.problems.row_losses import cross_entropy
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def rank(context: StepContext) -> dict[str, Any]:
    """Train on α · ranking + (1 − α) · hard."""
    teacher, settings, problem = teacher_of(context), context.settings, problem_of(context.facts)
    shape = {name: settings[name] for name in ("sharpness", "discrepancy", "likelihood")}

    def of_rows(rows: RowBatch, theirs: torch.Tensor | TopLogits) -> RowLosses:
        first = first_of(dense(theirs), rows.target, settings["top"])
        return {
            "ranking": ranking_loss(rows.logits, first, **shape, weight=rows.weight),
            "hard": cross_entropy(rows.logits, rows.target, rows.weight),
        }

    def losses(outputs: Any, batch: Batch) -> Losses:
        terms = problem.rows(outputs, batch.targets).mean(of_rows, teacher(batch))
        return {"total": distillation_loss(terms["ranking"], terms["hard"], settings["soft_weight"]), **terms}

    return train_student(context, lambda student: losses)
