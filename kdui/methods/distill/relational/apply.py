"""Relational distillation: soft targets, and distances and angles between the examples of a batch."""

from typing import Any

from kdui.methods.distill.distill.matched import MatchLoss, train_matched
from kdui.methods.distill.relational.losses import angle_loss, distance_loss
from kdui.training.context import StepContext
from kdui.training.loop import Losses
from kdui.training.matching import Match, MatchedFeatures


def relate(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + β · (d · distance + a · angle) of the features before the output layer."""
    settings = context.settings

    def matching(matched: MatchedFeatures) -> tuple[MatchLoss, None]:
        def loss(pairs: list[Match]) -> Losses:
            (features,) = pairs
            distance = distance_loss(features.student, features.teacher)
            angle = angle_loss(features.student, features.teacher)
            match = settings["distance_weight"] * distance + settings["angle_weight"] * angle
            return {"match": match, "distance": distance, "angle": angle}

        return loss, None

    return train_matched(context, matching)
