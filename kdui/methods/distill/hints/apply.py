"""Hints: soft targets, and intermediate features through projectors that are discarded after the training."""

from typing import Any

from torch import nn

from kdui.methods.distill.distill.matched import MatchLoss, mean_of, train_matched
from kdui.methods.distill.hints.losses import Projector, hint_loss
from kdui.training.context import StepContext
from kdui.training.loop import Losses
from kdui.training.matching import Match, MatchedFeatures


def hint(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + β · mean squared error of projected intermediate features."""

    def matching(matched: MatchedFeatures) -> tuple[MatchLoss, nn.Module]:
        projectors = nn.ModuleList(Projector(ours, theirs) for ours, theirs in matched.shapes())

        def loss(pairs: list[Match]) -> Losses:
            projected = zip(projectors, pairs, strict=True)
            return {"match": mean_of([hint_loss(project(pair.student), pair.teacher, pair.mask) for project, pair in projected])}

        return loss, projectors

    return train_matched(context, matching)
