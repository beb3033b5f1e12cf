"""Decoupled distillation: the student under the two parts of the soft-target loss."""

from typing import Any

import torch

from kdui.core.rows import RowBatch, RowLosses, TopLogits
from kdui.methods.distill.distill.losses import distillation_loss, soft_knobs
from kdui.methods.distill.distill.top_logits import dense
from kdui.methods.distill.dkd.losses import decoupled_losses
from kdui.problems import problem_of
from kdui.problems.row_losses import cross_entropy
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def decoupled(context: StepContext) -> dict[str, Any]:
    """Train on α · (a · target + b · non-target) + (1 − α) · hard."""
    teacher, settings, problem = teacher_of(context), context.settings, problem_of(context.facts)

    def losses(outputs: Any, batch: Batch) -> Losses:
        temperature, soft_weight = soft_knobs(settings, batch.progress)

        def of_rows(rows: RowBatch, theirs: torch.Tensor | TopLogits) -> RowLosses:
            target, others = decoupled_losses(rows.logits, dense(theirs), rows.target, temperature, rows.weight)
            return {"target": target, "others": others, "hard": cross_entropy(rows.logits, rows.target, rows.weight)}

        terms = problem.rows(outputs, batch.targets).mean(of_rows, teacher(batch))
        soft = settings["target_weight"] * terms["target"] + settings["others_weight"] * terms["others"]
        return {"total": distillation_loss(soft, terms["hard"], soft_weight), **terms}

    return train_student(context, lambda student: losses)
