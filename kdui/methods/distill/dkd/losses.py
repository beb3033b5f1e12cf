"""Decoupled knowledge distillation as pure functions (Zhao et al. 2022, arXiv:2203.08679, section 3)."""

import torch
from torch.nn import functional

from kdui.methods.distill.distill.losses import kl_divergence
from kdui.problems.row_losses import widened


def decoupled_losses(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    targets: torch.Tensor,
    temperature: float,
    weight: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(target, non-target) divergences of logits [m, choices] and targets [m], each times T², mean over the rows, in nats.

    Target: KL between the two-way distributions (true class, all others); non-target: KL between the distributions over the
    other classes alone. Soft-target distillation is target + (1 − teacher's share of the true class) · non-target (equation 7).
    """
    student, teacher = widened(student_logits) / temperature, widened(teacher_logits) / temperature
    true = functional.one_hot(targets, student.shape[-1]).bool()
    target = kl_divergence(_two_way(teacher, true), _two_way(student, true), weight)
    others = kl_divergence(_without(teacher, true), _without(student, true), weight)
    return target * temperature**2, others * temperature**2


def _two_way(logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Log-probabilities [n, 2] of the true class and of all others together."""
    log_p = functional.log_softmax(logits, dim=-1)
    return torch.stack([log_p[true], log_p.masked_fill(true, float("-inf")).logsumexp(dim=-1)], dim=-1)


def _without(logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Log-probabilities [n, classes − 1] over the classes that are not the true one."""
    rest = logits[~true].view(len(logits), -1)
    return functional.log_softmax(rest, dim=-1)
