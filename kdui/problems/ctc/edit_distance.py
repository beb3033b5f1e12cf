"""How far a transcript is from the true one: edits of words and of characters, and their rates over a split."""

from collections.abc import Sequence

import numpy as np

COUNTS = 4  # of an utterance: edited words, true words, edited characters, true characters


def edit_distance(ours: Sequence[object], theirs: Sequence[object]) -> int:
    """The fewest substitutions, insertions and deletions that make one sequence the other (Levenshtein 1966)."""
    above = list(range(len(theirs) + 1))
    for row, mine in enumerate(ours, 1):
        diagonal, above[0] = above[0], row
        for column, other in enumerate(theirs, 1):
            diagonal, above[column] = above[column], min(diagonal + (mine != other), above[column] + 1, above[column - 1] + 1)
    return above[-1]


def counts(transcripts: Sequence[str], truths: Sequence[str]) -> np.ndarray:
    """The ``COUNTS`` of each utterance, [n, 4]; words stand between spaces, which count as characters."""
    rows = [
        (edit_distance(ours.split(), theirs.split()), len(theirs.split()), edit_distance(ours, theirs), len(theirs))
        for ours, theirs in zip(transcripts, truths, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, COUNTS)


def word_error_rate(sums: np.ndarray) -> np.ndarray:
    """Edited words in % of the true ones, from sums of counts [..., 4] over utterances; may exceed 100."""
    rate: np.ndarray = 100 * sums[..., 0] / sums[..., 1]
    return rate


def character_error_rate(sums: np.ndarray) -> np.ndarray:
    """The same of characters."""
    rate: np.ndarray = 100 * sums[..., 2] / sums[..., 3]
    return rate
