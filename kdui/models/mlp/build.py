"""Fully connected network: scaled pixels in a row, hidden layers with ReLU, and a linear head (LeCun et al. 1998)."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import PixelScale, image_inputs


class MlpClassifier(nn.Module):
    """Pixels [n, channels, height, width] flattened, one or two hidden layers, logits [n, labels]."""

    def __init__(self, options: Mapping[str, Any], facts: TaskFacts):
        super().__init__()
        channels = facts.input["channels"]
        self.scale = PixelScale([0.5] * channels, [0.5] * channels)
        inside = math.prod(facts.input[name] for name in ("channels", "height", "width"))
        layers: list[nn.Module] = []
        for units in filter(None, (options["first"], options["second"])):
            layers += [nn.Linear(inside, units), nn.ReLU()]
            inside = units
        self.hidden = nn.Sequential(*layers)
        self.head = nn.Linear(inside, facts.outputs)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(self.scale(pixels).flatten(1)))


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """``first`` and ``second`` hidden units; the second layer is left out at 0."""
    return MlpClassifier(options, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain pixels in the task's shape."""
    return image_inputs(options, facts)
