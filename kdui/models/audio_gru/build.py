"""GRU over log-mel frames (Cho et al. 2014, arXiv:1406.1078; for keywords Zhang et al. 2017, arXiv:1711.07128, section 4.1)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.models.log_mel import MELS, LogMel, audio_inputs


class AudioGru(nn.Module):
    """Samples [n, length] to logits [n, labels]: the mean of the states over all frames goes through a linear head."""

    def __init__(self, hidden: int, facts: TaskFacts):
        super().__init__()
        self.log_mel = LogMel(facts.input["rate"])
        self.recurrent = nn.GRU(MELS, hidden, batch_first=True)
        self.head = nn.Linear(hidden, facts.outputs)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        frames = self.log_mel(samples)[:, 0].transpose(1, 2)
        return self.head(self.recurrent(frames)[0].mean(dim=1))


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> nn.Module:
    """``hidden`` units in one direction."""
    return AudioGru(options["hidden"], facts)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Plain waveforms."""
    return audio_inputs(options, facts)
