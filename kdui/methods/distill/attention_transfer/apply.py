"""Attention transfer: soft targets, and the places where maps are active."""

from typing import Any

from kdui.core.errors import StageFailed
from kdui.methods.distill.attention_transfer.losses import attention_distance
from kdui.methods.distill.distill.matched import MatchLoss, mean_of, train_matched
from kdui.training.context import StepContext
from kdui.training.loop import Losses
from kdui.training.matching import Match, MatchedFeatures, energy


def transfer_attention(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + β · distance of the maps of activity."""

    def matching(matched: MatchedFeatures) -> tuple[MatchLoss, None]:
        if any(len(ours) != 3 for ours, _ in matched.shapes()):
            raise StageFailed(
                "The models have no feature maps [channels, height, width] at these layers. Choose convolutional networks."
            )

        def loss(pairs: list[Match]) -> Losses:
            return {"match": mean_of([attention_distance(energy(pair.student), pair.teacher) for pair in pairs])}

        return loss, None

    return train_matched(context, matching)
