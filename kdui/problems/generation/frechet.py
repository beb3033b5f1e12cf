"""The Fréchet distance of two clouds of features, and how it varies with the examples.

Both are taken for normal distributions: |μ − μ'|² + tr(C + C' − 2 (C C')^½) (Heusel et al. 2017, arXiv:1706.08500, section 2).
Here the features are those of a small classifier of the data's own classes, not Inception's: values mean nothing beside
published ones.
"""

from typing import NamedTuple

import numpy as np

from kdui.core.statistics.distributions import t_quantile
from kdui.core.statistics.paired import Difference
from kdui.core.statistics.ratios import over_ratios
from kdui.problems.resampling import drawn

DRAWS, SEED = 200, 2017
_LEAST = 1e-10  # of the largest eigenvalue: what is below has no direction of its own


class Moments(NamedTuple):
    """Mean [k] and covariance [k, k]."""

    mean: np.ndarray
    covariance: np.ndarray


def moments(features: np.ndarray, times: np.ndarray | None = None) -> Moments:
    """Of features [n, k] in float64, each counted ``times`` [n]; once without it."""
    rows = features.astype(np.float64, copy=False)
    if times is None:
        times = np.ones(len(rows))
    total = times.sum()
    mean = times @ rows / total
    covariance = (rows * times[:, None]).T @ rows / total - np.outer(mean, mean)
    return Moments(mean, covariance * total / max(1.0, total - 1))


def distance(one: Moments, other: Moments) -> float:
    """Their Fréchet distance; the trace of the root by the eigenvalues of the symmetric C^½ C' C^½."""
    root = _power(one.covariance, 0.5)
    shared = np.linalg.eigvalsh(root @ other.covariance @ root)
    overlap = np.sqrt(np.maximum(shared, 0)).sum()
    apart = float(np.square(one.mean - other.mean).sum())
    return max(0.0, apart + float(np.trace(one.covariance) + np.trace(other.covariance) - 2 * overlap))


def frechet(made: np.ndarray, real: np.ndarray) -> float:
    """The distance of two arrays of features [n, k], [m, k]."""
    return distance(moments(made), moments(real))


def interval(made: np.ndarray, real: np.ndarray) -> tuple[float, float]:
    """The 95 % interval by the bootstrap over noise and images together, [n, k] each.

    The distance is biased upwards where examples are few or repeated, and so are its draws: their spread is taken, not their
    place.
    """
    value = frechet(made, real)
    rows = made.astype(np.float64), real.astype(np.float64)
    draws = [distance(*(moments(each, times) for each in rows)) for times in drawn(len(made), DRAWS, SEED)]
    width = t_quantile(len(made) - 1) * float(np.std(draws, ddof=1))
    return max(0.0, value - width), value + width


def difference(ours: np.ndarray, theirs: np.ndarray, real: np.ndarray) -> Difference:
    """Of two models' distances for the same noise and images, plus where ours is lower; by the linear approximation of both."""
    values = [frechet(made, real) + _influence(made, real) for made in (ours, theirs)]
    return over_ratios(values[0] - values[1], np.ones(len(real)), -1)


def _influence(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """What each pair of noise and image adds to the distance, to first order, [n]; it sums to 0.

    The derivative by a covariance is I − T, with T = C^−½ (C^½ C' C^½)^½ C^−½ the map that carries one normal distribution to
    the other.
    """
    one, other = moments(made), moments(real)
    return _of_one(made, one, other) + _of_one(real, other, one)


def _of_one(features: np.ndarray, own: Moments, other: Moments) -> np.ndarray:
    root, inverse = _power(own.covariance, 0.5), _power(own.covariance, -0.5)
    slope = np.eye(len(own.mean)) - inverse @ _power(root @ other.covariance @ root, 0.5) @ inverse
    apart = features.astype(np.float64) - own.mean
    added: np.ndarray = 2 * apart @ (own.mean - other.mean) + np.einsum("ij,jk,ik->i", apart, slope, apart, optimize=True)
    return added - added.mean()


def _power(symmetric: np.ndarray, power: float) -> np.ndarray:
    """A power of a symmetric matrix without negative eigenvalues; directions without extent stay so."""
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    there = values > _LEAST * max(values.max(), np.finfo(float).tiny)
    scaled = np.zeros_like(values)
    scaled[there] = values[there] ** power
    return np.asarray((vectors * scaled) @ vectors.T)
