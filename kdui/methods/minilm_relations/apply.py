"""MiniLM: soft targets, and the relations among queries, among keys and among values."""

from typing import Any

from kdui.core.errors import StageFailed
from kdui.methods.distill.matched import MatchLoss, mean_of, train_matched
from kdui.methods.minilm_relations.losses import relation_loss
from kdui.training.context import StepContext
from kdui.training.loop import Losses
from kdui.training.matching import Match, MatchedFeatures

PARTS = ("query", "key", "value")


def match_relations(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + β · (Q-Q + K-K + V-V)."""
    heads = context.settings["relation_heads"]

    def matching(matched: MatchedFeatures) -> tuple[MatchLoss, None]:
        _check_widths(matched, heads)

        def loss(pairs: list[Match]) -> Losses:
            found = {
                part: mean_of([relation_loss(p.student, p.teacher, heads, p.mask) for p in pairs if p.pair.what == part])
                for part in PARTS
            }
            return {"match": found["query"] + found["key"] + found["value"], **found}

        return loss, None

    return train_matched(context, matching)


def _check_widths(matched: MatchedFeatures, heads: int) -> None:
    widths = sorted({shape[-1] for pair in matched.shapes() for shape in pair})
    if any(width % heads for width in widths):
        fitting = [number for number in range(1, min(widths) + 1) if all(width % number == 0 for width in widths)]
        raise StageFailed(
            f"{heads} relation heads do not divide the widths {' and '.join(map(str, widths))} of student and teacher. "
            f"Set relation_heads to one of {', '.join(map(str, fitting))}."
        )
