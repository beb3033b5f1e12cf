"""Ensemble: the student under the weighted predictions of several teachers, all from their caches."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.core.rows import RowBatch, RowLosses
from kdui.methods.distill.distill.losses import distillation_loss, soft_knobs
from kdui.methods.distill.ensemble.losses import (
    Gate,
    confidence_weights,
    drawn_weights,
    ensemble_loss,
    equal_weights,
    gate_loss,
)
from kdui.problems import problem_of
from kdui.problems.row_losses import cross_entropy
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teacher_outputs import TeacherOutputs, cached_outputs

Weights = Callable[[torch.Tensor, RowBatch, Batch], torch.Tensor]


def ensemble(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard, the soft targets being those of all teachers together."""
    settings, problem = context.settings, problem_of(context.facts)
    teachers = _cached_teachers(context)
    gate = Gate(len(teachers), context.facts.outputs) if settings["weighting"] == "gate" else None
    weigh = _weighting(context, len(teachers), teachers[0].count, gate)
    sums = torch.zeros(len(teachers), dtype=torch.float64)

    def losses(outputs: Any, batch: Batch) -> Losses:
        temperature, soft_weight = soft_knobs(settings, batch.progress)

        def of_rows(rows: RowBatch, *logits: torch.Tensor) -> RowLosses:
            theirs = torch.stack(logits)
            weights = weigh(theirs, rows, batch)
            sums.add_(weights.detach().double().sum(0).cpu())
            terms = {
                "soft": ensemble_loss(rows.logits, theirs, weights.detach(), temperature),
                "hard": cross_entropy(rows.logits, rows.target, rows.weight),
            }
            return terms if gate is None else {**terms, "gate": gate_loss(theirs, weights, rows.target)}

        terms = problem.rows(outputs, batch.targets).mean(of_rows, *(teacher.of_batch(batch) for teacher in teachers))
        total = distillation_loss(terms["soft"], terms["hard"], soft_weight)
        return {"total": total + terms["gate"] if "gate" in terms else total, **terms}

    summary = train_student(context, lambda student: losses, companion=gate)
    shares = [round(float(value), 4) for value in sums / sums.sum().clamp(min=1e-12)]
    context.report.log("Mean weights of the teachers: " + ", ".join(f"{share:.3f}" for share in shares) + ".")
    return {**summary, "teacher_weights": shares}


def _cached_teachers(context: StepContext) -> list[TeacherOutputs]:
    """The teachers' caches, the recipe's own first; raises StageFailed where one belongs to another task."""
    names = ["outputs", *sorted((name for name in context.inputs if name.startswith("outputs_")), key=lambda name: int(name[8:]))]
    teachers = [cached_outputs(context), *(TeacherOutputs(context.inputs[name], context.device) for name in names[1:])]
    for number, teacher in enumerate(teachers, 1):
        if teacher.classes != context.facts.outputs or teacher.count != teachers[0].count:
            raise StageFailed(
                f"Teacher {number} gave {teacher.classes} values on {teacher.count:,} examples, but {context.facts.title} has "
                f"{context.facts.outputs} labels and teacher 1 predicted {teachers[0].count:,}. Name teachers of this very task."
            )
    return teachers


def _weighting(context: StepContext, teachers: int, examples: int, gate: nn.Module | None) -> Weights:
    """How the teachers' logits [teachers, m, choices] on a batch become weights [m, teachers]."""
    if gate is not None:
        return lambda theirs, rows, batch: gate(theirs)
    if context.settings["weighting"] == "confidence":
        return lambda theirs, rows, batch: confidence_weights(theirs, rows.target)
    if context.settings["weighting"] == "random":
        lots = Lots(teachers, examples, context.settings["seed"], context.settings["epochs"])
        return lambda theirs, rows, batch: drawn_weights(_of_rows(lots(batch), rows).to(theirs.device), teachers)
    return lambda theirs, rows, batch: equal_weights(theirs)


def _of_rows(drawn: torch.Tensor, rows: RowBatch) -> torch.Tensor:
    """What was drawn for each example [batch], for each row [m]."""
    return drawn if rows.example is None else drawn[rows.example.cpu()]


class Lots:
    """The teacher drawn for each example: again in every epoch, decided by seed and epoch alone, so a resume draws the same."""

    def __init__(self, teachers: int, examples: int, seed: int, epochs: int):
        self._teachers, self._examples, self._seed, self._epochs = teachers, examples, seed, epochs
        self._epoch, self._drawn = -1, torch.zeros(0, dtype=torch.int64)

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Numbers of teachers [batch]."""
        epoch = int(batch.progress * self._epochs + 1e-6)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed((self._seed * 1_000_003 + 7919 * (epoch + 1)) % 2**63)
            self._epoch, self._drawn = epoch, torch.randint(self._teachers, (self._examples,), generator=generator)
        return self._drawn[batch.index.cpu()]
