"""Teach: plain training on the true labels, or a teacher taken as it is."""

from typing import Any

from kdui.methods.teach import black_box, trained
from kdui.objectives import objective_of
from kdui.training.context import StepContext
from kdui.training.learning import fit, keep
from kdui.training.starting import start_model


def take_graph(context: StepContext) -> dict[str, Any]:
    """Make the teacher's ONNX file one of kdui's own (see ``black_box``)."""
    return black_box.take_graph(context)


def take_table(context: StepContext) -> dict[str, Any]:
    """Keep the teacher's table of probabilities as its outputs (see ``black_box``)."""
    return black_box.take_table(context)


def take_trained(context: StepContext) -> dict[str, Any]:
    """Look a teacher that comes trained over, and keep it as it is (see ``trained``)."""
    return trained.take_trained(context)


def teach(context: StepContext) -> dict[str, Any]:
    """Build the teacher, train it on hard labels for its epochs, and keep the best one."""
    saved = start_model(context, seed=context.settings["seed"])
    objective = objective_of(context.facts)
    training = fit(
        context,
        saved,
        lambda outputs, batch: {"total": objective.hard_loss(outputs, batch.targets)},
        seed=context.settings["seed"],
    )
    return keep(context, saved, training)
