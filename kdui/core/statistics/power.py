"""What a comparison could have seen: the minimum detectable effect at 80 % power, two-sided 5 %, and the seeds that one needs."""

import math
from functools import lru_cache

from kdui.core.statistics.distributions import NORMAL, Z95, noncentral_t_cdf, t_quantile

POWER = 0.8
Z_POWER = NORMAL.inv_cdf(POWER)
MOST_SEEDS = 1000
SPREAD = 0.5  # points: the deviation of a paired difference between seeds that is assumed where nothing was measured yet
MANY = 100  # seeds from which the t quantile and the normal one together are within 0.1 % of the noncentral t
# McNemar needs six examples that differ, all one way: where 7.906 are expected, six turn up in four of five test sets (Poisson).
LEAST_EXAMPLES = 7.906


def detectable_over_seeds(deviation: float, seeds: int) -> float:
    """The true mean difference that a paired t-test over ``seeds`` >= 2 finds with 80 % power, in the unit of ``deviation``.

    ``deviation`` is that of the paired differences between seeds; by the noncentral t (Cohen 1988, section 2.3; Julious 2010).
    """
    return _shift(seeds) * deviation / math.sqrt(seeds)


def detectable_over_examples(variance: float, examples: int) -> float:
    """The true difference of two shares on the same examples that McNemar's test finds with 80 % power, as a share.

    ``variance`` of the mean difference under no difference: share of examples that one model alone has right ÷ examples (Connor
    1987; the small term that lessens it is left out, so this is no less than his). ``examples``: how many both answered.
    """
    return max((Z95 + Z_POWER) * math.sqrt(variance), LEAST_EXAMPLES / examples)


def seeds_needed(effect: float, deviation: float) -> int | None:
    """The fewest seeds (2 at least) that find ``effect`` > 0 with 80 % power; None where a thousand would not do."""
    low, high = 1, 2
    while detectable_over_seeds(deviation, high) > effect:
        low, high = high, 2 * high
        if low > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if detectable_over_seeds(deviation, middle) <= effect else (middle, high)
    return high


@lru_cache(maxsize=2048)
def _shift(seeds: int) -> float:
    """The noncentrality that a two-sided 5 % t-test over ``seeds`` finds with 80 % power."""
    freedom, bound = seeds - 1, t_quantile(seeds - 1)
    if seeds > MANY:
        return bound + Z_POWER
    low, high = 0.0, 4.0
    while _power(high, freedom, bound) < POWER:
        high *= 2
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _power(middle, freedom, bound) < POWER else (low, middle)
    return high


def _power(shift: float, freedom: int, bound: float) -> float:
    return 1 - noncentral_t_cdf(bound, freedom, shift) + noncentral_t_cdf(-bound, freedom, shift)
