"""Pseudo-labels as pure functions."""

import torch
from torch.nn import functional

from kdui.problems.row_losses import widened


def sure_examples(probabilities: torch.Tensor, threshold: float) -> torch.Tensor:
    """True [n] where the largest of the probabilities [n, classes] is at least ``threshold`` (FixMatch, equation 4)."""
    return probabilities.max(dim=-1).values >= threshold


def pseudo_targets(probabilities: torch.Tensor, kind: str) -> torch.Tensor:
    """The pseudo-labels' distributions [n, classes]: ``hard`` puts all on the first choice (Lee 2013, section 2), ``soft``
    keeps them (Xie et al. 2020, Noisy Student, algorithm 1)."""
    if kind == "soft":
        return probabilities
    return functional.one_hot(probabilities.argmax(-1), probabilities.shape[-1]).to(probabilities.dtype)


def labelled_and_pseudo(
    student_logits: torch.Tensor, targets: torch.Tensor, pseudo: torch.Tensor, pseudo_weight: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """What ground-truth labels and what pseudo-labels add to the loss, in nats; their sum is the weighted mean over the rows.

    ``student_logits`` and ``targets`` (distributions) are [n, classes], ``pseudo`` [n] is True where the target is the teacher's.
    A row weighs 1, a pseudo-labelled one ``pseudo_weight`` (FixMatch's λ, section 2.2); without any weight both are 0.
    """
    rows = -(targets * functional.log_softmax(widened(student_logits), dim=-1)).sum(-1)
    weights = torch.where(pseudo, pseudo_weight, 1.0).to(rows)
    total = weights.sum().clamp(min=torch.finfo(rows.dtype).tiny)
    return (rows * weights * ~pseudo).sum() / total, (rows * weights * pseudo).sum() / total
