"""Which values the weights of a layer share, and which weight takes which: k-means, powers of two, NF4. Pure numpy."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import kmeans1d
import numpy as np

from kdui.core.errors import StageFailed
from kdui.methods.compress.quantize.grids import scales_up

MOST_WORK = 2**22  # weights × levels of one exact clustering, a second and a half; a larger tensor is first drawn together
NF4_OFFSET = 0.9677083  # the outermost quantile, so that no level is infinite: mean of 1 − 1/(2 · 15) and 1 − 1/(2 · 16)
SMALLEST_EXPONENT = -126  # of a normal fp32


@dataclass(frozen=True)
class Shared:
    """A flat weight tensor as ``codes`` uint8 [n] into ``levels`` fp32; with NF4 each block of weights has a scale (fp16)."""

    levels: np.ndarray
    codes: np.ndarray
    scales: np.ndarray | None = None
    block: int = 0
    exact: bool = True  # whether the clustering was over all weights

    @property
    def values(self) -> np.ndarray:
        """The fp32 weights that it stands for."""
        values: np.ndarray = self.levels[self.codes]
        if self.scales is not None:
            values = values * np.repeat(self.scales.astype(np.float32), self.block)[: len(values)]
        return values

    @property
    def zero(self) -> int | None:
        """The code of zero, where zero is a level."""
        places = np.flatnonzero(self.levels == 0)
        return int(places[0]) if len(places) else None


def shared_by_kmeans(weights: np.ndarray, bits: int) -> Shared:
    """The 2^bits values of the least squared error, and each weight's nearest (optimal one-dimensional k-means).

    Zeros keep a code of their own where there are any, so a pruned tensor stays as sparse; the other values are clustered
    without them. Beyond ``most_points`` weights the clustering is that of bins of equal mass, and ``exact`` is False.
    """
    flat = finite(weights)
    others = flat[flat != 0]
    room = 2**bits - (1 if len(others) < len(flat) else 0)
    centroids, exact = _centroids(others, room)
    levels = np.concatenate([np.zeros(1 if len(others) < len(flat) else 0, np.float32), centroids])
    if not len(levels):
        return Shared(np.zeros(1, np.float32), np.zeros(0, np.uint8))
    codes = np.zeros(len(flat), np.uint8)
    codes[flat != 0] = nearest(others, centroids) + (len(levels) - len(centroids)) if len(others) else 0
    return Shared(levels, codes, exact=exact)


def most_points(levels: int) -> int:
    """How many weights an exact clustering into this many levels takes."""
    return MOST_WORK // max(1, levels)


def _centroids(values: np.ndarray, count: int) -> tuple[np.ndarray, bool]:
    """At most ``count`` centroids in rising order, none of them zero."""
    distinct = np.unique(values)
    if len(distinct) <= count:
        return distinct, True
    points = np.sort(values.astype(np.float64))
    bins = most_points(count)
    exact = len(points) <= bins
    if not exact:
        edges = np.linspace(0, len(points), bins + 1).round().astype(np.int64)
        points = np.add.reduceat(points, edges[:-1]) / np.diff(edges)
    centroids = np.unique(np.asarray(kmeans1d.cluster(points, count).centroids, np.float32))
    return np.where(centroids == 0, np.float32(np.finfo(np.float32).tiny), centroids), exact


def shared_powers(weights: np.ndarray, bits: int) -> Shared:
    """Zero and ± powers of two, the nearest for each weight; of 2^bits codes one is zero, and the rest are shared by both signs.

    The largest power is 2^⌊log2(4 max|w| / 3)⌋ (Zhou et al. 2017, arXiv:1702.03044, section 2.1). What was zero stays zero; a
    small weight may become it.
    """
    flat = finite(weights)
    largest = float(np.abs(flat).max(initial=0))
    if not largest:
        return Shared(np.zeros(1, np.float32), np.zeros(len(flat), np.uint8))
    top = max(SMALLEST_EXPONENT, math.floor(math.log2(4 * largest / 3)))
    exponents = np.arange(max(SMALLEST_EXPONENT, top - (2**bits - 1) // 2 + 1), top + 1)
    powers = np.exp2(exponents.astype(np.float64)).astype(np.float32)
    levels = np.concatenate([-powers[::-1], np.zeros(1, np.float32), powers])
    return Shared(levels, nearest(flat, levels))


def nf4_levels() -> np.ndarray:
    """The 16 levels of a 4-bit normal float in −1 … 1: quantiles of N(0, 1), seven negative, zero, eight positive, rescaled.

    Dettmers et al. 2023, arXiv:2305.14314, section 3 (equation 4) and appendix E.
    """
    quantile = NormalDist().inv_cdf
    positive = [quantile(share) for share in np.linspace(NF4_OFFSET, 0.5, 9)[:-1]]
    negative = [-quantile(share) for share in np.linspace(NF4_OFFSET, 0.5, 8)[:-1]]
    quantiles = np.sort(np.array([*positive, 0.0, *negative]))
    levels: np.ndarray = (quantiles / quantiles.max()).astype(np.float32)
    return levels


def shared_nf4(weights: np.ndarray, block: int) -> Shared:
    """Each block of weights divided by its largest size, and the nearest NF4 level for each weight."""
    flat = finite(weights)
    padded = np.pad(flat, (0, -len(flat) % block)).reshape(-1, block).astype(np.float64)
    scales = scales_up(np.abs(padded).max(1, initial=0), 1)
    codes = nearest((padded / scales.astype(np.float64)[:, None]).ravel()[: len(flat)], nf4_levels())
    return Shared(nf4_levels(), codes, scales, block)


def nearest(values: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Code of the nearest of rising levels for each value, uint8; a tie goes to the lower one."""
    middles = (levels[1:].astype(np.float64) + levels[:-1].astype(np.float64)) / 2
    codes: np.ndarray = np.searchsorted(middles, values, side="left").astype(np.uint8)
    return codes


def finite(weights: np.ndarray) -> np.ndarray:
    """Flat; raises StageFailed where a weight is no finite number."""
    if not np.isfinite(weights).all():
        raise StageFailed("A layer holds weights that are no numbers. Train the model again before its weights are shared.")
    return weights.ravel()


def entropy_bits(codes: np.ndarray) -> float:
    """Shannon entropy of the codes times their number: the fewest bits of a code that reads one symbol at a time."""
    counts = np.bincount(codes)
    shares = counts[counts > 0] / max(1, len(codes))
    return float(-(shares * np.log2(shares)).sum() * len(codes))
