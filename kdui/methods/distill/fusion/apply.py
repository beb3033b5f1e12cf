"""Fusion: train the student together with its teacher, which keeps learning or stays frozen."""

from typing import Any

import torch
from torch import nn

from kdui.core.rows import RowBatch, RowLosses
from kdui.methods.distill.distill.apply import soft_and_hard
from kdui.methods.distill.distill.losses import distillation_loss, soft_knobs, soft_target_loss
from kdui.methods.distill.fusion.losses import fused_loss
from kdui.methods.distill.fusion.own_tasks import own_task
from kdui.problems import problem_of
from kdui.problems.row_losses import cross_entropy
from kdui.training.context import StepContext
from kdui.training.fit import resident
from kdui.training.initial_weights import load_input
from kdui.training.loop import Batch, Losses
from kdui.training.predicting import predict
from kdui.training.saved import SavedModel
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def fusion(context: StepContext) -> dict[str, Any]:
    """Train on λ · teacher's own loss + (1 − λ) · (α · soft + (1 − α) · hard); the student is the result."""
    settings = context.settings
    if not settings["teacher_learns"]:
        losses = soft_and_hard(context, teacher_of(context))
        return train_student(context, lambda student: losses)
    teacher = load_input(context, "teacher")
    together = Together(context, teacher)
    before = _validated(context, teacher)
    summary = train_student(
        context, lambda student: together, companion=together.trained, companion_rate=settings["teacher_rate"]
    )
    after = _validated(context, teacher)
    context.report.log(f"The teacher had {before:.2f} on validation data before this stage and has {after:.2f} after it.")
    return {**summary, "teacher_before": before, "teacher_after": after}


class Together:
    """The losses of both on one batch. ``trained`` is what learns beside the student."""

    def __init__(self, context: StepContext, teacher: SavedModel):
        self._settings, self._problem = context.settings, problem_of(context.facts)
        self._teacher = teacher.module
        self._data = resident(context, "train", teacher.inputs, teacher.folder, context.settings["train_examples"])
        self._task = None
        self.trained = nn.ModuleDict({"teacher": teacher.module})
        if context.settings["own_loss"] != "supervised":
            self._task = self.trained["task"] = own_task(teacher, context.facts, context.settings["seed"])

    def __call__(self, outputs: Any, batch: Batch) -> Losses:
        """total, soft, hard, and the teacher's own loss, of which no gradient reaches the other model."""
        settings = self._settings
        inputs = self._data.inputs(batch.index, batch.view if settings["augment"] else None)
        theirs = self._problem.compute(self._teacher, inputs)
        temperature, soft_weight = soft_knobs(settings, batch.progress)

        def of_rows(rows: RowBatch, theirs: torch.Tensor) -> RowLosses:
            soft = soft_target_loss(rows.logits, theirs.detach(), temperature, weight=rows.weight)
            return {"soft": soft, "hard": cross_entropy(rows.logits, rows.target, rows.weight)}

        terms = self._problem.rows(outputs, batch.targets).mean(of_rows, self._problem.rows(theirs, batch.targets))
        parts = [] if settings["own_loss"] == "self-supervised" else [self._problem.loss(theirs, batch.targets)]
        if self._task is not None:
            parts.append(self._task(self._teacher, inputs))
        own = torch.stack(parts).mean()
        total = fused_loss(own, distillation_loss(terms["soft"], terms["hard"], soft_weight), settings["balance"])
        return {"total": total, **terms, "teacher": own}


def _validated(context: StepContext, teacher: SavedModel) -> float:
    """The headline of the teacher on validation data, in the metric's unit."""
    module = teacher.module.to(context.device)
    data = resident(context, "validation", teacher.inputs, teacher.folder)
    problem = problem_of(context.facts)
    return problem.headline(predict(module, data, problem=problem), context.data.targets("validation"))
