"""95 % intervals: over repeated seeds (Student's t) and over test examples (Wilson's binomial interval)."""

import math
from collections.abc import Sequence

NORMAL_975 = 1.959963984540054


def t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t with ``freedom`` >= 1 degrees.

    Exact for 1 and 2; above that Hill's expansion around the normal quantile (Abramowitz and Stegun 26.7.5), within
    0.3 % at 3 degrees and 0.05 % from 5 on, which is finer than any error bar is drawn.
    """
    if freedom < 1:
        raise ValueError("an interval needs at least two repeats")
    if freedom == 1:
        return math.tan(math.pi * 0.475)
    if freedom == 2:
        return 0.95 * math.sqrt(2 / (1 - 0.95**2))
    z, v = NORMAL_975, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


def half_width(standard_deviation: float, n: int) -> float:
    """Half the 95 % t-interval of a mean of ``n`` >= 2 repeats with that sample standard deviation."""
    return t_quantile(n - 1) * standard_deviation / math.sqrt(n)


def mean_interval(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and half width of its 95 % t-interval; None for the width where there is only one value."""
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return mean, None
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    return mean, half_width(deviation, n)


def are_apart(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether the 95 % t-intervals of two models over their repeats do not overlap; one repeat has no interval to hold apart.

    Asked beside the interval of the paired difference: repeats that differ alike make that one narrow by chance, too.
    """
    (our_mean, our_width), (their_mean, their_width) = mean_interval(ours), mean_interval(theirs)
    if our_width is None or their_width is None:
        return False
    return abs(our_mean - their_mean) > our_width + their_width


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share in 0..1 seen over ``n`` test examples (Wilson 1927)."""
    z2 = NORMAL_975**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    spread = NORMAL_975 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return max(0.0, centre - spread), min(1.0, centre + spread)
