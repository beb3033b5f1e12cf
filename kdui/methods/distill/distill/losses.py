"""The mathematics of soft targets: pure functions of rows of logits, be they examples or tokens."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from kdui.core.rows import TopLogits
from kdui.methods.distill.distill.spec import SKEW
from kdui.methods.distill.distill.top_logits import log_mixture, top_divergence
from kdui.problems.row_losses import weighted_mean, widened


def soft_target_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor | TopLogits,
    temperature: float,
    divergence: str = "forward",
    weight: torch.Tensor | None = None,
    skew: float = SKEW,
) -> torch.Tensor:
    """T² · divergence of the softened distributions, mean over the rows by their ``weight`` [m], in nats.

    Both are [m, choices]; of a teacher with very many choices the largest logits do (``TopLogits``). ``forward`` is KL(teacher
    ‖ student), which covers all that the teacher allows; ``reverse`` is KL(student ‖ teacher), which seeks its main mode (Gu et
    al. 2024, MiniLLM, section 2.2); ``jensen-shannon`` is the mean of both against their mixture (Agarwal et al. 2024, GKD,
    section 2, at β = ½). ``skewed`` is KL(teacher ‖ λ · teacher + (1 − λ) · student) and ``skewed-reverse``
    KL(student ‖ λ · student + (1 − λ) · teacher) with λ the ``skew``: no choice that one of them finds impossible can dominate
    (Ko et al. 2024, DistiLLM, arXiv:2402.03898, section 3.1). The factor T² keeps the gradient's size when the temperature
    changes: each softened gradient is about 1 / T² of the hard one (Hinton, Vinyals, Dean 2015, section 2, equations 2 to 4).
    Half precision is widened first: at a high temperature differences are below its resolution.
    """
    if isinstance(teacher_logits, TopLogits):
        each = top_divergence(student_logits, teacher_logits, temperature, divergence, skew)
        return weighted_mean(each, weight) * temperature**2
    student = functional.log_softmax(widened(student_logits) / temperature, dim=-1)
    teacher = functional.log_softmax(widened(teacher_logits) / temperature, dim=-1)
    if divergence == "forward":
        loss = kl_divergence(teacher, student, weight)
    elif divergence == "reverse":
        loss = kl_divergence(student, teacher, weight)
    elif divergence == "skewed":
        loss = kl_divergence(teacher, log_mixture(teacher, student, skew), weight)
    elif divergence == "skewed-reverse":
        loss = kl_divergence(student, log_mixture(student, teacher, skew), weight)
    else:
        mixture = torch.logaddexp(student, teacher) - math.log(2.0)
        loss = 0.5 * (kl_divergence(teacher, mixture, weight) + kl_divergence(student, mixture, weight))
    return loss * temperature**2


def kl_divergence(log_p: torch.Tensor, log_q: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """KL(p ‖ q) of log-probabilities [m, choices], mean over the rows by their weight [m], in nats."""
    if weight is None:
        return functional.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    return weighted_mean(functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1), weight)


def standardized(logits: torch.Tensor) -> torch.Tensor:
    """Logits with mean 0 and standard deviation 1 along the last axis: a student need not match its teacher's scale, only the
    relations between its logits (Sun et al. 2024, Logit standardization, section 4, algorithm 1)."""
    logits = widened(logits)
    centred = logits - logits.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True).sqrt() + 1e-7)


def distillation_loss(soft: torch.Tensor, hard: torch.Tensor, soft_weight: float) -> torch.Tensor:
    """α · soft + (1 − α) · hard, with α the soft weight in [0, 1]."""
    return soft_weight * soft + (1.0 - soft_weight) * hard


def scheduled(start: float, end: float, shape: str, progress: float) -> float:
    """A knob's value when ``progress`` in [0, 1] of the training is done: constant, or to ``end`` linearly or by a cosine."""
    if shape == "constant":
        return start
    share = progress if shape == "linear" else 0.5 * (1.0 - math.cos(math.pi * progress))
    return start + (end - start) * share


def softened(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """softmax(logits / T) along the last axis."""
    return torch.softmax(widened(logits) / temperature, dim=-1)


def mixed_targets(soft: torch.Tensor, hard: torch.Tensor, soft_weight: float) -> torch.Tensor:
    """α · soft + (1 − α) · hard for probabilities [..., classes]: what a distilled student is trained on about an example."""
    return soft_weight * soft + (1.0 - soft_weight) * hard


def mean_entropy(probabilities: torch.Tensor) -> float:
    """Mean entropy in nats of distributions [n, classes]."""
    return float(-torch.xlogy(probabilities, probabilities).sum(-1).mean())


def soft_knobs(settings: Mapping[str, Any], progress: float) -> tuple[float, float]:
    """(temperature, soft weight) when ``progress`` in [0, 1] of the training is done; without a schedule they stay."""
    temperature, soft_weight = (
        scheduled(settings[knob], settings.get(f"last_{knob}", 0.0), settings.get(f"{knob}_schedule", "constant"), progress)
        for knob in ("temperature", "soft_weight")
    )
    return temperature, soft_weight


def target_entropy(teacher_logits: torch.Tensor, targets: torch.Tensor, temperature: float, soft_weight: float) -> float:
    """Mean entropy in nats of α · softmax(teacher / T) + (1 − α) · one-hot for logits [n, classes] and labels [n]."""
    hard = functional.one_hot(targets, teacher_logits.shape[-1])
    return mean_entropy(mixed_targets(softened(teacher_logits, temperature), hard, soft_weight))


def smoothing_of_equal_entropy(target_entropy: float, classes: int) -> float:
    """ε in [0, 1] for which (1 − ε) · one-hot + ε / K has the given entropy in nats (Szegedy et al. 2016, section 7).

    The entropy grows with ε from 0 to ln K, so bisection finds it; beyond ln K it is 1.
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if smoothed_entropy(middle, classes) < target_entropy else (low, middle)
    return 0.5 * (low + high)


def smoothed_entropy(smoothing: float, classes: int) -> float:
    """Entropy in nats of a label smoothed by ε over K classes."""
    rest = smoothing / classes
    top = 1.0 - smoothing + rest
    return -sum(share * math.log(share) * times for share, times in ((top, 1), (rest, classes - 1)) if share > 0)
