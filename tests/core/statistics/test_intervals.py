"""Intervals against published and exact values."""

import numpy as np
import pytest

from kdui.core.statistics.intervals import wilson
from kdui.runtime.timing import quantile_interval


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3 (Wilson without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_newcombes_table(hits, n, low, high):
    assert wilson(hits / n, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_stays_within_a_share_and_narrows_with_n():
    assert wilson(1.0, 50)[1] == 1.0
    widths = [high - low for low, high in (wilson(0.9, n) for n in (100, 400, 1600))]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.1)
    assert widths[1] / widths[2] == pytest.approx(2, rel=0.05)


def test_median_interval_matches_the_exact_order_statistics():
    # For n = 200 the exact 95 % interval of a median runs from the 86th to the 115th ordered value.
    samples = np.random.default_rng(3).permutation(np.arange(1.0, 201.0))
    low, high = quantile_interval(samples, 0.5)
    assert low == pytest.approx(86, abs=3)
    assert high == pytest.approx(115, abs=3)
    assert quantile_interval(samples, 0.5) == (low, high)


def test_median_interval_of_equal_samples_has_no_width():
    assert quantile_interval(np.full(30, 1.25), 0.5) == (1.25, 1.25)
