"""Teach: plain training on the ground-truth labels, or a teacher taken as it is."""

from typing import Any

from kdui.core.metric import ACCURACY
from kdui.methods.teach.teach import at_once, black_box, remote, remote_writer, table, trained
from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.data_losses import ADVERSARY_RATE, data_losses
from kdui.training.fit import fit, keep
from kdui.training.initial_weights import start_model
from kdui.training.plausibility import above_chance, majority


def take_graph(context: StepContext) -> dict[str, Any]:
    """Make the teacher's ONNX file one of kdui's own (see ``black_box``)."""
    return black_box.take_graph(context)


def take_table(context: StepContext) -> dict[str, Any]:
    """Keep the teacher's table of probabilities as its outputs (see ``table``)."""
    return table.take_table(context)


def take_labels(context: StepContext) -> dict[str, Any]:
    """Have the remote teacher label the training texts (see ``remote``)."""
    return remote.take_labels(context)


def take_writer(context: StepContext) -> dict[str, Any]:
    """Try a remote teacher that will continue texts (see ``remote_writer``)."""
    return remote_writer.take_writer(context)


def take_trained(context: StepContext) -> dict[str, Any]:
    """Check a teacher that is already trained, and keep it unchanged (see ``trained``)."""
    return trained.take_trained(context)


def learn(context: StepContext) -> dict[str, Any]:
    """Compute the model from the data at once (see ``at_once``)."""
    return at_once.learn(context)


def teach(context: StepContext) -> dict[str, Any]:
    """Build the teacher, train it on hard labels for its epochs, and keep the best one."""
    saved = start_model(context, seed=context.settings["seed"])
    losses, companion = data_losses(context)
    training = fit(context, saved, losses, seed=context.settings["seed"], companion=companion, companion_rate=ADVERSARY_RATE)
    _warn_of_guesses(context, training["validation"])
    return keep(context, saved, training)


def _warn_of_guesses(context: StepContext, score: float) -> None:
    """Say in the log where the teacher of this training is no better than always giving the most frequent label."""
    if context.facts.headline != ACCURACY:
        return
    targets, problem = context.data.targets("validation"), problem_of(context.facts)
    guessed = 100 * majority(targets, problem)
    if not above_chance(score / 100, targets, problem):
        context.report.log(
            f"Warning: this teacher gets {score:.1f} % of the validation examples right, and always giving the most frequent "
            f"label gets {guessed:.1f} %. Nothing can be distilled from it: train it longer, or at another learning rate."
        )
