"""Corruptions are seeded, keep shape and type, and do more at each severity."""

import difflib

import numpy as np
import pytest

from kdui.modalities.corruption import SEVERITIES, corrupted, corruptions_of

PICTURES = np.random.default_rng(0).integers(0, 256, (12, 16, 14, 1), dtype=np.uint8)
TEXTS = [f"the company said net profit rose to a record {number} on higher sales this year" for number in range(30)]
WAVES = np.sin(np.linspace(0, 60, 800))[None].repeat(3, 0) * 0.5


def distance(raw, worse) -> float:
    if isinstance(raw, list):
        return float(np.mean([1 - difflib.SequenceMatcher(None, a, b).ratio() for a, b in zip(raw, worse, strict=True)]))
    return float(np.abs(np.asarray(raw, float) - np.asarray(worse, float)).mean())


@pytest.mark.parametrize("name", corruptions_of("image"))
def test_images(name):
    steps = [corrupted(PICTURES, "image", name, severity) for severity in SEVERITIES]
    assert all(step.shape == PICTURES.shape and step.dtype == np.uint8 for step in steps)
    distances = [distance(PICTURES, step) for step in steps]
    assert distances[0] > 0 and distances == sorted(distances) and distances[-1] > 1.5 * distances[0]
    assert np.array_equal(steps[2], corrupted(PICTURES, "image", name, 3))


@pytest.mark.parametrize("name", corruptions_of("text"))
def test_texts(name):
    before = list(TEXTS)
    steps = [corrupted(TEXTS, "text", name, severity) for severity in SEVERITIES]
    assert before == TEXTS and all(len(step) == len(TEXTS) and all(step) for step in steps)
    distances = [distance(TEXTS, step) for step in steps]
    assert distances[0] > 0 and distances == sorted(distances)
    assert steps[3] == corrupted(TEXTS, "text", name, 4)


def test_words_are_kept_when_shuffled_and_lost_when_dropped():
    shuffled, dropped = (corrupted(TEXTS, "text", name, 5) for name in ("shuffling", "word_drop"))
    assert all(sorted(a.split()) == sorted(b.split()) for a, b in zip(TEXTS, shuffled, strict=True))
    share = sum(len(text.split()) for text in dropped) / sum(len(text.split()) for text in TEXTS)
    assert share == pytest.approx(0.5, abs=0.08)
    assert corrupted(["word", ""], "text", "word_drop", 5) == ["word", ""]


@pytest.mark.parametrize("kind", [np.float32, np.int16])
@pytest.mark.parametrize("name", ["noise", "gain"])
def test_sound(name, kind):
    waves = (WAVES * (32767 if kind is np.int16 else 1)).astype(kind)
    steps = [corrupted(waves, "audio", name, severity) for severity in SEVERITIES]
    assert all(step.shape == waves.shape and step.dtype == kind for step in steps)
    distances = [distance(waves, step) for step in steps]
    assert distances[0] > 0 and distances == sorted(distances)
    ragged = corrupted([waves[0], waves[0][:50]], "audio", name, 3)
    assert [len(wave) for wave in ragged] == [800, 50]


def test_shifts_lose_more_of_a_sound_at_each_severity_and_keep_the_rest():
    whole = np.arange(1, 801, dtype=np.int16)[None]
    for severity, lost in zip(SEVERITIES, (40, 80, 120, 160, 240), strict=True):
        (moved,) = corrupted(whole, "audio", "shift", severity)
        kept = moved[moved > 0]
        assert len(kept) == 800 - lost and kept[0] in (1, 1 + lost) and (np.diff(kept) == 1).all()


def test_noise_has_the_ratio_that_it_promises():
    noise = corrupted(WAVES, "audio", "noise", 2) - WAVES
    assert 10 * np.log10(np.mean(WAVES**2) / np.mean(noise**2)) == pytest.approx(20, abs=0.5)
