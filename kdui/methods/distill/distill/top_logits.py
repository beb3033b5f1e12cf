"""Divergences from a teacher of whom only the largest logits of each row are kept, without a dense array of the teacher's.

Over K choices the teacher is taken to have its k kept logits and, for each of the other K − k, one and the same logit ``rest``.
All sums over the others then follow from sums over the student's own logits, so nothing but those is ever as wide as K.
"""

import math
from collections.abc import Callable

import torch

from kdui.core.rows import TopLogits
from kdui.methods.distill.distill.spec import SKEW
from kdui.problems.row_losses import widened

Term = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def log_mixture(log_p: torch.Tensor, log_q: torch.Tensor, share: float) -> torch.Tensor:
    """Logarithm of share · p + (1 − share) · q, for a share between 0 and 1."""
    return torch.logaddexp(log_p + math.log(share), log_q + math.log1p(-share))


def top_divergence(
    student_logits: torch.Tensor, teacher: TopLogits, temperature: float, divergence: str, skew: float = SKEW
) -> torch.Tensor:
    """Divergence [m] in nats of the softened distributions, as ``soft_target_loss`` names it; student logits [m, choices]."""
    ours = torch.log_softmax(widened(student_logits) / temperature, dim=-1)
    kept, others = _log_probabilities(teacher, temperature)
    ours_kept = ours.gather(-1, teacher.places.long())
    rest = teacher.choices - kept.shape[-1]
    if divergence == "forward":
        return _forward(ours, ours_kept, kept, others, rest)
    if divergence == "reverse":
        return _over_all(ours, ours_kept, kept, others, lambda own, theirs: own.exp() * (own - theirs))
    if divergence == "skewed":
        return _over_all(
            ours, ours_kept, kept, others, lambda own, theirs: theirs.exp() * (theirs - log_mixture(theirs, own, skew))
        )
    if divergence == "skewed-reverse":
        return _over_all(ours, ours_kept, kept, others, lambda own, theirs: own.exp() * (own - log_mixture(own, theirs, skew)))
    return _over_all(ours, ours_kept, kept, others, _jensen_shannon)


def dense(teacher: torch.Tensor | TopLogits) -> torch.Tensor:
    """The teacher's logits of a few rows for a loss that has no form for the largest ones alone."""
    return expanded(teacher) if isinstance(teacher, TopLogits) else teacher


def expanded(teacher: TopLogits) -> torch.Tensor:
    """The teacher's logits [m, choices] as they are taken to be; as large as what ``TopLogits`` is there to avoid."""
    whole = teacher.rest.unsqueeze(-1).repeat(1, teacher.choices)
    return whole.scatter(-1, teacher.places.long(), teacher.values)


def _log_probabilities(teacher: TopLogits, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities [m, k] of the kept choices and [m] of each of the others, softened."""
    kept, others = teacher.values / temperature, teacher.rest / temperature
    rest = teacher.choices - kept.shape[-1]
    total = torch.logaddexp(kept.logsumexp(-1), others + math.log(rest)) if rest else kept.logsumexp(-1)
    return kept - total.unsqueeze(-1), others - total


def _forward(ours: torch.Tensor, ours_kept: torch.Tensor, kept: torch.Tensor, others: torch.Tensor, rest: int) -> torch.Tensor:
    """KL(teacher ‖ student): of the others only the sum of the student's log-probabilities is needed."""
    kept_part = (kept.exp() * (kept - ours_kept)).sum(-1)
    if not rest:
        return kept_part
    return kept_part + others.exp() * (rest * others - (ours.sum(-1) - ours_kept.sum(-1)))


def _over_all(ours: torch.Tensor, ours_kept: torch.Tensor, kept: torch.Tensor, others: torch.Tensor, term: Term) -> torch.Tensor:
    """The sum of ``term(own, theirs)`` over all choices: as if none were kept, and then put right for those that are."""
    everywhere = term(ours, others.unsqueeze(-1)).sum(-1)
    return everywhere - term(ours_kept, others.unsqueeze(-1)).sum(-1) + term(ours_kept, kept).sum(-1)


def _jensen_shannon(own: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    mixture = torch.logaddexp(own, theirs) - math.log(2.0)
    return 0.5 * (own.exp() * (own - mixture) + theirs.exp() * (theirs - mixture))
