"""Learned step size quantization (LSQ: Esser et al. 2020, arXiv:1902.08153): weights and activations rounded in the forward pass,
with a gradient for the step size between two levels.
"""

import math
from typing import Any

import torch
from torch import nn

SMALLEST_RATIO = 0.02  # of a learned step to the one it started from: it may shrink, but never to zero or below


def weight_levels(bits: int) -> tuple[int, int]:
    """Lowest and highest integer level of a weight: −2^(b−1) and 2^(b−1) − 1 (section 2).

    From 8 bits on the lowest is left out: a folded batch normalisation may turn signs around, and 128 is no int8.
    """
    high = 2 ** (bits - 1) - 1
    return (-high if bits >= 8 else -high - 1), high


def activation_levels(bits: int, signed: bool) -> tuple[int, int]:
    """Lowest and highest integer level of an activation: 0 and 2^b − 1, or around zero where it has negative values."""
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


class _LearnedSteps(torch.autograd.Function):
    """v̂ = round(clip(v / s, −Q_N, Q_P)) · s (equations 1 and 2) with the gradients of equations 3 and 5."""

    @staticmethod
    def forward(context: Any, values: torch.Tensor, step: torch.Tensor, low: float, high: float, scale: float) -> torch.Tensor:
        ratio = values / step
        levels = ratio.clamp(low, high).round_()
        context.save_for_backward(ratio, levels, step)
        context.low, context.high, context.scale = low, high, scale
        return levels * step

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        ratio, levels, step = context.saved_tensors
        (gradient,) = gradients
        inside = (ratio > context.low) & (ratio < context.high)
        to_values = gradient * inside
        of_step = torch.where(inside, levels - ratio, levels) * gradient
        to_step = _summed_to(of_step, step.shape) * context.scale
        return to_values, to_step, None, None, None


def _summed_to(values: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Sum over the axes along which ``shape`` was broadcast."""
    if not shape:
        return values.sum()
    return values.sum_to_size(shape)


def quantized(values: torch.Tensor, step: torch.Tensor, low: int, high: int, scale: float = 1.0) -> torch.Tensor:
    """``values`` on the grid of ``step`` (which broadcasts against them), levels ``low`` to ``high``.

    The gradient passes straight through between the outer levels and is zero beyond them. That of the step is
    round(v/s) − v/s between them and the level itself beyond (equation 3), times ``scale`` (section 2.2).
    """
    result: torch.Tensor = _LearnedSteps.apply(values, step, float(low), float(high), scale)
    return result


def gradient_scale(count: int, high: int) -> float:
    """g = 1 / √(N · Q_P): so that steps and weights move in the same proportion (section 2.2)."""
    return 1.0 / math.sqrt(max(1, count * high))


def first_step(magnitude: torch.Tensor, high: int) -> torch.Tensor:
    """2 · ⟨|v|⟩ / √Q_P of the mean magnitudes (section 2.1); where a channel is all zeros, the mean over the others."""
    step = 2.0 * magnitude / math.sqrt(high)
    usual = float(step[step > 0].mean()) if bool((step > 0).any()) else 1.0
    return torch.where(step > 0, step, torch.full_like(step, usual))


class LearnedStep(nn.Module):
    """A step size in the form first · ratio, of which the ratio is learned.

    Adam moves every parameter by about the learning rate, whatever its size: this way a step moves in proportion to itself.
    """

    first: torch.Tensor

    def __init__(self, count: int):
        super().__init__()
        self.register_buffer("first", torch.zeros(count))
        self.ratio = nn.Parameter(torch.ones(count))

    def begin(self, step: torch.Tensor) -> None:
        """Set where it starts, and so how far one update may take it."""
        with torch.no_grad():
            self.first.copy_(step.to(self.first))

    def keep_positive(self) -> None:
        """A step below zero would turn the grid around, one of zero would end it."""
        with torch.no_grad():
            self.ratio.clamp_(min=SMALLEST_RATIO)

    def forward(self) -> torch.Tensor:
        return self.first * self.ratio


class QuantizedWeight(nn.Module):
    """A parametrization: the weight [out, ...] on a grid with one step, or with one step a channel."""

    def __init__(self, weight: torch.Tensor, bits: int, per_channel: bool):
        super().__init__()
        self.bits, self.per_channel = bits, per_channel
        self.low, self.high = weight_levels(bits)
        rows = weight.detach().abs().flatten(1)
        magnitude = rows.mean(1) if per_channel else rows.mean().reshape(1)
        self.step = LearnedStep(len(magnitude))
        self.step.begin(first_step(magnitude, self.high))
        self._scale = gradient_scale(rows.shape[1] if per_channel else rows.numel(), self.high)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        step = self.step().view(-1, *[1] * (weight.ndim - 1))
        return quantized(weight, step, self.low, self.high, self._scale)


class QuantizedInput(nn.Module):
    """What a layer is given, on a grid with one step; the first batch it sees sets the first step and whether it is signed."""

    signed: torch.Tensor
    started: torch.Tensor

    def __init__(self, bits: int):
        super().__init__()
        self.bits = bits
        self.step = LearnedStep(1)
        self.register_buffer("signed", torch.zeros(1, dtype=torch.bool))
        self.register_buffer("started", torch.zeros(1, dtype=torch.bool))

    def levels(self) -> tuple[int, int]:
        """Lowest and highest level; known once a batch has been seen."""
        return activation_levels(self.bits, bool(self.signed))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        exact = values.float()  # in bf16 a level above 256 would equal the next one
        if not self.started:
            self._start(exact)
        low, high = self.levels()
        features = exact[0].numel()
        return quantized(exact, self.step(), low, high, gradient_scale(features, high)).to(values.dtype)

    @torch.no_grad()
    def _start(self, values: torch.Tensor) -> None:
        self.signed.fill_(bool((values < 0).any()))
        self.step.begin(first_step(values.abs().mean().reshape(1), self.levels()[1]))
        self.started.fill_(True)
