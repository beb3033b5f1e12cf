"""Similarity-preserving distillation as pure functions (Tung, Mori 2019, arXiv:1907.09682, section 3)."""

import torch
from torch.nn import functional


def similarity_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """1 / b² · squared Frobenius norm of the difference of the two similarity matrices (equation 4).

    Both [b, ...] with any further axes: features or whole maps, of any sizes. It falls as 1 / b when the batch grows, and
    scaling or turning the features of either changes nothing.
    """
    return (similarities(student) - similarities(teacher)).square().mean()


def similarities(values: torch.Tensor) -> torch.Tensor:
    """Products of all pairs of examples [b, b], each row at unit length (equations 1 to 3)."""
    flat = values.flatten(1)
    return functional.normalize(flat @ flat.T, dim=1, eps=1e-8)
