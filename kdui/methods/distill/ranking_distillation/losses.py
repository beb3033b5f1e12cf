"""Ranking distillation as pure functions (Tang and Wang 2018, "Ranking distillation", arXiv:1809.07428, section 3).

There a student scores sampled items one by one, so a rank is estimated and an item's likelihood is a sigmoid. Here all items are
scored at once: ranks are exact, and the likelihood is by default that of one choice among all, as the models are trained.
"""

import torch
from torch.nn import functional

from kdui.problems.row_losses import weighted_mean, widened


def ranking_loss(
    student_logits: torch.Tensor,
    first: torch.Tensor,
    sharpness: float,
    discrepancy: float,
    likelihood: str = "listwise",
    weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """−Σ w_r · log p(item r), mean over the rows: logits [m, items], ``first`` [m, k] the teacher's best items in their order.

    The weights [m, k] of a row sum to 1 (section 3.3, equation 8).
    """
    logits = widened(student_logits)
    scores = logits.gather(-1, first)
    log_p = functional.logsigmoid(scores) if likelihood == "pointwise" else scores - logits.logsumexp(-1, keepdim=True)
    weights = position_weights(first.shape[-1], sharpness, logits.device)
    if discrepancy:
        ranks = (logits.detach().unsqueeze(1) > scores.detach().unsqueeze(-1)).sum(-1)
        weights = weights * discrepancy_weights(ranks, discrepancy)
    weights = weights / weights.sum(-1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
    return weighted_mean(-(weights * log_p).sum(-1), weight)


def position_weights(count: int, sharpness: float, device: torch.device | None = None) -> torch.Tensor:
    """e^(−r / λ) for the ranks r = 1 … ``count``, with λ the ``sharpness``: the larger it is, the more alike (equation 6)."""
    return torch.exp(-torch.arange(1, count + 1, device=device, dtype=torch.float32) / sharpness)


def discrepancy_weights(ranks: torch.Tensor, discrepancy: float) -> torch.Tensor:
    """tanh(μ · (student's rank − teacher's rank)), no less than 0, for the student's ranks [m, k] from 0 of the teacher's first k
    items: what the student already has as high needs no more teaching (equation 7)."""
    theirs = torch.arange(ranks.shape[-1], device=ranks.device)
    return torch.tanh(discrepancy * (ranks - theirs).clamp(min=0).float())


def first_of(teacher_logits: torch.Tensor, targets: torch.Tensor, count: int) -> torch.Tensor:
    """The teacher's best items [m, count] that are no true answers of the row, which the hard loss already teaches.

    Logits [m, items]; targets [m] or [m, most], below 0 where there is none.
    """
    targets = targets.unsqueeze(-1) if targets.ndim == 1 else targets
    others = torch.cat([teacher_logits, teacher_logits[:, :1]], dim=1)  # a place for what is no target
    places = torch.where(targets < 0, teacher_logits.shape[-1], targets)
    others = others.scatter(1, places, torch.finfo(others.dtype).min)[:, :-1]
    return others.topk(min(count, others.shape[-1]), dim=-1).indices
