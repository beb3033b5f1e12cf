"""Decoupled knowledge distillation as pure functions (Zhao et al. 2022, arXiv:2203.08679, section 3)."""

import torch
from torch.nn import functional

from kdui.methods.distill.distill.losses import kl_divergence
from kdui.problems.row_losses import widened

_NONE = -1e9  # logit of a probability of zero; finite, so that a difference of two of them is zero


def decoupled_losses(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    targets: torch.Tensor,
    temperature: float,
    weight: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(target, non-target) divergences of logits [m, choices] and targets, each times T², mean over the rows, in nats.

    Targets are [m], or [m, most] where a row has several, below 0 behind its last.

    Target: KL between the two-way distributions (true class, all others); non-target: KL between the distributions over the
    other classes alone. Soft-target distillation is target + (1 − teacher's share of the true class) · non-target (equation 7).
    """
    student, teacher = widened(student_logits) / temperature, widened(teacher_logits) / temperature
    true = _true(targets, student.shape[-1])
    target = kl_divergence(_two_way(teacher, true), _two_way(student, true), weight)
    others = kl_divergence(_without(teacher, true), _without(student, true), weight)
    return target * temperature**2, others * temperature**2


def _true(targets: torch.Tensor, choices: int) -> torch.Tensor:
    """Which choices are true of each row, bool [m, choices]."""
    if targets.ndim == 1:
        return functional.one_hot(targets, choices).bool()
    places = torch.where(targets < 0, choices, targets)
    return torch.zeros(len(targets), choices + 1, dtype=torch.bool, device=targets.device).scatter(1, places, True)[:, :-1]


def _two_way(logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Log-probabilities [n, 2] of the true classes together and of all others together."""
    log_p = functional.log_softmax(logits, dim=-1)
    return torch.stack([log_p.masked_fill(apart, float("-inf")).logsumexp(dim=-1) for apart in (~true, true)], dim=-1)


def _without(logits: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Log-probabilities [n, classes] over the classes that are not true; those that are have next to none of it."""
    return functional.log_softmax(logits.masked_fill(true, _NONE), dim=-1)
