"""Gated recurrent units over log-mel frames, with convolutions before them or not (Graves et al. 2006, section 5; with
convolutions Amodei et al. 2016, "Deep Speech 2", arXiv:1512.02595, section 3)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.convolution import ConvUnit
from kdui.models.frames import STRIDE, by_frame, recording_inputs
from kdui.models.gru_layer import GruLayer
from kdui.models.log_mel import MELS, LogMel

BANDS = MELS // STRIDE // 4  # that three convolutions leave


class Pairs(nn.Module):
    """Features [n, 1, bands, windows] with ``STRIDE`` neighbouring windows side by side, [n, STRIDE, bands, frames]."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        padded = functional.pad(features, (0, STRIDE - 1), value=-1.0)  # silence behind the last window
        return torch.cat([padded[..., :-1:STRIDE], padded[..., 1::STRIDE]], dim=1)


class CtcGru(nn.Module):
    """Samples [n, time] to logits [n, frames, choices]."""

    def __init__(self, options: Mapping[str, Any], facts: TaskFacts):
        super().__init__()
        width, hidden, both = options["width"], options["hidden"], options["two_way"]
        self.log_mel = LogMel(facts.input["rate"])
        self.features = _convolutions(width) if width else Pairs()
        wide = hidden * (1 + both)
        inside = [2 * width * BANDS if width else STRIDE * MELS, *[wide] * (options["layers"] - 1)]
        self.recurrent = nn.Sequential(*(GruLayer(each, hidden, both) for each in inside))
        self.head = nn.Linear(wide, facts.outputs)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.head(self.recurrent(by_frame(self.features(self.log_mel(samples)))))


def _convolutions(width: int) -> nn.Module:
    """[n, 1, MELS, windows] to [n, 2 · width, BANDS, frames]: time is halved once, bands three times."""
    return nn.Sequential(
        ConvUnit(1, width, kernel=5, stride=STRIDE),
        nn.MaxPool2d((2, 1)),
        ConvUnit(width, 2 * width),
        nn.MaxPool2d((2, 1)),
        ConvUnit(2 * width, 2 * width),
    )


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """``folder`` would hold pretrained weights: there are none."""
    return CtcGru(options, facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain waveforms."""
    return recording_inputs(options, facts)
