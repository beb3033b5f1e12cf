"""Broadcasted residual learning (Kim et al. 2021, "BC-ResNet", arXiv:2106.04140, section 2 and table 1).

As in the paper but for plain batch normalisation where it normalises five sub-bands apart.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import ConvUnit
from kdui.models.log_mel import SoundClassifier, audio_inputs

# Blocks, channels as a multiple of the width, stride along frequency, dilation along time.
_STAGES = ((2, 1.0, 1, 1), (2, 1.5, 2, 2), (4, 2.0, 2, 4), (4, 2.5, 1, 8))


class BroadcastBlock(nn.Module):
    """y = x + f2(x) + broadcast(f1(mean over frequency of f2(x))), equation 2; where the shape changes, x is left out."""

    def __init__(self, inside: int, outside: int, stride: int, dilation: int):
        super().__init__()
        self.mix = ConvUnit(inside, outside, kernel=1) if inside != outside else nn.Identity()
        self.along_frequency = nn.Sequential(
            nn.Conv2d(outside, outside, (3, 1), stride=(stride, 1), padding=(1, 0), groups=outside, bias=False),
            nn.BatchNorm2d(outside),
        )
        self.along_time = nn.Sequential(
            nn.Conv2d(outside, outside, (1, 3), padding=(0, dilation), dilation=(1, dilation), groups=outside, bias=False),
            nn.BatchNorm2d(outside),
            nn.SiLU(),
            nn.Conv2d(outside, outside, 1, bias=False),
        )
        self.keeps_shape = inside == outside and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.along_frequency(self.mix(x))
        sums = maps + self.along_time(maps.mean(dim=2, keepdim=True))
        return torch.relu(x + sums if self.keeps_shape else sums)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """A 5×5 stem, twelve blocks in four stages, and a 1×1 mix of four times the ``width``."""
    width = options["width"]
    channels = 2 * width
    layers: list[nn.Module] = [
        nn.Conv2d(1, channels, 5, stride=(2, 1), padding=2, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    ]
    for blocks, multiple, stride, dilation in _STAGES:
        for block in range(blocks):
            outside = round(width * multiple)
            layers.append(BroadcastBlock(channels, outside, 1 if block else stride, dilation))
            channels = outside
    layers.append(ConvUnit(channels, 4 * width, kernel=1))
    return SoundClassifier(nn.Sequential(*layers), 4 * width, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain waveforms."""
    return audio_inputs(options, facts)
