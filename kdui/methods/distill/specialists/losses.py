"""One student for several tasks, as pure functions: every example counts by the weight of its task."""

import torch
from torch.nn import functional

from kdui.problems.row_losses import widened


def weighted_soft_loss(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, weights: torch.Tensor, temperature: float
) -> torch.Tensor:
    """T² · mean of weight · KL(teacher ‖ student) over the examples, in nats; logits [n, labels] with the labels of other tasks
    masked out of reach, weights [n]. With equal weights of 1 it is the soft-target loss (Hinton, Vinyals, Dean 2015, section 2)
    within each task's own labels (Clark et al. 2019, BAM, arXiv:1907.04829, section 3.1).
    """
    ours = functional.log_softmax(widened(student_logits) / temperature, dim=-1)
    theirs = functional.log_softmax(widened(teacher_logits) / temperature, dim=-1)
    rows = functional.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1)
    return (weights * rows).mean() * temperature**2


def weighted_hard_loss(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean of weight · cross-entropy of logits [n, labels] against labels [n], in nats."""
    return (weights * functional.cross_entropy(widened(logits), targets, reduction="none")).mean()


def weighted_smoothed_loss(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, in_part: torch.Tensor, smoothing: torch.Tensor
) -> torch.Tensor:
    """Mean of weight · cross-entropy against (1 − ε) · one-hot + ε / K over the K labels of an example's task, in nats.

    logits [n, labels], targets [n], weights [n], in_part [n, labels] (bool), smoothing ε [n] (Szegedy et al. 2016, section 7).
    """
    logs = functional.log_softmax(widened(logits), dim=-1)
    even = logs.masked_fill(~in_part, 0.0).sum(-1) / in_part.sum(-1)
    own = logs.gather(1, targets[:, None])[:, 0]
    return -(weights * ((1 - smoothing) * own + smoothing * even)).mean()


def normalized(weights: list[float]) -> list[float]:
    """The tasks' weights divided by their mean, so that a learning rate means the same for all of them."""
    mean = sum(weights) / len(weights)
    return [weight / mean for weight in weights]
