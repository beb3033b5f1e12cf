"""What models share that emit a symbol or nothing for each frame of a recording.

All of them have a frame each ``STRIDE`` windows of the log-mel spectrogram, 32 ms, so the frames of one are those of another.
"""

from collections.abc import Mapping
from typing import Any

import torch

from kdui.core.contracts import InputSettings, TaskFacts

STRIDE = 2  # windows of the spectrogram a frame, each ``log_mel.HOP`` samples later than the one before


def recording_inputs(options: Mapping[str, Any], facts: TaskFacts) -> InputSettings:
    """Waveforms of the task's rate; ``samples`` are those of its longest recording, which is what a latency is of."""
    return InputSettings(modality="recording", settings={key: facts.input[key] for key in ("samples", "rate")})


def by_frame(maps: torch.Tensor) -> torch.Tensor:
    """Maps [n, channels, bands, frames] as one vector a frame, [n, frames, channels · bands]."""
    return maps.permute(0, 3, 1, 2).flatten(2)
