"""A model beside a reference that answered the same test examples: one difference, its interval, its test, and what both can see.

Two sources make a difference vary: which test examples were drawn, and the seed that trained the models. Runs that share a seed
are paired by it, and their spread over seeds makes the interval (the test examples are then held fixed); for one seed the
interval is over the test examples, both models' predictions on each of them paired. ``Difference.over`` says which.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from pydantic import Field

from kdui.core.plain import Frozen
from kdui.core.statistics.distributions import NORMAL, Z95, binomial_tail, t_tail
from kdui.core.statistics.intervals import deviation, half_width
from kdui.core.statistics.power import detectable_over_examples, detectable_over_seeds

LEVEL = 0.05


class Difference(Frozen):
    """Model minus reference, in the unit of a difference of the headline; positive: the model is better."""

    value: float
    low: float | None = Field(default=None, description="of the 95 % interval; None where nothing tells how it varies")
    high: float | None = None
    p_value: float | None = Field(default=None, description="two-sided; below 0.05 exactly where the interval leaves zero out")
    over: Literal["seeds", "examples", "nothing"] = Field(default="nothing", description="what the interval is over")
    seeds: int = Field(default=1, ge=1)
    examples: int | None = Field(default=None, description="test examples that both answered, where that is known")
    detectable: float | None = Field(default=None, description="true difference that would be shown with 80 % power")

    @property
    def is_shown(self) -> bool:
        """True where the interval leaves zero out."""
        return self.p_value is not None and self.p_value < LEVEL

    @property
    def half_width(self) -> float | None:
        """Half the interval's width."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


class Discordant(NamedTuple):
    """Of ``n`` examples that two models answered: how many the model alone got wrong, and how many it alone got right."""

    worse: int
    better: int
    n: int


def over_seeds(differences: Sequence[float], examples: int | None = None, step: float = 0.0) -> Difference:
    """Model minus reference of each seed as one difference with its t-interval; one seed alone has none.

    ``step``: what one test example counts in the same unit. Differences of whole examples can agree by chance, and the spread
    that rounding to steps hides (step² ÷ 12, Sheppard 1897) is the least that is assumed.
    """
    n, mean = len(differences), sum(differences) / len(differences)
    if n < 2:
        return Difference(value=mean, examples=examples)
    spread = max(deviation(differences), step / math.sqrt(12))
    width = half_width(spread, n)
    p = t_tail(mean / (spread / math.sqrt(n)), n - 1) if spread else 1.0 if not mean else 0.0
    return Difference(
        value=mean,
        low=mean - width,
        high=mean + width,
        p_value=p,
        over="seeds",
        seeds=n,
        examples=examples,
        detectable=detectable_over_seeds(spread, n),
    )


def over_examples(parts: Sequence[Discordant], scale: float = 100.0) -> Difference:
    """The difference of two shares of correct predictions to the same examples; ``scale`` 100 gives points.

    One part: Tango's score interval (Tango 1998) with McNemar's exact test; where the test cannot leave chance out, the interval
    reaches zero. Several parts (a mean of several tasks' shares, each over its own examples): the interval of the mean of their
    differences, from variances with half an example added to either kind (Bonett and Price 2012), and its normal test.
    """
    n = sum(part.n for part in parts)
    value = sum((part.better - part.worse) / part.n for part in parts) / len(parts)
    variance = sum((part.better + part.worse) / part.n**2 for part in parts) / len(parts) ** 2
    if len(parts) == 1:
        p = mcnemar(parts[0].worse, parts[0].better)
        low, high = score_interval(parts[0])
        if p >= LEVEL:
            low, high = min(low, 0.0), max(high, 0.0)
    else:
        error = math.sqrt(sum(_variance(part) for part in parts)) / len(parts)
        low, high, p = value - Z95 * error, value + Z95 * error, 2 * (1 - NORMAL.cdf(abs(value) / error))
    return Difference(
        value=scale * value,
        low=scale * low,
        high=scale * high,
        p_value=p,
        over="examples",
        examples=n,
        detectable=scale * detectable_over_examples(variance, min(part.n for part in parts) * len(parts)),
    )


def mcnemar(worse: int, better: int) -> float:
    """Exact two-sided p of McNemar's test (McNemar 1947): of the examples that one model alone has right, is each as likely?

    Twice the binomial tail of the smaller count at share 1/2, at most 1; exact integers, so that no count is too large.
    """
    n, tail, ways = worse + better, 0, 1
    for k in range(min(worse, better) + 1):
        tail += ways
        ways = ways * (n - k) // (k + 1)
    return min(1.0, float(Fraction(2 * tail, 2**n)))


def loss_p(part: Discordant, beyond: float) -> float:
    """One-sided p of "the model loses at most ``beyond``", a share of 0 or more, on examples that both answered.

    Tango's score test of the difference −``beyond`` (Tango 1998, equation 4); never below McNemar's exact one-sided p of no loss
    at all, for the score is too sure of few discordant examples.
    """
    exact = binomial_tail(part.worse, part.worse + part.better, 0.5) if part.worse else 1.0
    return max(exact, NORMAL.cdf(_score(part, -beyond)))


def score_interval(part: Discordant) -> tuple[float, float]:
    """Tango's 95 % score interval of the difference of two paired shares, -1 to 1 (Tango 1998, equations 4 to 6)."""
    value = (part.better - part.worse) / part.n
    return _crossing(part, Z95, -1.0, value), _crossing(part, -Z95, value, 1.0)


def _crossing(part: Discordant, bound: float, low: float, high: float) -> float:
    """Where the score, which falls as the supposed difference grows, takes the value ``bound``."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _score(part, middle) > bound else (low, middle)
    return (low + high) / 2


def _score(part: Discordant, supposed: float) -> float:
    worse, better, n = part
    b = -better - worse + (2 * n - better + worse) * supposed
    c = -worse * supposed * (1 - supposed)
    share = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)  # of examples for the worse, likeliest under ``supposed``
    variance = n * (2 * share + supposed * (1 - supposed))
    gap = better - worse - n * supposed
    return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap) if gap else 0.0


def _variance(part: Discordant) -> float:
    worse, better, n = part.worse + 0.5, part.better + 0.5, part.n + 1
    return ((worse + better) / n - ((better - worse) / n) ** 2) / n
