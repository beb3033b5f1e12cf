"""Composed utterances: which parts they hold, and that they are the same every time; real recordings where they can be had."""

import os
from pathlib import Path

import numpy as np
import pytest

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import SourceError
from kdui.modalities.recording.prepare import LEAST, prepare, shown, without_filling
from kdui.tasks.dialled_digits.load import COLUMNS, ROWS, dialled
from kdui.tasks.dialled_digits.spec import KEYS, SAMPLES
from kdui.tasks.digit_recordings import Spoken
from kdui.tasks.digit_strings.load import composed
from kdui.tasks.digit_strings.spec import SAMPLES as LONGEST
from kdui.tasks.utterances import utterances


def test_a_dialled_number_holds_the_two_tones_of_its_keys():
    for seed in range(6):
        wave, keys = dialled(np.random.RandomState(seed))
        assert 3 <= len(keys) <= 8 and 0.4 * 8000 < len(wave) <= SAMPLES
        power = np.abs(np.fft.rfft(wave, 24_000))  # three bins a hertz
        loud = {pitch for pitch in (*ROWS, *COLUMNS) if power[int(3 * pitch * 0.98) : int(3 * pitch * 1.02)].max() > 45}
        assert loud >= {ROWS[key // 3] for key in keys} | {COLUMNS[key % 3] for key in keys}
    first, again = (dialled(np.random.RandomState(9)) for _ in range(2))
    assert np.array_equal(first[0], again[0]) and first[1] == again[1] and len(KEYS) == len(ROWS) * len(COLUMNS)


def test_a_string_is_of_one_speaker_and_what_is_too_long_is_left_out():
    level = {"a": 0.2, "b": 0.5}
    speakers = [
        [Spoken("train", digit, who, np.full(9000, level[who] + digit / 100, np.float32)) for digit in range(10)] for who in "ab"
    ]
    random = np.random.RandomState(1)
    for _ in range(20):
        wave, digits = composed(speakers, random)
        assert 2 <= len(digits) <= 3 and len(wave) <= LONGEST  # three times 9,000 samples are the most that fit
        said = np.round(100 * wave[wave > 0.1].reshape(len(digits), 9000).mean(1)).astype(int)
        assert set(said // 10 * 10) in ({20}, {50}) and (said % 10).tolist() == digits


def test_utterances_are_filled_up_and_shown_without_it():
    made = utterances(lambda random: (random.uniform(-0.5, 0.5, 3000), [1, 2][: random.randint(1, 3)]), 9, 5, 8000)
    assert made.inputs.shape == (9, 8000) and made.targets.shape == (9, 2) and (made.targets[:, 0] == 1).all()
    assert set(made.targets[:, 1].tolist()) == {2, -1}
    wave = made.inputs[0]
    assert len(without_filling(wave)) in (2999, 3000) and len(without_filling(np.zeros(9000, np.int16))) == LEAST
    assert len(shown(wave)["sound"]) < 4 / 3 * 2 * 3100
    batch = prepare([wave[:2500], wave[:3000]], {}, Path())["samples"]
    assert batch.shape == (2, 3000) and not batch[0, 2500:].any()
    assert prepare([wave[:10]], {}, Path())["samples"].shape == (1, LEAST)


def test_the_real_strings_are_what_the_facts_promise(settings):
    folder = os.environ.get("KDUI_DATA_DIR")
    try:
        facts, splits = load_task("digit-strings", settings.model_copy(update={"data_dir": Path(folder) if folder else None}))
    except SourceError as error:
        pytest.skip(f"the recordings cannot be had here: {error}")
    assert facts is TASKS["digit-strings"] and {name: len(split) for name, split in splits.items()} == facts.splits
    for split in splits.values():
        counts = np.bincount(split.targets[split.targets >= 0], minlength=10)
        assert counts.min() > 0.5 * counts.mean() and split.inputs.shape[1] == LONGEST
