"""The loss on a transfer set as a pure function."""

import torch
from torch.nn import functional

from kdui.problems.row_losses import widened


def transfer_losses(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    targets: torch.Tensor,
    labelled: torch.Tensor,
    temperature: float,
    soft_weight: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the teacher and what ground-truth labels add to the loss, in nats; their sum is the mean over the rows.

    Logits are [n, classes], ``targets`` [n] labels, ``labelled`` [n] True where an example has one. A labelled row has the loss
    α · soft + (1 − α) · hard with α the ``soft_weight``; every other one is the teacher's alone (Tang et al. 2019, section 3.3).
    Soft is T² · KL(teacher ‖ student) at temperature T (Hinton, Vinyals, Dean 2015, section 2).
    """
    student = functional.log_softmax(widened(student_logits) / temperature, dim=-1)
    teacher = functional.log_softmax(widened(teacher_logits) / temperature, dim=-1)
    soft = temperature**2 * functional.kl_div(student, teacher, reduction="none", log_target=True).sum(-1)
    hard = functional.cross_entropy(widened(student_logits), targets.where(labelled, 0), reduction="none")
    weight = torch.where(labelled, soft_weight, 1.0).to(soft)
    return (weight * soft).mean(), ((1 - weight) * hard).mean()
