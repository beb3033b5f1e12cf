"""Joint training as pure functions: the weighted sum, and images turned by quarters."""

import torch


def fused_loss(teacher: torch.Tensor, student: torch.Tensor, balance: float) -> torch.Tensor:
    """λ · the teacher's own loss + (1 − λ) · the student's, with λ the balance in [0, 1]; both scalars in nats."""
    return balance * teacher + (1.0 - balance) * student


def turned(pixels: torch.Tensor, quarters: torch.Tensor) -> torch.Tensor:
    """Square images [n, channels, size, size], each turned by its number of quarters [n] (0 to 3), counter-clockwise."""
    rotated = pixels
    for quarter in (1, 2, 3):
        chosen = (quarters == quarter).view(-1, 1, 1, 1)
        rotated = torch.where(chosen, torch.rot90(pixels, quarter, dims=(2, 3)), rotated)
    return rotated
