"""Recordings that people have, and those that were made to hurt: what is read, how it is fitted, and what is refused in words."""

import io
import struct

import numpy as np
import pytest
from scipy.io import wavfile
from scipy.signal import resample_poly

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError
from kdui.modalities import modality_of, seconds_of
from kdui.modalities.audio import RATE
from kdui.modalities.audio import prepare as audio
from kdui.modalities.audio.sound_files import MOST_BYTES, MOST_SECONDS, read_wav, wav_of
from kdui.modalities.audio.waveform import fitted, resampled
from kdui.models.log_mel import audio_inputs

FACTS = TASKS["spoken-digits"]
TONE = 0.5 * np.sin(2 * np.pi * 440 / RATE * np.arange(RATE // 2))


def written(samples: np.ndarray, rate: int = RATE) -> bytes:
    """A WAV file by another writer than ours."""
    file = io.BytesIO()
    wavfile.write(file, rate, samples)
    return file.getvalue()


def header(*, kind=1, channels=1, rate=RATE, bits=16, promised=16, data=b"\0" * 16) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, 0, 0, bits)
    return struct.pack("<4sI4s", b"RIFF", 0, b"WAVE") + form + struct.pack("<4sI", b"data", promised) + data


@pytest.mark.parametrize(("kind", "scale"), [("u1", 127), ("<i2", 2**15 - 1), ("<i4", 2**31 - 1), ("<f4", 1), ("<f8", 1)])
def test_every_usual_width_is_read(kind, scale):
    levels = (TONE * scale + (128 if kind == "u1" else 0)).astype(kind)
    sound, rate = read_wav(written(np.stack([levels, levels], 1), 16000))
    assert (sound.shape, sound.dtype, rate) == ((RATE // 2, 2), np.float32, 16000)
    assert np.abs(sound[:, 0] - TONE).max() < (0.02 if kind == "u1" else 1e-3)


def test_24_bits_are_read():
    levels = np.array([-(2**23), -1, 0, 2**22, 2**23 - 1], np.int32)
    data = levels.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    assert read_wav(header(bits=24, promised=len(data), data=data))[0].ravel() == pytest.approx(levels / 2**23, abs=1e-6)


def test_a_test_example_comes_back_bit_for_bit():
    wave = np.random.default_rng(0).integers(-32768, 32768, RATE).astype(np.int16)
    assert np.array_equal(audio.parse(wav_of(wave), FACTS), wave)
    assert np.array_equal(wavfile.read(io.BytesIO(wav_of(wave)))[1], wave)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a WAV file"),
        (b"\x89PNG" * 20, "not a WAV file"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff", "not a WAV file"),
        (header(promised=2**32 - 1, data=b""), "is empty"),
        (header(channels=0), "0 channels"),
        (header(channels=60_000), "60,000 channels"),
        (header(rate=4_000_000_000), "Hz"),
        (header(bits=0), "is empty"),
        (header(bits=12), "codec"),
        (header(kind=85), "codec"),
        (header(kind=3, bits=32, promised=8, data=struct.pack("<2f", float("nan"), 1)), "no numbers"),
        (b"\0" * (MOST_BYTES + 1), "MB"),
        (written(np.zeros(RATE * MOST_SECONDS + RATE, np.int16)), "lasts 31 s"),
    ],
)
def test_what_is_no_recording_is_refused_in_words(data, words):
    with pytest.raises(KduiError, match=words):
        audio.opened(data)


def test_a_length_that_promises_more_than_there_is_takes_what_there_is():
    assert len(read_wav(header(promised=2**32 - 1, data=b"\1\0" * 100))[0]) == 100


def test_silence_and_other_things_are_refused():
    for payload, words in [(wav_of(np.zeros(800, np.int16)), "silent"), (None, "is needed"), ("text", "is needed")]:
        with pytest.raises(KduiError, match=words):
            audio.parse(payload, FACTS)


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 44100])
def test_a_tone_keeps_its_pitch_and_level_at_another_rate(rate):
    time = np.arange(rate) / rate
    made = resampled(np.sin(2 * np.pi * 1000 * time).astype(np.float32), rate, RATE)
    inner = slice(800, -800)
    assert len(made) == RATE
    assert np.abs(made - np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE))[inner].max() < 0.01
    reference = resample_poly(np.sin(2 * np.pi * 1000 * time), RATE, rate)
    assert np.abs(made - reference)[inner].max() < 0.01


def test_what_the_new_rate_cannot_hold_is_filtered_out():
    high = np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000).astype(np.float32)
    assert np.abs(resampled(high, 16000, RATE)[200:-200]).max() < 0.01


def test_the_loudest_second_is_taken_and_a_short_sound_stands_in_the_middle():
    long = np.concatenate([np.full(12345, 0.01), np.full(RATE, 0.5), np.full(3000, 0.01)]).astype(np.float32)
    assert fitted(long, RATE).mean() > 0.495
    assert np.array_equal(fitted(np.ones(2, np.float32), 5), [0, 1, 1, 0, 0])
    assert "lasts 2.9 s" in audio.notice(wav_of(np.ones(23345, np.int16)), FACTS) and not audio.notice(wav_of(np.ones(9)), FACTS)


def test_an_example_is_shown_as_its_spectrogram_and_prepared_in_its_range():
    wave = np.zeros(RATE, np.int16)
    wave[2000:6000] = 16384 * np.sin(2 * np.pi * 3000 / RATE * np.arange(4000))
    grey = np.array(audio.shown(wave)["image"])
    row, column = np.unravel_index(grey.argmax(), grey.shape)
    assert abs((len(grey) - 1 - row) / len(grey) - 0.75) < 0.05 and 0.25 < column / grey.shape[1] < 0.75
    arrays = modality_of("audio").prepare([wave, wave.tolist()], dict(FACTS.input), None)
    assert arrays["samples"].shape == (2, RATE) and arrays["samples"].max() == pytest.approx(0.5, abs=1e-3)
    assert FACTS.input["rate"] == RATE
    assert seconds_of(audio_inputs({}, FACTS)) == 1
    result = audio.traits([wave], [wave, wave // 2, np.roll(wave, 1500)])
    assert result["novelty"][0] < 0.01 < result["novelty"][2]
    assert result["loudness"][0] - result["loudness"][1] == pytest.approx(6, abs=0.1)
