"""Teach: plain training on the true labels, or a teacher taken as it is."""

from typing import Any

from kdui.catalogue.models import resolve, weights_folder
from kdui.catalogue.trained import require_labels
from kdui.core.errors import RecipeError, StageFailed
from kdui.core.recipe import ModelRef
from kdui.methods.teach import black_box
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
    """Keep the teacher as it comes; raises StageFailed where a checkpoint of the Hub tells other labels than the task's."""
    facts = resolve(ModelRef.parse(context.step.model), context.facts, context.app)
    if facts.ref.kind == "hub" and (folder := weights_folder(facts, context.app, context.report.download)):
        try:
            require_labels(folder, facts.title, context.facts)
        except RecipeError as problem:
            raise StageFailed(str(problem)) from problem
    return teach(context)


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
