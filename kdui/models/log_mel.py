"""Log-mel features inside the network, so that an exported graph takes a plain waveform.

Nothing here is trained: windows and filters are buffers, which no pruning, rounding or count of parameters touches.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from kdui.core.contracts import InputSettings, TaskFacts

WINDOW = 256  # samples, a power of two: 32 ms at 8 kHz
HOP = 128
MELS = 40
LOWEST = 20.0  # Hz
DECADES = 6.0  # below the loudest value of an example, where features end: 60 dB
BANDS, FRAMES = 6, 8  # at most so many are hidden in training
_FLOOR = 1e-10


class LogMel(nn.Module):
    """Samples [n, length] in −1..1 to features [n, 1, MELS, frames] in −1..1.

    Power of a short-time Fourier transform (Hann window), triangular mel filters (HTK's scale), log10, then relative to the
    loudest value of the example, 60 dB down (as Whisper does with 80, Radford et al. 2022, section 2.2): gain changes nothing.
    """

    window: torch.Tensor
    filters: torch.Tensor

    def __init__(self, rate: int):
        super().__init__()
        self.register_buffer("window", torch.hann_window(WINDOW))
        self.register_buffer("filters", torch.from_numpy(mel_filters(rate)))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        with torch.autocast(samples.device.type, enabled=False):  # power spans more decades than half precision has
            waves = torch.stft(samples.float(), WINDOW, HOP, WINDOW, self.window, center=False, return_complex=True)
            power = torch.view_as_real(waves).square().sum(-1)
            levels = torch.log10((power.transpose(1, 2) @ self.filters).clamp(min=_FLOOR))
            below = levels - levels.amax(dim=(1, 2), keepdim=True)
            features = below.clamp(min=-DECADES) * (2 / DECADES) + 1
            if self.training:
                features = masked(masked(features, BANDS, 2), FRAMES, 1)
        return features.transpose(1, 2).unsqueeze(1)


def masked(features: torch.Tensor, most: int, axis: int) -> torch.Tensor:
    """Features [n, frames, mels] with silence in up to ``most`` neighbouring places of an axis, drawn for each example.

    SpecAugment without warping (Park et al. 2019, arXiv:1904.08779, section 2).
    """
    count, size = len(features), features.shape[axis]
    width, start = torch.rand(2, count, 1, device=features.device) * torch.tensor([[[most]], [[size]]], device=features.device)
    place = torch.arange(size, device=features.device)
    hidden = (place >= start) & (place < start + width)
    return features.masked_fill(hidden[:, None, :] if axis == 2 else hidden[:, :, None], -1.0)


def mel_filters(rate: int) -> np.ndarray:
    """Triangles over the bins of the spectrum, float32 [WINDOW / 2 + 1, MELS], equally wide in mel."""
    edges = np.linspace(_mel(LOWEST), _mel(rate / 2), MELS + 2)
    bins = _mel(np.arange(WINDOW // 2 + 1) * rate / WINDOW)[:, None]
    rising, falling = (bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def _mel(frequency: Any) -> Any:
    """HTK's mel scale."""
    return 2595 * np.log10(1 + frequency / 700)


def audio_inputs(options: Mapping[str, Any], facts: TaskFacts) -> InputSettings:
    """Waveforms of the task's length and rate."""
    return InputSettings(modality="audio", settings={key: facts.input[key] for key in ("samples", "rate")})


class SoundClassifier(nn.Module):
    """Features [n, channels, bands, frames] of the log-mel spectrogram, their mean over both, and a linear head.

    No channel count stands in ``forward``: whatever surgery leaves is what runs.
    """

    def __init__(self, features: nn.Module, channels: int, facts: TaskFacts):
        super().__init__()
        self.log_mel = LogMel(facts.input["rate"])
        self.features = features
        self.head = nn.Linear(channels, facts.outputs)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(self.log_mel(samples)).mean(dim=(2, 3)))
