"""Training a student under any losses: from its initial weights to the kept artifact."""

from collections.abc import Callable
from typing import Any

from torch import nn

from kdui.training.compressing import Compression
from kdui.training.context import StepContext
from kdui.training.fit import fit, keep
from kdui.training.initial_weights import start_model
from kdui.training.labels import Labels
from kdui.training.loop import LossFunction
from kdui.training.matching import MatchedFeatures
from kdui.training.saved import SavedModel


def train_student(
    context: StepContext,
    losses: Callable[[SavedModel], LossFunction],
    companion: nn.Module | None = None,
    compression: Compression | None = None,
    companion_rate: float = 1.0,
    labels: Labels | None = None,
) -> dict[str, Any]:
    """Start the step's student, train it under ``losses(student)``, keep its best epoch; returns the artifact's summary.

    ``companion`` is trained beside it, at ``companion_rate`` times its learning rate, and discarded; ``compression`` makes
    the student smaller on the way; ``labels`` are its training labels where these are not the ground truth.
    """
    student = start_model(context, seed=context.settings["seed"])
    if compression is not None:
        compression.begin(student.module)
    training = fit(
        context,
        student,
        losses(student),
        seed=context.settings["seed"],
        companion=companion,
        companion_rate=companion_rate,
        after_step=compression.after_step if compression else None,
        settled_at=compression.settled_at if compression else 0.0,
        labels=labels,
    )
    if compression is not None:
        compression.finish()
    return keep(context, student, training)


def train_matching_student(
    context: StepContext,
    losses: Callable[[SavedModel, MatchedFeatures], tuple[LossFunction, nn.Module | None]],
) -> dict[str, Any]:
    """The same with intermediate features: ``losses`` may also give a companion, e.g. projectors that are discarded."""
    student = start_model(context, seed=context.settings["seed"])
    with MatchedFeatures(context, student) as matched:
        total, companion = losses(student, matched)
        training = fit(context, student, total, seed=context.settings["seed"], companion=companion)
    return keep(context, student, training)
