"""Of n votes that decided between two models, how many preferred the first: its interval, its test, and what n votes can show."""

from typing import NamedTuple

from kdui.core.statistics.distributions import binomial_tail
from kdui.core.statistics.paired import LEVEL, mcnemar
from kdui.core.statistics.power import POWER

LEAST_VOTES = 6  # that can show anything: all of five votes one way have p = 0.0625


class Preference(NamedTuple):
    """``share`` of the decided votes with its exact 95 % interval; ``detectable``: see ``detectable_share``."""

    share: float
    low: float
    high: float
    p_value: float
    detectable: float | None

    @property
    def is_shown(self) -> bool:
        """True exactly where the interval leaves one half out."""
        return self.p_value < LEVEL


def preference(first: int, other: int) -> Preference | None:
    """The exact interval (Clopper and Pearson 1934) and two-sided sign test of ``first`` out of both; None without a vote."""
    n = first + other
    if n == 0:
        return None
    low = _share_with_tail(first, n, LEVEL / 2) if first else 0.0
    high = _share_with_tail(first + 1, n, 1 - LEVEL / 2) if other else 1.0
    return Preference(first / n, low, high, mcnemar(other, first), detectable_share(n))


def detectable_share(n: int) -> float | None:
    """The least true share above one half that the sign test over ``n`` votes shows with 80 % power; None for fewer than six."""
    if n < LEAST_VOTES:
        return None
    low, high = n // 2, n  # the count that is just enough lies above ``low``
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if 2 * binomial_tail(middle, n, 0.5) < LEVEL else (middle, high)
    return _share_with_tail(high, n, POWER)


def _share_with_tail(count: int, n: int, tail: float) -> float:
    """The share at which ``count`` or more of ``n`` have the probability ``tail``."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if binomial_tail(count, n, middle) > tail else (middle, high)
    return (low + high) / 2
