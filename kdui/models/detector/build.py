"""An anchor-free detector on one scale: down to a coarse map, up again to cells of 8 × 8 pixels, and one linear layer a cell.

As FCOS (Tian et al. 2019, arXiv:1904.01355) with a feature pyramid (Lin et al. 2017, arXiv:1612.03144) of which only the finest
level predicts: the objects of small images differ less in size than those of COCO do. One head gives class and box alike.
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

FINEST = 2  # the stage whose maps have cells of 8 × 8 pixels: halved three times


class Detector(nn.Module):
    """Pixels [n, channels, height, width] to outputs [n, height / 8, width / 8, classes + 4] (see ``problems.detection``).

    ``blocks`` holds the stages down and then up, so that the last of each size is the one that the outputs are made of.
    """

    def __init__(self, facts: TaskFacts, width: int, stages: int, depth: int, separable: bool):
        super().__init__()
        colours = facts.input["channels"]
        self.scale = PixelScale([0.5] * colours, [0.5] * colours)
        self.stages = stages
        channels = [width * 2**stage for stage in range(stages)]
        down = [nn.Sequential(ConvUnit(colours, width, stride=2), *_deep(width, width, depth - 1, separable))]
        down += [
            nn.Sequential(nn.MaxPool2d(2), *_deep(inside, outside, depth, separable)) for inside, outside in pairwise(channels)
        ]
        fine = channels[FINEST:]
        up = [
            nn.Sequential(*_deep(below + beside, beside, depth, separable))
            for below, beside in zip(fine[:0:-1], fine[-2::-1], strict=True)
        ]
        last = nn.Sequential(*_deep(fine[0], fine[0], depth, separable))
        self.blocks = nn.ModuleList([*down, *up, last])
        self.head = nn.Linear(fine[0], facts.outputs)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        maps, beside = self.scale(pixels), []
        for block in self.blocks[: self.stages]:
            maps = block(maps)
            beside.append(maps)
        for block, fine in zip(self.blocks[self.stages : -1], beside[-2 : FINEST - 1 : -1], strict=True):
            maps = block(torch.cat([functional.interpolate(maps, scale_factor=2.0), fine], dim=1))
        return self.head(self.blocks[-1](maps).permute(0, 2, 3, 1))


def _deep(inside: int, outside: int, depth: int, separable: bool) -> list[nn.Module]:
    """``depth`` convolutions one after the other, the first of which changes the number of channels."""
    return [layer for number in range(depth) for layer in units(outside if number else inside, outside, separable)]


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """See ``Detector``; raises StageFailed where an image's sides are no multiple of the coarsest cell."""
    cell = 2 ** options["stages"]
    height, width = facts.input["height"], facts.input["width"]
    if height % cell or width % cell:
        raise StageFailed(
            f"A detector of {options['stages']} stages needs sides of multiples of {cell} pixels, but {facts.title} has images "
            f"of {height} × {width}. Choose fewer stages."
        )
    return Detector(facts, options["width"], options["stages"], options["depth"], options["separable"])


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain pixels in the task's shape."""
    return image_inputs(options, facts)
