"""Reads the recordings out of the zip of the Free Spoken Digit Dataset; speakers of the test are in no other split."""

from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.modalities.audio.waveform import fitted, sixteen_bits
from kdui.tasks.digit_recordings import recordings
from kdui.tasks.examples import Examples
from kdui.tasks.spoken_digits.spec import TASK


def load(folder: Path) -> dict[Split, Examples]:
    """Test: all recordings of the two speakers who are held out. Validation: the first five of each digit by the other four."""
    samples = TASK.input["samples"]
    parts: dict[Split, list[tuple[np.ndarray, int]]] = {"train": [], "validation": [], "test": []}
    for spoken in recordings(folder):
        parts[spoken.split].append((sixteen_bits(fitted(spoken.wave, samples)), spoken.digit))
    return {
        split: Examples(np.stack([wave for wave, _ in rows]), np.array([digit for _, digit in rows], np.int64))
        for split, rows in parts.items()
        if rows
    }
