"""Teach: plain training on the true labels."""

from typing import Any

from kdui.objectives import objective_of
from kdui.training.context import StepContext
from kdui.training.learning import fit, keep
from kdui.training.starting import start_model


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
