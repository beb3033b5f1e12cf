"""Box distillation: trains the student.

The paper weighs object against background and counts a teacher's box only where the student's is worse than it. Here the
problem's rows have such weights, and a teacher's box counts as the teacher is sure of an object, also where the data have none.
"""

from typing import Any

import torch

from kdui.core.rows import RowBatch, RowLosses
from kdui.methods.distill.distill.losses import distillation_loss, soft_knobs, soft_target_loss
from kdui.problems import problem_of
from kdui.problems.row_losses import cross_entropy
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def distill_boxes(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + γ · the loss against the teacher's boxes; the loop adds that against true boxes."""
    teacher, settings, problem = teacher_of(context), context.settings, problem_of(context.facts)

    def losses(outputs: Any, batch: Batch) -> Losses:
        temperature, soft_weight = soft_knobs(settings, batch.progress)
        theirs = teacher(batch)

        def of_rows(rows: RowBatch, logits: torch.Tensor) -> RowLosses:
            return {
                "soft": soft_target_loss(rows.logits, logits, temperature, weight=rows.weight),
                "hard": cross_entropy(rows.logits, rows.target, rows.weight),
            }

        terms = problem.rows(outputs, batch.targets).mean(of_rows, theirs)
        matched = problem.matched(outputs, theirs)
        total = distillation_loss(terms["soft"], terms["hard"], soft_weight)
        return {"total": total + settings["box_weight"] * torch.stack([*matched.values()]).sum(), **terms, **matched}

    return train_student(context, lambda student: losses)
