"""Distill: the student under the teacher's soft targets, the controls, and what all methods keep of a teacher."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from kdui.catalogue.problems import PROBLEMS
from kdui.core.rows import RowBatch, RowLosses
from kdui.methods.distill.distill.kept_rows import keep_teacher_rows
from kdui.methods.distill.distill.losses import (
    distillation_loss,
    smoothing_of_equal_entropy,
    soft_knobs,
    soft_target_loss,
    standardized,
)
from kdui.methods.distill.distill.spec import SKEW
from kdui.methods.distill.distill.target_entropy import targets_entropy
from kdui.methods.distill.distill.top_logits import dense
from kdui.modalities import modality_of
from kdui.problems import problem_of
from kdui.problems.row_losses import cross_entropy
from kdui.problems.softmax import softmax
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext
from kdui.training.data_losses import ADVERSARY_RATE, data_losses
from kdui.training.fit import LENS_FILE, resident
from kdui.training.loop import Batch, Losses, LossFunction
from kdui.training.matching import keep_teacher_features
from kdui.training.student import train_student
from kdui.training.teacher_outputs import OutputsWriter
from kdui.training.teachers import TeacherRows, WholeTeacher, teacher_of

LENS_EXAMPLES = 12


def teacher_outputs(context: StepContext) -> dict[str, Any]:
    """Run the teacher on every training example in every view; keep its outputs, and some validation predictions for the lens."""
    if problem_of(context.facts).ragged:
        return keep_teacher_rows(context)
    teacher, problem = WholeTeacher(context), problem_of(context.facts)
    data = resident(context, "train", teacher.inputs, teacher.folder, context.settings["train_examples"])
    count = context.settings["views"]
    passes: list[int | None] = list(range(count)) if count else [None]
    writer, done = OutputsWriter(context.out, len(passes), len(data)), 0
    for number, view in enumerate(passes):

        def keep(index: np.ndarray, rows: np.ndarray, number: int = number) -> None:
            nonlocal done
            writer.write(number, index, problem.taught(rows))
            done += len(index)
            context.report.progress(done / (len(data) * (len(passes) + 1)))

        teacher.each(data, keep, view)
    shape = writer.close()
    write_json(context.out / LENS_FILE, example_lens(context, teacher))
    drawn = {} if problem.rows_seed is None else {"rows_seed": problem.rows_seed}
    return {"shape": list(shape), "dtype": "float16", **drawn}


def teacher_features(context: StepContext) -> dict[str, Any]:
    """Keep the teacher's intermediate features over the training data (see ``training.matching``)."""
    return keep_teacher_features(context)


def example_lens(context: StepContext, teacher: WholeTeacher) -> dict[str, Any]:
    """The teacher's logits on some validation examples that it gets right: from the least to the most certain of them.

    None for a problem whose examples have no single label.
    """
    targets = context.data.targets("validation")
    if "classes" not in PROBLEMS[context.facts.problem].gives:
        return {"labels": [], "examples": []}
    data = resident(context, "validation", teacher.inputs, teacher.folder)
    outputs = teacher(data)
    second = np.sort(softmax(outputs), -1)[:, -2]
    right = np.flatnonzero(outputs.argmax(-1) == targets)
    ranked = right[np.argsort(-second[right], kind="stable")]
    # The upper half by the runner-up's share: there dark knowledge can be seen; the rest is almost one-hot.
    chosen = (
        ranked[np.linspace(0, max(0, len(ranked) // 2 - 1), min(LENS_EXAMPLES, len(ranked))).astype(int)]
        if len(ranked)
        else ranked
    )
    raw = context.data.splits["validation"].inputs
    return {
        "labels": list(context.facts.labels),
        "examples": [
            {
                **shown(context, raw[index]),
                "truth": context.facts.answer.truth(targets[index]),
                "logits": [round(float(value), 4) for value in outputs[index]],
            }
            for index in chosen
        ],
    }


def shown(context: StepContext, raw: Any) -> dict[str, Any]:
    """A raw example as the page shows it: text, or the rows of a grey image."""
    example = modality_of(context.facts.modality).shown(raw)
    return {**example, "text": example["text"] and example["text"][:400]}


def distill(context: StepContext) -> dict[str, Any]:
    """Train the student on α · soft + (1 − α) · hard, where α and T may follow a schedule."""
    losses = soft_and_hard(context, teacher_of(context), context.settings["divergence"], context.settings["standardize"])
    return train_student(context, lambda student: losses)


def train_control(context: StepContext) -> dict[str, Any]:
    """Train the same student with the same seed, data, steps and schedule on hard labels alone."""
    losses, companion = data_losses(context)
    return train_student(context, lambda student: losses, companion, companion_rate=ADVERSARY_RATE)


def train_smoothed(context: StepContext) -> dict[str, Any]:
    """Train the same student with label smoothing at the entropy of the teacher's targets α · soft + (1 − α) · hard."""
    losses, smoothing = smoothed_losses(context)
    return {**train_student(context, lambda student: losses), "smoothing": smoothing}


def hard_losses(context: StepContext) -> LossFunction:
    """The loss against ground-truth labels alone."""
    problem = problem_of(context.facts)
    return lambda outputs, batch: {"total": problem.loss(outputs, batch.targets)}


def imitation_losses(context: StepContext, teacher: TeacherRows) -> LossFunction:
    """Named losses against the teacher's outputs alone, where these are no distributions (see ``Problem.matched``)."""
    problem = problem_of(context.facts)

    def losses(outputs: Any, batch: Batch) -> Losses:
        terms = problem.matched(outputs, teacher(batch))
        return {"total": torch.stack([*terms.values()]).sum(), **terms}

    return losses


def smoothed_losses(context: StepContext) -> tuple[LossFunction, float]:
    """The loss against smoothed labels, and ε, for which they are as soft as the student's targets were on average."""
    problem, smoothing = problem_of(context.facts), smoothing_of_equal_entropy(targets_entropy(context), context.facts.outputs)
    context.report.log(f"Label smoothing of {smoothing:.4f}: as soft as the teacher's targets on average.")

    def of_rows(rows: RowBatch) -> RowLosses:
        return {"total": functional.cross_entropy(rows.logits.float(), rows.target, label_smoothing=smoothing)}

    def losses(outputs: Any, batch: Batch) -> Losses:
        return problem.rows(outputs, batch.targets).mean(of_rows)

    return losses, smoothing


def soft_and_hard(
    context: StepContext, teacher: TeacherRows, divergence: str = "forward", standardize: bool = False
) -> LossFunction:
    """Named losses: soft, hard and their sum by the step's temperature and soft weight, or by their schedules."""
    problem = problem_of(context.facts)

    def losses(outputs: Any, batch: Batch) -> Losses:
        temperature, soft_weight = soft_knobs(context.settings, batch.progress)

        def of_rows(rows: RowBatch, theirs: Any) -> RowLosses:
            ours = rows.logits
            if standardize:
                ours, theirs = standardized(ours), standardized(dense(theirs))
            soft = soft_target_loss(ours, theirs, temperature, divergence, rows.weight, context.settings.get("skew", SKEW))
            return {"soft": soft} | ({"hard": cross_entropy(rows.logits, rows.target, rows.weight)} if problem.row_truths else {})

        terms = problem.rows(outputs, batch.targets).mean(of_rows, teacher(batch))
        if not problem.row_truths:
            terms["hard"] = problem.loss(outputs, batch.targets)
        return {"total": distillation_loss(terms["soft"], terms["hard"], soft_weight), **terms}

    return losses
