"""Several teachers as pure functions: how much each counts for an example, and the distribution that they make together."""

import torch
from torch import nn
from torch.nn import functional

from kdui.methods.distill.distill.losses import kl_divergence
from kdui.problems.row_losses import widened


def mixture(teacher_logits: torch.Tensor, weights: torch.Tensor, temperature: float) -> torch.Tensor:
    """Log-probabilities [n, classes] of the weighted mean of the teachers' softened distributions.

    Logits [teachers, n, classes], weights [n, teachers] that sum to 1. The mean of probabilities, not of logits, is what You
    et al. 2017 (Learning from multiple teacher networks, section 3.1) average.
    """
    log_p = functional.log_softmax(widened(teacher_logits) / temperature, dim=-1)
    return torch.logsumexp(log_p + weights.t().log().unsqueeze(-1), dim=0)


def ensemble_loss(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, weights: torch.Tensor, temperature: float
) -> torch.Tensor:
    """T² · KL(mixture of the teachers ‖ student), mean over the examples, in nats; student logits [n, classes].

    Its gradient is that of the weighted sum of one soft-target loss a teacher, because cross-entropy is linear in its targets.
    """
    ours = functional.log_softmax(widened(student_logits) / temperature, dim=-1)
    return kl_divergence(mixture(teacher_logits, weights, temperature), ours) * temperature**2


def equal_weights(teacher_logits: torch.Tensor) -> torch.Tensor:
    """Weights [n, teachers]: every teacher counts alike."""
    teachers, n, _ = teacher_logits.shape
    return teacher_logits.new_full((n, teachers), 1.0 / teachers)


def confidence_weights(teacher_logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Weights [n, teachers]: the less a teacher's cross-entropy L on the ground-truth label [n], the more it counts.

    w = (1 − exp(L) / Σ exp(L)) / (K − 1) over the K teachers (Zhang et al. 2022, CA-MKD, arXiv:2201.00007, section 2.1).
    """
    teachers, n, _ = teacher_logits.shape
    if teachers == 1:
        return equal_weights(teacher_logits)
    log_p = functional.log_softmax(widened(teacher_logits), dim=-1)
    losses = -log_p.gather(-1, targets.view(1, n, 1).expand(teachers, n, 1)).squeeze(-1)
    return ((1.0 - functional.softmax(losses, dim=0)) / (teachers - 1)).t()


def drawn_weights(drawn: torch.Tensor, teachers: int) -> torch.Tensor:
    """Weights [n, teachers] of the drawn teacher [n] alone (Fukuda et al. 2017, Interspeech, section 3.2)."""
    return functional.one_hot(drawn, teachers).float()


def gate_loss(teacher_logits: torch.Tensor, weights: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the teachers' mixture against the labels [n], in nats: what the gate learns from
    (Jacobs et al. 1991, Adaptive mixtures of local experts, equation 1.3, for classes)."""
    return functional.nll_loss(mixture(teacher_logits, weights, 1.0), targets)


class Gate(nn.Module):
    """Weights of the teachers from their probabilities on the example; it starts as the average."""

    def __init__(self, teachers: int, classes: int):
        super().__init__()
        self.score = nn.Linear(teachers * classes, teachers)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def forward(self, teacher_logits: torch.Tensor) -> torch.Tensor:
        """Logits [teachers, n, classes] to weights [n, teachers] that sum to 1."""
        probabilities = functional.softmax(widened(teacher_logits), dim=-1)
        return functional.softmax(self.score(probabilities.transpose(0, 1).flatten(1)).float(), dim=-1)
