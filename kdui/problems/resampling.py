"""The bootstrap for scores that are no means over examples: examples are drawn again, for two models the same ones."""

import math

import numpy as np

from kdui.core.statistics.paired import Difference
from kdui.core.statistics.power import detectable_over_seeds


def drawn(count: int, draws: int, seed: int) -> np.ndarray:
    """How often each example is in each draw, [draws, count]; the legacy generator's stream never changes."""
    return np.random.RandomState(seed).multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)


def ends(draws: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of a score's draws."""
    ordered, tail = np.sort(draws), len(draws) // 40
    return float(ordered[tail - 1]), float(ordered[-tail])


def paired_difference(value: float, draws: np.ndarray, examples: int) -> Difference:
    """A difference of two models' scores from those over the same draws; plus is better."""
    low, high = ends(draws)
    beyond = min(int((draws <= 0).sum()), int((draws >= 0).sum()))  # below 0.05 exactly where the interval leaves zero out
    return Difference(
        value=value,
        low=low,
        high=high,
        p_value=min(1.0, 2 * beyond / len(draws)),
        over="examples",
        examples=examples,
        detectable=detectable_over_seeds(float(draws.std()) * math.sqrt(examples), examples) if examples > 1 else None,
    )
