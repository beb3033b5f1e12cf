"""Whether the intervals of two models overlap."""

from collections.abc import Sequence

from kdui.core.statistics.intervals import mean_interval


def are_apart(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether the 95 % t-intervals of two models over their repeats do not overlap; one repeat has no interval to hold apart.

    Asked beside the interval of the paired difference: repeats that differ alike make that one narrow by chance, too.
    """
    (our_mean, our_width), (their_mean, their_width) = mean_interval(ours), mean_interval(theirs)
    if our_width is None or their_width is None:
        return False
    return abs(our_mean - their_mean) > our_width + their_width
