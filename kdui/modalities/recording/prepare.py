"""Recordings for a graph whose time is free: silence behind the shorter ones of a batch, nothing cut off."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.contracts import TaskFacts
from kdui.modalities.audio import RATE
from kdui.modalities.audio import prepare as sound
from kdui.modalities.audio.waveform import sixteen_bits

LEAST = RATE // 4  # samples that a graph gets at least, so that there are frames to look at

AXES = {"samples": ("batch", "time")}

opened = sound.opened
blank = sound.blank
seconds = sound.seconds


def prepare(raw: Sequence[Any], settings: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """``samples`` float32 [n, longest] in −1..1 from int16 waveforms."""
    if isinstance(raw, np.ndarray) and raw.ndim == 2 and raw.shape[1] >= LEAST:
        return {"samples": raw.astype(np.float32) / 32768}
    samples = np.zeros((len(raw), max(LEAST, *(len(wave) for wave in raw))), np.float32)
    for row, wave in zip(samples, raw, strict=True):
        row[: len(wave)] = np.asarray(wave, np.float32) / 32768
    return {"samples": samples}


def shown(raw: Any) -> dict[str, Any]:
    """Its spectrogram as an ``image`` and the ``sound`` as a WAV file in base64, without the silence that fills up a data set."""
    return sound.shown(without_filling(raw))


def without_filling(raw: Any) -> np.ndarray:
    """int16 samples [n] up to the last one that is not zero, ``LEAST`` at the least."""
    wave = np.asarray(raw, np.int16)
    return wave[: max(LEAST, int(np.flatnonzero(wave).max(initial=-1)) + 1)]


def parse(payload: Any, facts: TaskFacts) -> np.ndarray:
    """One example, int16 [samples], from the bytes of a WAV file or an array of int16 [samples]; whole, however long it is.

    Channels become their mean, the rate that of the task. Raises KduiError in words where there is nothing to transcribe.
    """
    if isinstance(payload, np.ndarray) and payload.dtype == np.int16 and payload.ndim == 1:
        return payload
    return sixteen_bits(sound.wave_of(payload))
