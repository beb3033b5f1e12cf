"""U-Net (Ronneberger et al. 2015, arXiv:1505.04597): down to a coarse map and up again, each way joined at every size.

Two convolutions at each size, padded so that maps keep it, batch normalisation, nearest enlargement in place of transposed
convolutions. A separable one has a 3×3 filter a channel and a 1×1 mix (Howard et al. 2017, arXiv:1704.04861) in their place.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import StageFailed
from kdui.models.convolution import ConvUnit, PixelScale, image_inputs, units


class Unet(nn.Module):
    """Pixels [n, channels, height, width] to logits [n, height, width, classes]; both sides a multiple of the coarsest cell.

    ``blocks`` holds the stages down and then up, so that the last of each size is the one that the logits are made of.
    """

    def __init__(self, facts: TaskFacts, width: int, stages: int, separable: bool, stride: int):
        super().__init__()
        colours = facts.input["channels"]
        self.scale = PixelScale([0.5] * colours, [0.5] * colours)
        self.stages, self.stride = stages, stride
        channels = [width * 2**stage for stage in range(stages)]
        down = [nn.Sequential(ConvUnit(colours, width, stride=stride), *units(width, width, separable))]
        down += [
            nn.Sequential(nn.MaxPool2d(2), *units(inside, outside, separable), *units(outside, outside, separable))
            for inside, outside in pairwise(channels)
        ]
        up = [
            nn.Sequential(*units(below + beside, beside, separable), *units(beside, beside, separable))
            for below, beside in zip(channels[:0:-1], channels[-2::-1], strict=True)
        ]
        self.blocks = nn.ModuleList(down + up)
        self.head = nn.Linear(width, facts.outputs)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        maps, beside = self.scale(pixels), []
        for block in self.blocks[: self.stages]:
            maps = block(maps)
            beside.append(maps)
        for block, fine in zip(self.blocks[self.stages :], beside[-2::-1], strict=True):
            maps = block(torch.cat([functional.interpolate(maps, scale_factor=2.0), fine], dim=1))
        logits = self.head(maps.permute(0, 2, 3, 1))
        if self.stride == 1:
            return logits
        enlarged = functional.interpolate(logits.permute(0, 3, 1, 2), scale_factor=float(self.stride), mode="bilinear")
        return enlarged.permute(0, 2, 3, 1)


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """See ``Unet``; raises StageFailed where an image's sides are no multiple of the coarsest cell."""
    cell = options["stride"] * 2 ** (options["stages"] - 1)
    height, width = facts.input["height"], facts.input["width"]
    if height % cell or width % cell:
        raise StageFailed(
            f"A U-Net of {options['stages']} stages and stride {options['stride']} needs sides of multiples of {cell} pixels, "
            f"but {facts.title} has images of {height} × {width}. Choose fewer stages."
        )
    return Unet(facts, options["width"], options["stages"], options["separable"], options["stride"])


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain pixels in the task's shape."""
    return image_inputs(options, facts)
