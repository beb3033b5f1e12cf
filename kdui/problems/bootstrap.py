"""Intervals of scores that are no means over sentences: the sentences are drawn again (Koehn 2004, Statistical significance tests
for machine translation evaluation), for two models the same ones, so that their difference is paired."""

from collections.abc import Callable

import numpy as np

from kdui.core.statistics.paired import Difference
from kdui.problems.resampling import drawn, ends, paired_difference

DRAWS, SEED = 1000, 2004

Score = Callable[[np.ndarray], np.ndarray]  # of sums of counts [..., k]


def interval(counts: np.ndarray, score: Score) -> tuple[float, float]:
    """The 95 % interval of the score of counts [n, k] over sentences."""
    return ends(score(drawn(len(counts), DRAWS, SEED) @ counts))


def difference(ours: np.ndarray, theirs: np.ndarray, score: Score) -> Difference:
    """The score of our counts [n, k] minus that of theirs for the same sentences; plus is better where more is."""
    times = drawn(len(ours), DRAWS, SEED)
    value = float(score(ours.sum(0)) - score(theirs.sum(0)))
    return paired_difference(value, score(times @ ours) - score(times @ theirs), len(ours))
