"""What the Fréchet distance does not tell apart: whether made pictures look real, and whether they are of all kinds.

A ball around each real picture reaches to its k-th nearest other real one, in the judge's features.
"""

from typing import NamedTuple

import numpy as np

NEAREST = 5  # Naeem et al. 2020, arXiv:2002.09797, section 4
_AT_ONCE = 1000


class Neighbourhood(NamedTuple):
    """Shares in %."""

    precision: float  # of made pictures that lie in some real one's ball (Kynkäänniemi et al. 2019, arXiv:1904.06991, equation 1)
    coverage: float  # of real pictures in whose ball a made one lies (Naeem et al. 2020, equation 4)


def neighbourhood(made: np.ndarray, real: np.ndarray, nearest: int = NEAREST) -> Neighbourhood:
    """Of features [n, k] and [m, k], m above ``nearest``; a thousand rows of distances at once."""
    nearest = min(nearest, len(real) - 1)
    inside, covered = np.zeros(len(made), dtype=bool), np.zeros(len(real), dtype=bool)
    for start in range(0, len(real), _AT_ONCE):
        part = real[start : start + _AT_ONCE]
        # The nearest of a real picture is the picture itself.
        reach = np.partition(_squares(part, real), nearest, axis=1)[:, nearest]
        within = _squares(part, made) <= reach[:, None]
        covered[start : start + _AT_ONCE] = within.any(1)
        inside |= within.any(0)
    return Neighbourhood(100 * float(inside.mean()), 100 * float(covered.mean()))


def balance(made: np.ndarray, real: np.ndarray, classes: int) -> float:
    """How far the judge finds the same classes [n], [m] as often, in %: 100 less half the sum of differences of their shares."""
    ours, theirs = (np.bincount(each, minlength=classes) / len(each) for each in (made, real))
    return 100 * (1 - 0.5 * float(np.abs(ours - theirs).sum()))


def _squares(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Squared distances [n, m]."""
    lengths = (ours**2).sum(1)[:, None] + (theirs**2).sum(1)
    return np.asarray(lengths - 2 * ours @ theirs.T)
