"""Views of waveforms: faster or slower, earlier or later, brighter or duller, with noise.

That of example i in view v is the same in every process.

A change of speed moves pitch and formants as well, which is how one speaker differs from the next (Ko et al. 2015, "Audio
augmentation for speech recognition", section 2.3).
"""

import torch
from torch.nn import functional

from kdui.training.scattered import hashed, scattered

SPEED = 0.2  # at most this much faster or slower
SHIFT = 0.1  # of the length, at most, earlier or later
NOISE = (10.0, 40.0)  # dB below the sound, in half of the views
TILT = 0.3  # of the previous sample, at most, added or taken away: a duller or a brighter sound
_STEP = 1_640_531_513  # between several draws for one example


def varied(samples: torch.Tensor, index: torch.Tensor, view: int) -> torch.Tensor:
    """View ``view`` of waveforms [batch, length], in the same length; outside of the recording is silence."""
    length = samples.shape[1]
    drawn = hashed(index, view)
    speed, shift, whether, level, tilt = (scattered(drawn + _STEP * part).to(samples.dtype)[:, None] for part in range(5))
    wave = _moved(samples, (1 + SPEED) ** (2 * speed - 1), (2 * shift - 1) * SHIFT * length)
    wave = wave + (2 * tilt - 1) * TILT * functional.pad(wave, (1, 0))[:, :-1]
    power = wave.square().mean(1, keepdim=True).sqrt()
    ratio = 10 ** (-(NOISE[0] + (NOISE[1] - NOISE[0]) * level) / 20)
    place = torch.arange(length, device=samples.device)
    hiss = (scattered(drawn[:, None] + 977 * (place + 1)).to(samples.dtype) - 0.5) * 12**0.5  # of variance 1
    return wave + hiss * power * ratio * (whether < 0.5)


def _moved(samples: torch.Tensor, rate: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Read at other places: ``rate`` times as fast around the middle, ``shift`` samples later; linear between samples."""
    length = samples.shape[1]
    middle = (length - 1) / 2
    places = (torch.arange(length, device=samples.device, dtype=samples.dtype) - middle) * rate + middle + shift
    first = places.floor()
    padded = functional.pad(samples, (1, 1))  # what lies outside reads a zero
    before, after = (padded.gather(1, (first.long() + 1 + step).clamp(0, length + 1)) for step in (0, 1))
    return before + (places - first) * (after - before)
