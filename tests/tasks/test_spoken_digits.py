"""Spoken digits: which recording goes where, on files of our own making; and the real ones, where they can be had."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import SourceError
from kdui.modalities.audio.sound_files import wav_of
from kdui.tasks.spoken_digits.load import load
from kdui.tasks.spoken_digits.spec import FILE, HELD_OUT

SPEAKERS = ("george", "theo", "yweweler", "lucas")


def test_held_out_speakers_are_in_the_test_alone(tmp_path):
    with zipfile.ZipFile(tmp_path / FILE, "w") as archive:
        archive.writestr("fsdd/README.md", "no recording")
        for digit in (1, 0):
            for number, speaker in enumerate(SPEAKERS):
                for take in (0, 4, 5, 49):
                    wave = np.full(100, 1000 * number + 100 * digit + take + 1, np.int16)
                    archive.writestr(f"fsdd/recordings/{digit}_{speaker}_{take}.wav", wav_of(wave))
    splits = load(tmp_path)
    marks = {name: set(split.inputs.max(axis=1).tolist()) for name, split in splits.items()}
    assert marks["train"] == {6, 50, 106, 150, 3006, 3050, 3106, 3150}
    assert marks["validation"] == {1, 5, 101, 105, 3001, 3005, 3101, 3105}
    assert marks["test"] == {
        1000 * number + 100 * digit + take for number in (1, 2) for digit in (0, 1) for take in (1, 5, 6, 50)
    }
    assert splits["test"].inputs.shape == (16, 8000) and splits["test"].targets.tolist() == [0] * 8 + [1] * 8
    assert set(HELD_OUT) == {"theo", "yweweler"}


def test_the_real_recordings_are_what_the_facts_promise(settings):
    folder = os.environ.get("KDUI_DATA_DIR")
    try:
        facts, splits = load_task("spoken-digits", settings.model_copy(update={"data_dir": Path(folder) if folder else None}))
    except SourceError as error:
        pytest.skip(f"the recordings cannot be had here: {error}")
    assert facts is TASKS["spoken-digits"]
    for split in splits.values():
        assert np.bincount(split.targets).tolist() == [len(split) // 10] * 10  # every digit as often
        assert split.inputs.dtype == np.int16 and np.abs(split.inputs.astype(int)).max(axis=1).min() > 100
