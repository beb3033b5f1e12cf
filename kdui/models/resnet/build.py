"""Residual network for small images: 6 × blocks + 2 layers deep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import ConvClassifier, image_inputs
from kdui.models.residual import residual_stages


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """``width`` channels in the first stage, ``blocks`` basic blocks in each of ``stages`` stages."""
    features, channels = residual_stages(facts.input["channels"], options["width"], options["stages"], options["blocks"])
    return ConvClassifier(features, channels, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain pixels in the task's shape."""
    return image_inputs(options, facts)
