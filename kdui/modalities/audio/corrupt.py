"""Sounds made worse in five steps: noise, gain and shifts. Waveforms are floats in −1..1 or integers, an array [n, samples] or a
list of arrays.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kdui.modalities.corruption import Corruption

SOUND_NOISE = (30.0, 20.0, 15.0, 10.0, 5.0)  # signal to noise, dB
GAIN = (-6.0, -12.0, -18.0, -24.0, -30.0)  # dB
MOVED = (0.05, 0.1, 0.15, 0.2, 0.3)  # share of the length, earlier or later


def hissing(waves: Sequence[np.ndarray], severity: int, generator: np.random.Generator) -> Any:
    """White noise at a signal-to-noise ratio, measured on each wave's own power."""
    share = 10 ** (-SOUND_NOISE[severity - 1] / 20)
    return _each(waves, lambda wave: wave + share * _power(wave) * generator.standard_normal(wave.shape))


def quieter(waves: Sequence[np.ndarray], severity: int, generator: np.random.Generator) -> Any:
    """The same sound, further away."""
    return _each(waves, lambda wave: wave * 10 ** (GAIN[severity - 1] / 20))


def moved(waves: Sequence[np.ndarray], severity: int, generator: np.random.Generator) -> Any:
    """The same sound earlier or later: what leaves on one side is lost, silence joins on the other."""
    return _each(waves, lambda wave: _moved(wave, round(MOVED[severity - 1] * len(wave)), generator.random() < 0.5))


def _moved(wave: np.ndarray, count: int, later: bool) -> np.ndarray:
    silence = np.zeros(count, wave.dtype)
    return np.concatenate([silence, wave[: len(wave) - count]] if later else [wave[count:], silence])


def _power(wave: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(wave)))) if wave.size else 0.0


def _each(waves: Sequence[np.ndarray], change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Every wave changed in double precision, and put back into its own type without running over."""
    corrupted = []
    for wave in waves:
        kind = np.asarray(wave).dtype
        changed = change(np.asarray(wave, np.float64))
        if kind.kind in "iu":
            limits = np.iinfo(kind)
            changed = np.rint(np.clip(changed, limits.min, limits.max))
        corrupted.append(changed.astype(kind))
    return np.stack(corrupted) if isinstance(waves, np.ndarray) else corrupted


CORRUPTIONS: dict[str, Corruption] = {"noise": hissing, "gain": quieter, "shift": moved}
