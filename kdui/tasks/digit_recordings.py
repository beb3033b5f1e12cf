"""The recordings of the Free Spoken Digit Dataset, read out of its zip, each with the split that its speaker belongs to."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdui.core.contracts import Split
from kdui.modalities.audio import RATE
from kdui.modalities.audio.sound_files import read_wav
from kdui.modalities.audio.waveform import mono
from kdui.tasks.spoken_digits.spec import FILE, HELD_OUT

VALIDATION = 5  # recordings 0 to 4 of each digit and speaker, which the data set's authors keep for tests
_NAME = re.compile(r"recordings/(\d)_(\w+)_(\d+)\.wav$")  # digit, speaker, number of the recording


class Spoken(NamedTuple):
    """One digit, said once: float32 [samples] at ``RATE``."""

    split: Split
    digit: int
    speaker: str
    wave: np.ndarray


def recordings(folder: Path) -> Iterator[Spoken]:
    """All of them by digit, speaker and number. Test: the speakers who are held out. Validation: the first five of each digit by
    the others. Raises ValueError for another rate."""
    with zipfile.ZipFile(folder / FILE) as archive:
        named = [(match, name) for name in archive.namelist() if (match := _NAME.search(name))]
        for digit, speaker, number, name in sorted((int(m[1]), m[2], int(m[3]), name) for m, name in named):
            sound, found = read_wav(archive.read(name))
            if found != RATE:
                raise ValueError(f"{name} has {found} samples a second, not {RATE}")
            split: Split = "test" if speaker in HELD_OUT else "validation" if number < VALIDATION else "train"
            yield Spoken(split, digit, speaker, mono(sound))
