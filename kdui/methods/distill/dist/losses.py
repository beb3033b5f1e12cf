"""Correlation losses as pure functions (Huang et al. 2022, DIST, arXiv:2205.10536, section 3)."""

import torch

from kdui.problems.row_losses import widened


def pearson_distance(student: torch.Tensor, teacher: torch.Tensor, dim: int) -> torch.Tensor:
    """1 − Pearson's correlation along ``dim``, mean over the other axis: 0 where one is the other scaled (by a positive
    factor) and shifted (equation 5)."""
    student, teacher = student - student.mean(dim, keepdim=True), teacher - teacher.mean(dim, keepdim=True)
    scale = (student.square().sum(dim) * teacher.square().sum(dim)).clamp(min=1e-16).sqrt()
    return (1 - (student * teacher).sum(dim) / scale).mean()


def correlation_losses(
    student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """(inter-class, intra-class) distances of the softened probabilities [n, classes], each times T².

    Inter-class compares each example's row over the classes, intra-class each class's column over the batch (equations 8 and 9).
    """
    student = torch.softmax(widened(student_logits) / temperature, dim=-1)
    teacher = torch.softmax(widened(teacher_logits) / temperature, dim=-1)
    scale = temperature**2
    return scale * pearson_distance(student, teacher, -1), scale * pearson_distance(student, teacher, 0)
