"""DS-CNN (Zhang et al. 2017, "Hello Edge", arXiv:1711.07128, section 4.2) on log-mel features instead of MFCC."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import ConvUnit
from kdui.models.log_mel import SoundClassifier, audio_inputs


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """A 5×5 stem of ``width`` channels with stride 2, then ``depth`` times a 3×3 filter a channel and a 1×1 mix."""
    width = options["width"]
    layers: list[nn.Module] = [ConvUnit(1, width, kernel=5, stride=2)]
    for _ in range(options["depth"]):
        layers += [ConvUnit(width, width, groups=width), ConvUnit(width, width, kernel=1)]
    return SoundClassifier(nn.Sequential(*layers), width, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain waveforms."""
    return audio_inputs(options, facts)
