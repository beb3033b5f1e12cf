"""Depthwise-separable network: a 3×3 filter a channel, then a 1×1 mix (MobileNet, Howard et al. 2017, arXiv:1704.04861)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import ConvClassifier, ConvUnit, image_inputs


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """A 3×3 stem of ``width`` channels, then ``stages`` stages of ``depth`` separable convolutions, each twice as wide."""
    channels = options["width"]
    layers: list[nn.Module] = [ConvUnit(facts.input["channels"], channels)]
    for stage in range(options["stages"]):
        for position in range(options["depth"]):
            outside = options["width"] * 2 ** (stage + 1)
            stride = 2 if stage and not position else 1
            layers += [ConvUnit(channels, channels, stride=stride, groups=channels), ConvUnit(channels, outside, kernel=1)]
            channels = outside
    return ConvClassifier(nn.Sequential(*layers), channels, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain pixels in the task's shape."""
    return image_inputs(options, facts)
