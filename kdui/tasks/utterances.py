"""Utterances that are composed of parts: sounds with pauses between them and noise under all, filled up to one length."""

from collections.abc import Callable, Sequence

import numpy as np

from kdui.modalities.audio.waveform import sixteen_bits
from kdui.tasks.examples import Examples

NONE = -1  # behind the last symbol of a target

Compose = Callable[[np.random.RandomState], tuple[np.ndarray, list[int]]]  # a wave in −1..1 and its symbols


def put_together(parts: Sequence[np.ndarray], pauses: Sequence[int], noise: float, random: np.random.RandomState) -> np.ndarray:
    """The parts with a pause of so many samples before each and behind the last, and white noise so many dB below their power."""
    pieces = [piece for pause, part in zip(pauses, parts, strict=False) for piece in (np.zeros(pause, np.float32), part)]
    wave = np.concatenate([*pieces, np.zeros(pauses[len(parts)], np.float32)])
    level = float(np.sqrt(np.mean(np.square(wave)))) * 10 ** (-noise / 20)
    return np.clip(wave + level * random.standard_normal(len(wave)), -1, 1).astype(np.float32)


def utterances(compose: Compose, count: int, seed: int, samples: int) -> Examples:
    """So many of them, int16 [count, samples], silence behind each; targets [count, most] filled up with ``NONE``.

    The legacy generator is used because numpy promises that its stream never changes.
    """
    random = np.random.RandomState(seed)
    inputs = np.zeros((count, samples), np.int16)
    symbols = []
    for row in inputs:
        wave, own = compose(random)
        row[: len(wave)] = sixteen_bits(wave)
        symbols.append(own)
    targets = np.full((count, max(map(len, symbols))), NONE, np.int64)
    for target, own in zip(targets, symbols, strict=True):
        target[: len(own)] = own
    return Examples(inputs, targets)
