"""Convolutional network over log-mel features: a strided stem, then stages as those of the images' CNN."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import ConvUnit, plain_stages
from kdui.models.log_mel import SoundClassifier, audio_inputs


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """``width`` channels in the first of ``stages`` stages, ``depth`` convolutions in each."""
    channels = options["width"]
    stem = ConvUnit(1, channels, kernel=5, stride=2)
    layers, channels = plain_stages(channels, options)
    return SoundClassifier(nn.Sequential(stem, *layers), channels, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain waveforms."""
    return audio_inputs(options, facts)
