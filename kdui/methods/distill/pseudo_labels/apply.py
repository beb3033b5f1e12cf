"""Pseudo-labels: which of the teacher's labels are taken, and a training on them beside the true ones."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from kdui.methods.distill.pseudo_labels.losses import labelled_and_pseudo, pseudo_targets, sure_examples
from kdui.training.context import StepContext
from kdui.training.fit import visible_labels
from kdui.training.labels import HIDDEN, Labels
from kdui.training.loop import Batch, Losses
from kdui.training.student import train_student
from kdui.training.teacher_answers import teacher_answers


def pseudo_labels(context: StepContext) -> dict[str, Any]:
    """Train on the ground-truth labels that are shown and on the teacher's sure ones.

    Hidden labels serve for one thing: to say how many of the labels that were taken are right.
    """
    settings, shown = context.settings, visible_labels(context)
    answers = teacher_answers(context)
    pseudo = torch.from_numpy(shown.targets == HIDDEN)
    taken = (pseudo & sure_examples(answers, settings["threshold"])).numpy()
    figures = _label_figures(context, answers, int(pseudo.sum()), taken)
    true = functional.one_hot(torch.from_numpy(shown.targets).clamp(min=0), answers.shape[-1]).to(answers.dtype)
    targets = torch.where(pseudo[:, None], pseudo_targets(answers, settings["kind"]), true).to(context.device)
    pseudo = pseudo.to(context.device)

    def losses(outputs: torch.Tensor, batch: Batch) -> Losses:
        index = batch.index.to(context.device)
        of_true, of_pseudo = labelled_and_pseudo(outputs, targets[index], pseudo[index], settings["pseudo_weight"])
        return {"total": of_true + of_pseudo, "true": of_true, "pseudo": of_pseudo}

    drawn = np.union1d(shown.drawn, np.flatnonzero(taken))
    summary = train_student(context, lambda student: losses, labels=Labels(shown.targets, drawn))
    return {**summary, "pseudo_labels": figures}


def _label_figures(context: StepContext, answers: torch.Tensor, unlabelled: int, taken: np.ndarray) -> dict[str, Any]:
    """Say how many pseudo-labels are taken and how many of these are right."""
    chosen = answers.argmax(-1).numpy()[taken]
    count, right = len(chosen), int((chosen == context.data.targets("train")[: len(taken)][taken]).sum())
    threshold = context.settings["threshold"]
    if count:
        context.report.log(
            f"Of {unlabelled:,} unlabelled examples the teacher is confident on {count:,} (threshold {threshold:g}); "
            f"{100 * right / count:.1f} % of these labels are right."
        )
    else:
        context.report.log(
            f"The teacher is confident on none of {unlabelled:,} unlabelled examples (threshold {threshold:g}): the student "
            "trains on the true labels alone. Lower the threshold, or train the teacher longer."
        )
    teacher = context.inputs["teacher"].manifest
    if teacher.operation == "teach" and teacher.settings.get("labels", 1.0) > context.settings["labels"]:
        context.report.log(
            "The teacher was taught with more labels than the student sees: give stage 'teach' the same 'labels' to "
            "measure what pseudo-labels bring where there are no more."
        )
    return {"unlabelled": unlabelled, "taken": count, "right": right}
