"""Joins recordings of single digits to strings: real sounds, made-up utterances, and the transcript by construction."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.modalities.audio import RATE
from kdui.tasks.digit_recordings import Spoken, recordings
from kdui.tasks.digit_strings.spec import SAMPLES, TASK
from kdui.tasks.examples import Examples
from kdui.tasks.utterances import put_together, utterances

LEAST, MOST = 2, 5  # digits of a string
PAUSE = (0.05, 0.25)  # s before the first, between two, and behind the last digit
NOISE = (30.0, 50.0)  # dB below the string's own power: without it pauses would be nothing but zeros
_SEEDS: dict[Split, int] = {"train": 2006, "validation": 2007, "test": 2008}


def load(folder: Path) -> dict[Split, Examples]:
    """Strings of each split from the recordings of the same split, each string by one speaker."""
    spoken = list(recordings(folder))
    return {
        split: utterances(partial(composed, _by_speaker(spoken, split)), TASK.splits[split], seed, SAMPLES)
        for split, seed in _SEEDS.items()
    }


def _by_speaker(spoken: Sequence[Spoken], split: Split) -> list[list[Spoken]]:
    own = [each for each in spoken if each.split == split]
    return [[each for each in own if each.speaker == speaker] for speaker in sorted({each.speaker for each in own})]


def composed(speakers: Sequence[Sequence[Spoken]], random: np.random.RandomState) -> tuple[np.ndarray, list[int]]:
    """One string: float32 [at most SAMPLES] and its digits. What would make it too long is left out behind."""
    own = speakers[random.randint(len(speakers))]
    drawn = [own[random.randint(len(own))] for _ in range(random.randint(LEAST, MOST + 1))]
    pauses = (random.uniform(*PAUSE, len(drawn) + 1) * RATE).astype(int).tolist()
    while sum(len(each.wave) for each in drawn) + sum(pauses[: len(drawn) + 1]) > SAMPLES:
        drawn.pop()
    wave = put_together([each.wave for each in drawn], pauses, random.uniform(*NOISE), random)
    return wave, [each.digit for each in drawn]
