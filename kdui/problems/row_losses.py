"""Losses of rows against their own targets."""

import torch
from torch.nn import functional


def widened(logits: torch.Tensor) -> torch.Tensor:
    """Half precision as fp32; everything else as it is."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def weighted_mean(rows: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Mean of [m] values, each counted by its weight [m]; 0 where all weights are 0."""
    if weight is None:
        return rows.mean()
    return (rows * weight).sum() / weight.sum().clamp(min=torch.finfo(rows.dtype).tiny)


def cross_entropy(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Mean cross-entropy of logits [m, choices] against targets [m], in nats; hidden targets (-100) do not count.

    Of rows with several targets [m, most] that of a row is the mean over its own. Half precision is widened first.
    """
    if target.ndim > 1:
        known = target != -100
        likely = functional.log_softmax(widened(logits), dim=-1).gather(-1, target.clamp(min=0))
        each = -(likely * known).sum(-1) / known.sum(-1).clamp(min=1)
        return weighted_mean(each, known.any(-1) * (1.0 if weight is None else weight))
    if weight is None:
        return functional.cross_entropy(widened(logits), target)
    rows = functional.cross_entropy(widened(logits), target, reduction="none")
    return weighted_mean(rows, weight * (target != -100))
