"""MiniLM: soft targets, and the relations among queries, among keys and among values."""

from typing import Any

from kdui.core.errors import StageFailed
from kdui.methods.distill.distill.matched import MatchLoss, mean_of, train_matched
from kdui.methods.distill.minilm_relations.losses import relation_loss
from kdui.methods.distill.minilm_relations.spec import uneven
from kdui.training.context import StepContext
from kdui.training.loop import Losses
from kdui.training.matching import Match, MatchedFeatures

PARTS = ("query", "key", "value")


def match_relations(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + β · (Q-Q + K-K + V-V)."""
    heads = context.settings["relation_heads"]

    def matching(matched: MatchedFeatures) -> tuple[MatchLoss, None]:
        if fault := uneven((shape[-1] for pair in matched.shapes() for shape in pair), heads):
            raise StageFailed(fault)

        def loss(pairs: list[Match]) -> Losses:
            terms = {
                part: mean_of([relation_loss(p.student, p.teacher, heads, p.mask) for p in pairs if p.pair.what == part])
                for part in PARTS
            }
            return {"match": terms["query"] + terms["key"] + terms["value"], **terms}

        return loss, None

    return train_matched(context, matching)
