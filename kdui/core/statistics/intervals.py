"""95 % intervals: of a mean over repeats (Student's t) and of a share of test examples (Wilson)."""

import math
from collections.abc import Sequence
from statistics import median

from kdui.core.statistics.distributions import Z95, t_quantile


def half_width(standard_deviation: float, n: int) -> float:
    """Half the 95 % t-interval of a mean of ``n`` >= 2 repeats with that sample standard deviation."""
    return t_quantile(n - 1) * standard_deviation / math.sqrt(n)


def mean_interval(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and half width of its 95 % t-interval; None for the width where there is only one value."""
    mean = sum(values) / len(values)
    return mean, half_width(deviation(values), len(values)) if len(values) > 1 else None


def deviation(values: Sequence[float]) -> float:
    """Sample standard deviation of at least two values."""
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def typical_deviation(groups: Sequence[Sequence[float]]) -> float | None:
    """The deviation that stands for groups of repeats: their median, so that a group that went astray does not count for all.

    Corrected by the median of chi-square over its degrees, (1 − 2/(9 v))³ (Wilson and Hilferty 1931), for the median degrees v.
    None where no group has two values.
    """
    repeated = [group for group in groups if len(group) > 1]
    if not repeated:
        return None
    freedom = median(len(group) - 1 for group in repeated)
    return float(median(deviation(group) for group in repeated) / (1 - 2 / (9 * freedom)) ** 1.5)


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share in [0, 1] seen in n trials (Wilson 1927; Brown, Cai, DasGupta 2001, section 3.1.1)."""
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)
