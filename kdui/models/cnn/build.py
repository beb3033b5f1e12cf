"""Plain convolutional network: stages of 3×3 convolutions, twice as wide after each 2×2 pooling."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import ConvClassifier, image_inputs, plain_stages


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """``width`` channels in the first of ``stages`` stages, ``depth`` convolutions in each."""
    layers, channels = plain_stages(facts.input["channels"], options)
    return ConvClassifier(nn.Sequential(*layers), channels, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain pixels in the task's shape."""
    return image_inputs(options, facts)
