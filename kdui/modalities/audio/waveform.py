"""Waveforms: down-mixed, resampled and cut to the length that a model takes; no file formats, no torch."""

import math

import numpy as np

from kdui.modalities.audio import RATE

_TAPS = 16  # zero crossings of the low-pass filter on each side
_HOP = 0.01  # seconds: by how much the window of the loudest part is moved


def mono(samples: np.ndarray) -> np.ndarray:
    """[frames] or [frames, channels] to the mean of the channels, float32 [frames]."""
    values = np.asarray(samples, np.float32)
    return values if values.ndim == 1 else values.mean(axis=1, dtype=np.float32)


def resampled(wave: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """The same sound at another rate: what the new rate cannot hold is filtered out by a windowed sinc (Hann) first.

    Band-limited interpolation (Smith and Gossett 1984): each new sample is a weighted sum of its neighbours.
    """
    if rate == wanted or not len(wave):
        return wave
    cutoff = min(1.0, wanted / rate)
    reach = math.ceil(_TAPS / cutoff)
    padded = np.pad(wave.astype(np.float32), reach)
    count = max(1, round(len(wave) * wanted / rate))
    made = np.empty(count, np.float32)
    offsets = np.arange(1 - reach, reach + 1)
    for start in range(0, count, 8192):  # a block at a time: a long recording must not become a matrix of gigabytes
        places = np.arange(start, min(start + 8192, count)) * (rate / wanted)
        first = np.floor(places).astype(np.int64)
        distance = offsets[None, :] - (places - first)[:, None]
        weights = cutoff * np.sinc(cutoff * distance) * np.cos(np.pi * np.clip(distance / (2 * reach), -0.5, 0.5)) ** 2
        made[start : start + len(places)] = (padded[first[:, None] + offsets + reach] * weights).sum(axis=1)
    return made


def fitted(wave: np.ndarray, samples: int) -> np.ndarray:
    """Exactly ``samples`` of it: the part with the most energy of a longer one, silence on both sides of a shorter one."""
    if len(wave) > samples:
        hop = max(1, round(_HOP * RATE))
        energy = np.concatenate([[0.0], np.cumsum(np.square(wave, dtype=np.float64))])
        starts = np.arange(0, len(wave) - samples + 1, hop)
        start = int(starts[np.argmax(energy[starts + samples] - energy[starts])])
        return wave[start : start + samples]
    before = (samples - len(wave)) // 2
    return np.pad(wave, (before, samples - len(wave) - before))


def sixteen_bits(wave: np.ndarray) -> np.ndarray:
    """−1..1 to int16, cut off outside."""
    levels: np.ndarray = np.clip(np.rint(wave * 32768), -32768, 32767).astype(np.int16)
    return levels
