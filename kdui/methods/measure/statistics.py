"""Intervals around what was measured. Pure mathematics."""

import math

Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


def wilson(share: float, n: int) -> tuple[float, float]:
    """95 % interval of a share in [0, 1] seen in n trials (Wilson 1927; Brown, Cai, DasGupta 2001, section 3.1.1)."""
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)
