"""TinyBERT: soft targets, hidden states through a projection that is discarded, and attention."""

from typing import Any

import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.methods.distill.distill.matched import MatchLoss, mean_of, train_matched
from kdui.methods.distill.hints.losses import Projector, hint_loss
from kdui.methods.distill.tinybert.losses import attention_loss, attention_scores
from kdui.training.context import StepContext
from kdui.training.loop import Losses
from kdui.training.matching import Match, MatchedFeatures


def match_layers(context: StepContext) -> dict[str, Any]:
    """Train on α · soft + (1 − α) · hard + β · (hidden + a · attention) over the pairs of layers."""
    settings = context.settings

    def matching(matched: MatchedFeatures) -> tuple[MatchLoss, nn.Module]:
        shapes = matched.shapes("stage")
        if len(set(shapes)) != 1:
            raise StageFailed(f"The layers differ in width ({shapes}), so that no one projection fits them. Choose other layers.")
        projector = Projector(*shapes[0])
        if any(pair.heads[0] != pair.heads[1] for pair in matched.pairs):
            context.report.log("Student and teacher differ in the number of heads: the means over their heads are compared.")

        def loss(pairs: list[Match]) -> Losses:
            states = [pair for pair in pairs if pair.pair.what == "stage"]
            hidden = mean_of([hint_loss(projector(pair.student), pair.teacher, pair.mask) for pair in states])
            attention = mean_of([_attention(*layer, settings["attention"]) for layer in _layers(pairs)])
            return {"match": hidden + settings["attention_weight"] * attention, "hidden": hidden, "attention": attention}

        return loss, projector

    return train_matched(context, matching)


def _layers(pairs: list[Match]) -> list[tuple[Match, Match]]:
    """Query and key of each layer."""
    queries, keys = ([pair for pair in pairs if pair.pair.what == what] for what in ("query", "key"))
    return list(zip(queries, keys, strict=True))


def _attention(query: Match, key: Match, over: str) -> torch.Tensor:
    ours, theirs = query.pair.heads
    student = attention_scores(query.student, key.student, ours)
    return attention_loss(student, attention_scores(query.teacher, key.teacher, theirs), query.mask, over=over)
