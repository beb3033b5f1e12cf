"""DS-CNN (Zhang et al. 2017, "Hello Edge", arXiv:1711.07128, section 4.2) that keeps its frames; separable convolutions over time
behind it (as QuartzNet has them, Kriman et al. 2019, arXiv:1910.10261) see the neighbouring ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import ConvUnit
from kdui.models.frames import STRIDE, recording_inputs
from kdui.models.log_mel import LogMel

REACH = 9  # frames of a convolution over time


class FramesAlong(nn.Sequential):
    """A filter of ``REACH`` frames a channel and a 1×1 mix, [n, channels, 1, frames]."""

    def __init__(self, width: int):
        over_time = nn.Conv2d(width, width, (1, REACH), padding=(0, REACH // 2), groups=width, bias=False)
        super().__init__(over_time, nn.BatchNorm2d(width), nn.ReLU(), ConvUnit(width, width, kernel=1))


class CtcDsCnn(nn.Module):
    """Samples [n, time] to logits [n, frames, choices]. No channel count stands in ``forward``."""

    def __init__(self, options: Mapping[str, Any], facts: TaskFacts):
        super().__init__()
        width = options["width"]
        self.log_mel = LogMel(facts.input["rate"])
        layers: list[nn.Module] = [ConvUnit(1, width, kernel=5, stride=STRIDE), nn.MaxPool2d((2, 1))]
        for _ in range(options["depth"]):
            layers += [ConvUnit(width, width, groups=width), ConvUnit(width, width, kernel=1)]
        self.features = nn.Sequential(*layers)
        self.along = nn.Sequential(*(FramesAlong(width) for _ in range(options["along"])))
        self.head = nn.Linear(width, facts.outputs)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        frames = self.along(self.features(self.log_mel(samples)).mean(dim=2, keepdim=True))
        return self.head(frames.squeeze(2).transpose(1, 2))


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """``folder`` would hold pretrained weights: there are none."""
    return CtcDsCnn(options, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain waveforms."""
    return recording_inputs(options, facts)
