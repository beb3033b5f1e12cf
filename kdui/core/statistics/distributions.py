"""Student's t, central and noncentral, by the standard library alone: the page would wait a second for scipy."""

import math
from functools import lru_cache
from statistics import NormalDist

NORMAL = NormalDist()
Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution
PANELS = 200  # of Simpson's rule: the noncentral t is then right to eight digits
TINY = 1e-300


def t_tail(t: float, freedom: float) -> float:
    """P(|T| > |t|) of Student's t with ``freedom`` > 0 degrees (Abramowitz and Stegun 26.7.1 by the incomplete beta function)."""
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


@lru_cache(maxsize=256)
def t_quantile(freedom: float, share: float = 0.975) -> float:
    """The quantile of Student's t below which ``share`` > 1/2 of it lies; raises ValueError below one degree of freedom."""
    if freedom < 1:
        raise ValueError("an interval needs at least two repeats")
    tail, low, high = 2 * (1 - share), 0.0, 1.0
    while t_tail(high, freedom) > tail:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, freedom) > tail else (low, middle)
    return (low + high) / 2


def binomial_tail(count: int, n: int, share: float) -> float:
    """P(X ≥ ``count``) of a binomial X over ``n`` trials, 0 < count ≤ n, by the incomplete beta function (Abramowitz and Stegun
    26.5.24)."""
    return _incomplete_beta(count, n - count + 1, share)


def noncentral_t_cdf(t: float, freedom: float, shift: float) -> float:
    """P(T ≤ t) of the noncentral t: (Z + shift) / S with S² a chi-square over its degrees (Johnson, Kotz, Balakrishnan 1995, 31).

    Simpson's rule over the density of S of the normal probability given S.
    """
    lower, upper = max(0.0, 1 - 7 / math.sqrt(2 * freedom)), math.sqrt(1 + (10 * math.sqrt(2 * freedom) + 50) / freedom)
    constant = math.log(2) + freedom / 2 * math.log(freedom / 2) - math.lgamma(freedom / 2)
    step, total = (upper - lower) / PANELS, 0.0
    for number in range(PANELS + 1):
        s = max(lower + number * step, TINY)
        density = math.exp(constant + (freedom - 1) * math.log(s) - freedom * s * s / 2)
        weight = 1 if number in (0, PANELS) else 4 if number % 2 else 2
        total += weight * density * math.erfc((shift - t * s) / math.sqrt(2)) / 2
    return min(1.0, total * step / 3)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function by its continued fraction (Abramowitz and Stegun 26.5.8, Lentz's method)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _fraction(b, a, 1 - x) / b
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for number in (even, odd):
            d, c = 1 / _away(1 + number * d), _away(1 + number / c)
            fraction *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return fraction


def _away(value: float) -> float:
    return value if abs(value) > TINY else TINY
