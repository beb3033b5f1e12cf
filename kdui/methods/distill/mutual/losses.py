"""Mutual learning as a pure function (Zhang et al. 2018, Deep mutual learning, arXiv:1706.00384, section 3)."""

from collections.abc import Sequence

import torch
from torch.nn import functional

from kdui.methods.distill.distill.losses import kl_divergence
from kdui.problems.row_losses import widened


def mutual_loss(
    own_logits: torch.Tensor, peer_logits: Sequence[torch.Tensor], weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean over the peers of KL(peer ‖ own), itself the mean over the rows, in nats; all logits [m, choices].

    Gradients reach the own logits alone: for its own update each student takes its peers' predictions as given.
    """
    own = functional.log_softmax(widened(own_logits), dim=-1)
    theirs = [functional.log_softmax(widened(peer.detach()), dim=-1) for peer in peer_logits]
    return torch.stack([kl_divergence(peer, own, weight) for peer in theirs]).mean()
