"""Hints as pure functions and their projectors (Romero et al. 2015, FitNets, arXiv:1412.6550, section 2.2)."""

import torch
from torch import nn
from torch.nn import functional


def hint_loss(student: torch.Tensor, teacher: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Mean squared error of projected student values against the teacher's (equation 3), the mean over all entries.

    Both [batch, channels, height, width] or [batch, length, width]; ``mask`` [batch, length] leaves padding out.
    """
    error = (student - teacher).square()
    if mask is None:
        return error.mean()
    real = mask.to(error.dtype).unsqueeze(-1)
    return (error * real).sum() / (real.sum() * error.shape[-1]).clamp(min=1)


class Projector(nn.Module):
    """From the student's width to the teacher's: a 1×1 convolution over maps, a linear layer over tokens or features.

    Maps of another size are first brought to the teacher's by adaptive average pooling, so any two networks can meet.
    """

    def __init__(self, student: tuple[int, ...], teacher: tuple[int, ...]):
        """Shapes of one example: (channels, height, width), (length, width) or (width,)."""
        super().__init__()
        self.size = teacher[1:] if len(teacher) == 3 else None
        inside, outside = (student[0], teacher[0]) if self.size else (student[-1], teacher[-1])
        self.weight = nn.Parameter(torch.empty(outside, inside))
        self.bias = nn.Parameter(torch.zeros(outside))
        if inside == outside:  # a student of its teacher's width may start with its teacher's values
            nn.init.eye_(self.weight)
        else:
            nn.init.orthogonal_(self.weight)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Values in the teacher's shape."""
        if self.size is None:
            return functional.linear(values, self.weight, self.bias)
        if tuple(values.shape[2:]) != self.size:
            values = functional.adaptive_avg_pool2d(values, self.size)
        return functional.linear(values.permute(0, 2, 3, 1), self.weight, self.bias).permute(0, 3, 1, 2)
