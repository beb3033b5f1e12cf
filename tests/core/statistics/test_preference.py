"""A preference among votes against an independent implementation, and what a number of votes can show."""

import pytest
from scipy import stats

from kdui.core.statistics.preference import detectable_share, preference


@pytest.mark.parametrize(("first", "other"), [(6, 0), (5, 0), (14, 2), (9, 7), (0, 8), (250, 200)])
def test_interval_and_test_are_the_exact_binomial_ones(first, other):
    found, exact = preference(first, other), stats.binomtest(first, first + other)
    interval = exact.proportion_ci(method="exact")
    assert found.share == first / (first + other)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert found.p_value == pytest.approx(exact.pvalue, abs=1e-12)
    assert found.is_shown == (not found.low <= 0.5 <= found.high)


def test_what_is_detectable_is_found_in_four_of_five_such_votes():
    for n in (6, 7, 20, 101):
        share = detectable_share(n)
        enough = next(k for k in range(n // 2, n + 1) if stats.binomtest(k, n).pvalue < 0.05 and 2 * k > n)
        assert stats.binom.sf(enough - 1, n, share) == pytest.approx(0.8, abs=1e-9)


def test_few_votes_show_nothing():
    assert preference(0, 0) is None
    assert detectable_share(5) is None and not preference(5, 0).is_shown and preference(6, 0).is_shown
