"""DCGAN's generator (Radford et al. 2016, arXiv:1511.06434, section 3): noise to coarse maps, and those enlarged twice.

Nearest enlargement and a convolution stand in place of each transposed convolution, which leaves a checkerboard (Odena et al.
2016, Deconvolution and checkerboard artifacts) and has no int8 kernel in ONNX Runtime. Levels come from a logistic function.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import StageFailed
from kdui.models.convolution import units

_ENLARGED = 4  # from the coarsest maps to the picture


class Coarse(nn.Module):
    """Noise [n, latent] to maps [n, channels, height, width], by one linear layer."""

    def __init__(self, latent: int, channels: int, size: tuple[int, int]):
        super().__init__()
        self.size = size
        self.linear = nn.Linear(latent, channels * size[0] * size[1], bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        maps = self.linear(noise).unflatten(1, (-1, *self.size))
        return torch.relu(self.norm(maps))


class Generator(nn.Module):
    """Noise [n, latent] to pictures [n, height, width, channels] in 0..1; both sides a multiple of four.

    ``blocks`` holds one stage a resolution.
    """

    def __init__(self, facts: TaskFacts, width: int, separable: bool):
        super().__init__()
        size = (facts.input["height"] // _ENLARGED, facts.input["width"] // _ENLARGED)
        stages = [
            nn.Sequential(nn.Upsample(scale_factor=2.0), *units(inside, outside, separable))
            for inside, outside in ((4 * width, 2 * width), (2 * width, width))
        ]
        self.blocks = nn.ModuleList([Coarse(facts.input["noise"], 4 * width, size), *stages])
        self.head = nn.Linear(width, facts.outputs)

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        maps = noise
        for block in self.blocks:
            maps = block(maps)
        return torch.sigmoid(self.head(maps.permute(0, 2, 3, 1)))


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """See ``Generator``; raises StageFailed where a picture's sides are no multiple of four."""
    height, width = facts.input["height"], facts.input["width"]
    if height % _ENLARGED or width % _ENLARGED:
        raise StageFailed(
            f"A DCGAN needs pictures with sides of multiples of {_ENLARGED} pixels, but {facts.title} has {height} × {width}."
        )
    return Generator(facts, options["width"], options["separable"])


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Noise of the task's width."""
    return InputSettings(modality="noise", settings={"noise": facts.input["noise"]})
