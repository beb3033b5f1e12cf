"""Distilling while compressing: soft and hard loss, fewer weights after every few updates, and few bits where requested."""

from typing import Any

from kdui.methods.compress.prune.packing import packed_zeros
from kdui.methods.compress.qat.apply import keep_low_bits, low_bit_training
from kdui.methods.distill.distill.apply import hard_losses, smoothed_losses, soft_and_hard
from kdui.training.compressing import GradualPruning
from kdui.training.compression_chain import Composed
from kdui.training.context import StepContext
from kdui.training.loop import LossFunction
from kdui.training.saved import SavedModel
from kdui.training.student import train_student
from kdui.training.teachers import teacher_of


def distill_sparse(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard with a cubic sparsity schedule; epochs before its end are not kept."""
    return _compressed(context, soft_and_hard(context, teacher_of(context)))


def train_control(context: StepContext) -> dict[str, Any]:
    """The same student, compressed by the same schedule, on hard labels alone."""
    return _compressed(context, hard_losses(context))


def train_smoothed(context: StepContext) -> dict[str, Any]:
    """The same student, compressed by the same schedule, on labels as soft as the teacher's targets."""
    losses, smoothing = smoothed_losses(context)
    return {**_compressed(context, losses), "smoothing": smoothing}


def _compressed(context: StepContext, losses: LossFunction) -> dict[str, Any]:
    pruning = GradualPruning(context.settings["sparsity"], context.settings["settled_at"])
    held: list[SavedModel] = []

    def started(student: SavedModel) -> LossFunction:
        held.append(student)
        return losses

    if not context.settings.get("weight_bits"):
        summary = train_student(context, started, compression=pruning)
        return {**summary, **packed_zeros(held[0].module, context.out)}
    rounding = low_bit_training(context)
    summary = train_student(context, started, compression=Composed(rounding, pruning))
    return {**summary, **keep_low_bits(context, held[0], rounding)}
