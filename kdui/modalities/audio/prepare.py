"""Audio: the data set's own waveforms for a graph, and what a person recorded or uploaded made to look like them."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.modalities.audio import RATE
from kdui.modalities.audio.sound_files import read_wav, wav_of
from kdui.modalities.audio.spectrogram import picture
from kdui.modalities.audio.waveform import fitted, mono, resampled, sixteen_bits

SILENT = "This recording is silent. Record again nearer to the microphone, upload a sound, or pick one of the test examples."
_LEAST = 10 / 32768  # a peak below it is the noise of a converter
_NEIGHBOURS = 2000  # training examples that novelty is compared with

AXES = {"samples": ("batch", "sample")}


def prepare(raw: Sequence[Any], settings: Mapping[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """``samples`` float32 [n, samples] in −1..1 from int16 waveforms of that length."""
    return {"samples": np.asarray(raw, dtype=np.int16).reshape(len(raw), settings["samples"]).astype(np.float32) / 32768}


def blank(shape: Mapping[str, Any], batch: int) -> dict[str, np.ndarray]:
    """A tone, so that a graph's logarithms have something to take."""
    tone = 0.1 * np.sin(2 * np.pi * 440 / RATE * np.arange(shape["samples"]))
    return {"samples": np.tile(tone.astype(np.float32), (batch, 1))}


def shown(raw: Any) -> dict[str, Any]:
    """Its spectrogram as an image, frequency upwards and time to the right, and the ``sound`` as a WAV file in base64."""
    wave = np.asarray(raw, np.int16)
    sound = base64.b64encode(wav_of(wave)).decode("ascii")
    return {"text": None, "image": picture(wave.astype(np.float32) / 32768).tolist(), "sound": sound}


def opened(data: bytes) -> bytes:
    """What ``parse`` takes of an uploaded file: its bytes, once they are seen to be a recording."""
    read_wav(data)
    return data


def parse(payload: Any, facts: TaskFacts) -> np.ndarray:
    """One example, int16 [samples], from the bytes of a WAV file or an array of int16 of exactly the task's length.

    Channels become their mean, the rate that of the task, and of a longer recording the second with the most energy is taken.
    Raises KduiError in words where there is nothing to hear.
    """
    samples = int(facts.input["samples"])
    if isinstance(payload, np.ndarray) and payload.dtype == np.int16 and payload.shape == (samples,):
        return payload
    return sixteen_bits(fitted(wave_of(payload), samples))


def wave_of(payload: Any) -> np.ndarray:
    """The bytes of a WAV file as float32 [samples] of one channel at ``RATE``; raises KduiError where it is silent."""
    if not isinstance(payload, bytes):
        raise KduiError("A recording is needed here. Record one, upload a sound file, or pick one of the test examples.")
    sound, found = read_wav(payload)
    wave = resampled(mono(sound), found, RATE)
    if not len(wave) or float(np.abs(wave).max()) < _LEAST:
        raise KduiError(SILENT)
    return wave


def traits(train: Sequence[Any], test: Sequence[Any]) -> dict[str, np.ndarray]:
    """``novelty``: distance to the nearest training example over spectrograms; ``loudness``: dB below full scale."""
    near, far = (np.stack([picture(np.asarray(wave, np.float32) / 32768).ravel() for wave in part]) for part in (train, test))
    near, far = near[:_NEIGHBOURS].astype(np.float32) / 255, far.astype(np.float32) / 255
    squares = (far**2).sum(1)[:, None] + (near**2).sum(1) - 2 * far @ near.T
    power = [np.sqrt(np.mean(np.square(np.asarray(wave, np.float64) / 32768))) for wave in test]
    return {
        "novelty": np.sqrt(np.maximum(squares.min(1), 0) / far.shape[1]),
        "loudness": 20 * np.log10(np.maximum(power, 1e-6)),
    }


def seconds(settings: Mapping[str, Any]) -> float:
    """How long one example of these settings lasts."""
    return float(settings["samples"] / RATE)


def notice(payload: Any, facts: TaskFacts) -> str:
    """A sentence where only a part of a recording is taken, else an empty one."""
    if not isinstance(payload, bytes):
        return ""
    sound, rate = read_wav(payload)
    seconds, taken = len(sound) / rate, facts.input["samples"] / RATE
    if seconds <= taken:
        return ""
    return f"This recording lasts {seconds:.1f} s; the models take the {taken:g} s of it with the most energy."
