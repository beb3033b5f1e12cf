"""Similarity-preserving distillation: soft targets, and how alike the examples of a batch are."""

from typing import Any

from kdui.methods.distill.distill.matched import MatchLoss, mean_of, train_matched
from kdui.methods.distill.similarity.losses import similarity_loss
from kdui.training.context import StepContext
from kdui.training.loop import Losses
from kdui.training.matching import Match, MatchedFeatures


def preserve_similarity(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + β · difference of the similarity matrices."""

    def matching(matched: MatchedFeatures) -> tuple[MatchLoss, None]:
        def loss(pairs: list[Match]) -> Losses:
            return {"match": mean_of([similarity_loss(pair.student, pair.teacher) for pair in pairs])}

        return loss, None

    return train_matched(context, matching)
