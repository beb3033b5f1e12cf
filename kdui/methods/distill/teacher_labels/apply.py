"""Hard teacher labels: plain training on the teacher's predictions instead of the data's labels."""

from typing import Any

import numpy as np

from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.labels import Labels
from kdui.training.student import train_student
from kdui.training.teacher_answers import teacher_answers
from kdui.training.teacher_outputs import answered


def teacher_labels(context: StepContext) -> dict[str, Any]:
    """Train on the teacher's first choice for every training example. True labels serve to say how many of them are right."""
    problem = problem_of(context.facts)
    labels = teacher_answers(context).argmax(-1).numpy()
    known = answered(context)
    judged = np.arange(len(labels)) if known is None else known[known < len(labels)]
    right = float((labels == context.data.targets("train")[: len(labels)])[judged].mean())
    context.report.log(f"The teacher's labels of {len(judged):,} training examples are right in {100 * right:.1f} % of cases.")
    summary = train_student(
        context,
        lambda student: lambda outputs, batch: {"total": problem.loss(outputs, batch.targets)},
        labels=Labels(labels, np.arange(len(labels))),
    )
    return {**summary, "teacher_labels": {"examples": len(judged), "right": right}}
