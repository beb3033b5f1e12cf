"""The mathematics of soft targets: pure functions over the last axis, so that token logits fit as they are."""

import torch
from torch.nn import functional


def soft_target_loss(student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """T² · KL(teacher ‖ student) of the softened distributions, mean over all but the last axis, in nats.

    Both are [..., classes]. The factor T² keeps the gradient's size when the temperature changes: each softened
    gradient is about 1 / T² of the hard one (Hinton, Vinyals, Dean 2015, section 2, equations 2 to 4). Half precision is
    widened to fp32 first: at a high temperature the differences of softened logits are below its resolution.
    """
    student = functional.log_softmax(_widened(student_logits) / temperature, dim=-1).flatten(0, -2)
    teacher = functional.log_softmax(_widened(teacher_logits) / temperature, dim=-1).flatten(0, -2)
    return functional.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2


def _widened(logits: torch.Tensor) -> torch.Tensor:
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def distillation_loss(soft: torch.Tensor, hard: torch.Tensor, soft_weight: float) -> torch.Tensor:
    """α · soft + (1 − α) · hard, with α the soft weight in [0, 1]."""
    return soft_weight * soft + (1.0 - soft_weight) * hard
