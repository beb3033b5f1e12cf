"""Residual network whose blocks weigh their channels: squeeze and excitation (Hu et al. 2018, arXiv:1709.01507)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import ConvClassifier, image_inputs
from kdui.models.residual import residual_stages


class SqueezeExcite(nn.Module):
    """Multiply each channel by a weight in 0..1 computed from the mean of all channels (section 3)."""

    def __init__(self, channels: int, reduction: int):
        super().__init__()
        squeezed = max(channels // reduction, 2)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.excite(torch.relu(self.squeeze(x.mean(dim=(2, 3), keepdim=True))))
        return x * torch.sigmoid(weight)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """A residual network with a gate of ``channels / reduction`` hidden units in each block."""
    features, channels = residual_stages(
        facts.input["channels"],
        options["width"],
        options["stages"],
        options["blocks"],
        gate=lambda outside: SqueezeExcite(outside, options["reduction"]),
    )
    return ConvClassifier(features, channels, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain pixels in the task's shape."""
    return image_inputs(options, facts)
