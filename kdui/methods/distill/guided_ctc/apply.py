"""Guided CTC: trains the student."""

from typing import Any

import torch

from kdui.core.rows import RowBatch, RowLosses, TopLogits
from kdui.methods.distill.distill.losses import soft_target_loss
from kdui.methods.distill.distill.top_logits import dense
from kdui.methods.distill.guided_ctc.losses import guide_loss
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def guided(context: StepContext) -> dict[str, Any]:
    """Train on hard + weight · guide, and weight · soft where it is wanted; ``hard`` is the CTC loss."""
    teacher, settings, problem = teacher_of(context), context.settings, problem_of(context.facts)

    def of_rows(rows: RowBatch, theirs: torch.Tensor | TopLogits) -> RowLosses:
        terms = {"guide": guide_loss(rows.logits, dense(theirs))}
        if settings["soft_weight"]:
            terms["soft"] = soft_target_loss(rows.logits, dense(theirs), 1.0)
        return terms

    def losses(outputs: Any, batch: Batch) -> Losses:
        terms = problem.rows(outputs, batch.targets).mean(of_rows, teacher(batch))
        weighted = [settings[f"{name}_weight"] * term for name, term in terms.items()]
        hard = problem.loss(outputs, batch.targets)
        return {"total": torch.stack([hard, *weighted]).sum(), "hard": hard, **terms}

    return train_student(context, lambda student: losses)
