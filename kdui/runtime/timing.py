"""What makes a series of timings trustworthy: when a warm-up is over, how noisy readings are, whether two series agree.

Numpy over readings in ms and functions that give them, so that the rules can be checked on made-up ones.
"""

import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from kdui.core.words import percent

STABLE = 0.05  # windows whose medians differ by less than this share agree
WINDOW = 10  # readings
NOISY = 0.10  # more than this share of the median is worth a repeat, and a word if it stays
DRAWS = 1000
TURN = 10  # inferences of a model before the one that it is compared with has its turn


def is_warm(readings: Sequence[float], window: int = WINDOW, tolerance: float = STABLE) -> bool:
    """True when the medians of the last two windows of readings agree; a run that still gets faster is not warm."""
    if len(readings) < 2 * window:
        return False
    last, before = float(np.median(readings[-window:])), float(np.median(readings[-2 * window : -window]))
    return abs(last - before) <= tolerance * max(last, before)


def warm_up(read: Callable[[], float], longest: int = 200, seconds: float = 1.5) -> list[float]:
    """Call ``read`` (one timed inference, ms) until it is warm, or until ``longest`` readings or this many seconds of them."""
    readings: list[float] = []
    while not is_warm(readings) and len(readings) < longest and (sum(readings) < 1e3 * seconds or len(readings) < 3):
        readings.append(read())
    return readings


def take_turns(
    reads: Sequence[Callable[[], float]], runs: int, *, longest: float = math.inf, least: int = 1, turn_seconds: float = math.inf
) -> list[list[float]]:
    """``runs`` readings of each of some models in turn; fewer of all once ``longest`` seconds are over and each has ``least``.

    They take turns after ``TURN`` inferences, of which each turn's first one goes unread: in service a model finds its weights in
    the processor's cache. If they took turns at every inference, each would read what the other one has left of the cache, and a
    small model would look slower than it is; so long as turns are short, a change of the machine's speed meets all of them.
    A turn of a slow model ends after ``turn_seconds`` and one reading at the least, so that it gets fewer.
    """
    readings: list[list[float]] = [[] for _ in reads]
    deadline = time.perf_counter() + longest
    for start in range(0, runs, TURN):
        for read, own in zip(reads, readings, strict=True):
            end = time.perf_counter() + turn_seconds
            read()
            for number in range(min(TURN, runs - start)):
                if number and time.perf_counter() > end:
                    break
                own.append(read())
        if time.perf_counter() > deadline and min(map(len, readings)) >= least:
            break
    return readings


def quantile_interval(
    samples: "np.ndarray | Sequence[float]", share: float, parts: Sequence[int] = (), draws: int = DRAWS
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a quantile; the resampling is seeded, so the same samples give the same interval.

    ``parts``: how many readings each process took, in their order. Where memory happens to lie makes a process a little faster or
    slower as a whole, so processes are drawn first, and readings within them.
    """
    quantiles = np.quantile(np.asarray(samples, float)[_drawn(len(samples), parts, draws)], share, axis=1)
    return float(np.quantile(quantiles, 0.025)), float(np.quantile(quantiles, 0.975))


def ratio_interval(
    mine: Sequence[float], theirs: Sequence[float], parts: Sequence[int] = (), draws: int = DRAWS
) -> tuple[float, float]:
    """95 % paired bootstrap interval of median(theirs) / median(mine): readings taken in turn are drawn together."""
    index = _drawn(len(mine), parts, draws)
    ratios = np.median(np.asarray(theirs, float)[index], axis=1) / np.median(np.asarray(mine, float)[index], axis=1)
    return float(np.quantile(ratios, 0.025)), float(np.quantile(ratios, 0.975))


def _drawn(count: int, parts: Sequence[int], draws: int) -> np.ndarray:
    """Indices [draws, count'] of a bootstrap in two stages; with one process, or none named, a plain one."""
    generator = np.random.default_rng(0)
    if len(parts) < 2:
        return generator.integers(0, count, (draws, count))
    starts, sizes = np.cumsum([0, *parts[:-1]]), np.asarray(parts)
    chosen = generator.integers(0, len(parts), (draws, len(parts))).repeat(min(parts), axis=1)
    return starts[chosen] + (generator.random(chosen.shape) * sizes[chosen]).astype(int)


def _signs(samples: Sequence[float]) -> tuple[float, float]:
    """How far the medians of both halves differ, and how wide the median's 95 % interval is, as shares of the median."""
    middle, whole = len(samples) // 2, float(np.median(samples))
    low, high = quantile_interval(samples, 0.5)
    return abs(float(np.median(samples[:middle])) - float(np.median(samples[middle:]))) / whole, (high - low) / whole


def spread(samples: Sequence[float]) -> float:
    """The larger sign of noise: the smaller, the quieter. Needs at least two readings."""
    return max(_signs(samples))


def noise(samples: Sequence[float]) -> str:
    """Why readings are noisy, in words; empty where they are not: a drift between both halves, or a wide interval."""
    if len(samples) < 4:
        return "too few readings to tell how noisy they are"
    drift, width = _signs(samples)
    if max(drift, width) <= NOISY:
        return ""
    return f"its first and second half differ by {percent(drift)}" if drift >= width else f"its interval is {percent(width)} wide"


def agree(first: Sequence[float], second: Sequence[float], parts: Sequence[int] = ()) -> bool:
    """Whether two series of one file agree: the 95 % interval of the ratio of their medians holds 1, or is within 5 % of it."""
    low, high = ratio_interval(first[: len(second)], second[: len(first)], parts)
    return low <= 1 + STABLE and high >= 1 - STABLE
