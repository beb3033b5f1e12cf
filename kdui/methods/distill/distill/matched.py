"""Soft targets with a match of intermediate features beside them: what the methods for representations and relations share."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from kdui.methods.distill.distill.apply import soft_and_hard
from kdui.training.context import StepContext
from kdui.training.loop import Batch, Losses, LossFunction
from kdui.training.matching import Match, MatchedFeatures
from kdui.training.saved import SavedModel
from kdui.training.student import train_matching_student
from kdui.training.teachers import teacher_of

MatchLoss = Callable[[list[Match]], Losses]  # must hold "match"; the other names become chart series


def train_matched(
    context: StepContext, matching: Callable[[MatchedFeatures], tuple[MatchLoss, nn.Module | None]]
) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + β · match, with β the setting ``match_weight``.

    ``matching`` gives the loss of a batch's pairs and what is trained with the student and discarded, if anything. Matches are
    computed in fp32: products of whole batches or texts with themselves lose too much in half precision.
    """
    settings = context.settings
    taught = soft_and_hard(context, teacher_of(context))

    def losses(student: SavedModel, matched: MatchedFeatures) -> tuple[LossFunction, nn.Module | None]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings["seed"])
            match, companion = matching(matched)

        def total(outputs: torch.Tensor, batch: Batch) -> Losses:
            plain = taught(outputs, batch)
            with torch.autocast(context.device.type, enabled=False):
                terms = match(matched(batch))
            return {**plain, **terms, "total": plain["total"] + settings["match_weight"] * terms["match"]}

        return total, companion

    return train_matching_student(context, losses)


def mean_of(losses: list[torch.Tensor]) -> torch.Tensor:
    """The mean over the pairs of layers, so that a weight means the same for one pair and for six."""
    return torch.stack(losses).mean()
