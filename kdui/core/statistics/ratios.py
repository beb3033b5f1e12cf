"""A quantity that is one sum over examples divided by another, such as bits per byte: its interval, and paired differences of it.

The variance of a ratio of sums by its linear approximation: the residuals of the numerator from the ratio times the denominator
(Cochran 1977, Sampling techniques, section 6.4), with the t-quantile of n − 1 examples.
"""

import math
from collections.abc import Sequence
from typing import Any

from kdui.core.statistics.distributions import t_quantile, t_tail
from kdui.core.statistics.paired import Difference
from kdui.core.statistics.power import detectable_over_seeds


def ratio_interval(above: Any, below: Any) -> tuple[float, float]:
    """The 95 % interval of Σ above ÷ Σ below over n examples; of one example alone it is the value itself."""
    value, error, n = _ratio(above, below)
    width = t_quantile(n - 1) * error if n > 1 else 0.0
    return value - width, value + width


def over_ratios(differences: Any, below: Any, sign: int) -> Difference:
    """The difference of two models' ratios with one denominator, from the differences of their numerators by example.

    ``sign`` 1 where more is better, else −1, so that plus is better. With fewer than two examples nothing tells how it varies.
    """
    value, error, n = _ratio(differences, below)
    if n < 2:
        return Difference(value=sign * value, examples=n)
    width = t_quantile(n - 1) * error
    return Difference(
        value=sign * value,
        low=sign * value - width,
        high=sign * value + width,
        p_value=t_tail(value / error, n - 1) if error else 1.0 if not value else 0.0,
        over="examples",
        examples=n,
        detectable=detectable_over_seeds(error * math.sqrt(n), n),  # the same t-test, over examples
    )


def _ratio(above: Sequence[float], below: Sequence[float]) -> tuple[float, float, int]:
    """The ratio, its standard error and the number of examples."""
    over, under = [float(each) for each in above], [float(each) for each in below]
    n, total = len(over), sum(under)
    value = sum(over) / total
    if n < 2:
        return value, 0.0, n
    squares = sum((top - value * bottom) ** 2 for top, bottom in zip(over, under, strict=True))
    return value, math.sqrt(n * squares / (n - 1)) / total, n
