"""Learning from the data alone: the problem's loss against true answers, or an adversary that has seen true examples."""

from typing import Any, cast

from torch import nn

from kdui.problems import problem_of
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses, LossFunction

ADVERSARY_RATE = 2.0  # times the model's learning rate (Heusel et al. 2017, arXiv:1706.08500: two time scales)


def data_losses(context: StepContext) -> tuple[LossFunction, nn.Module | None]:
    """The losses, and what is trained beside the model for them, where there is such."""
    problem = problem_of(context.facts)
    adversary = problem.adversary(context.facts, context.settings["seed"])

    def losses(outputs: Any, batch: Batch) -> Losses:
        if adversary is None:
            return {"total": problem.loss(outputs, batch.targets)}
        return adversary.losses(outputs, batch.targets)

    return losses, cast("nn.Module | None", adversary)
