"""Synthesizes numbers as they are dialled: two tones a key (ITU-T Recommendation Q.23, 1988), always the same ones."""

from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.modalities.audio import RATE
from kdui.tasks.dialled_digits.spec import KEYS, SAMPLES, TASK
from kdui.tasks.examples import Examples
from kdui.tasks.utterances import put_together, utterances

ROWS, COLUMNS = (697.0, 770.0, 852.0, 941.0), (1209.0, 1336.0, 1477.0)  # Hz
LEAST, MOST = 3, 8  # keys of a number
TONE, PAUSE = (0.07, 0.16), (0.06, 0.16)  # s
OFF = 0.015  # share of a frequency by which it may be wrong (Q.24 has receivers accept as much)
TWIST = 4.0  # dB by which one tone may be louder than the other
NOISE = (5.0, 25.0)  # dB below the number's own power
_SEEDS: dict[Split, int] = {"train": 23, "validation": 24, "test": 25}


def load(folder: Path) -> dict[Split, Examples]:
    """``folder`` would hold the files of a resource that is fetched."""
    return {split: utterances(dialled, TASK.splits[split], seed, SAMPLES) for split, seed in _SEEDS.items()}


def dialled(random: np.random.RandomState) -> tuple[np.ndarray, list[int]]:
    """One number: float32 [at most SAMPLES] and its keys."""
    keys = random.randint(len(KEYS), size=random.randint(LEAST, MOST + 1)).tolist()
    pauses = (random.uniform(*PAUSE, len(keys) + 1) * RATE).astype(int).tolist()
    return put_together([_tones(key, random) for key in keys], pauses, random.uniform(*NOISE), random), keys


def _tones(key: int, random: np.random.RandomState) -> np.ndarray:
    times = np.arange(int(random.uniform(*TONE) * RATE)) / RATE
    row, column = divmod(key, len(COLUMNS))
    louder = 10 ** (random.uniform(-TWIST, TWIST) / 40)
    tones = [
        0.25 * level * np.sin(2 * np.pi * (pitch * random.uniform(1 - OFF, 1 + OFF) * times + random.uniform()))
        for pitch, level in ((ROWS[row], louder), (COLUMNS[column], 1 / louder))
    ]
    return np.sum(tones, axis=0)
