"""False discoveries: the published example, scipy, a simulation, and letters that tie exactly what is not apart."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kdui.core.statistics.discovery import adjusted, letters
from kdui.core.statistics.intervals import mean_interval


def test_the_example_of_benjamini_and_hochberg():
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert sum(value <= 0.05 for value in adjusted(p)) == 4  # their section 3.2: four hypotheses are rejected at q = 5 %


@given(st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=30))
def test_adjusted_values_are_scipys(p):
    assert adjusted(p) == pytest.approx(list(stats.false_discovery_control(p)))


def test_of_what_is_called_shown_one_in_twenty_is_false():
    rng = np.random.default_rng(0)
    rates = []
    for _ in range(200):
        true = np.arange(40) < 10
        p = 2 * stats.norm.sf(np.abs(rng.normal(np.where(true, 3.5, 0), 1)))
        shown = np.array(adjusted(list(p))) <= 0.05
        rates.append((shown & ~true).sum() / max(1, shown.sum()))
    assert np.mean(rates) <= 0.05


@given(
    st.integers(1, 9).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.sampled_from([*itertools.combinations(range(n), 2)] or [()])))
    )
)
def test_rows_share_a_letter_exactly_where_they_are_not_apart(drawn):
    count, apart = drawn
    apart = {pair for pair in apart if pair}
    result = letters(count, apart)
    for one, other in itertools.combinations(range(count), 2):
        assert bool(set(result[one]) & set(result[other])) == ((one, other) not in apart)


def test_letters_of_a_known_table():
    assert letters(4, {(0, 2), (0, 3), (1, 3)}) == ["a", "ab", "bc", "c"]
    assert letters(3, set()) == ["a", "a", "a"] and letters(0, set()) == []


def test_the_interval_of_a_mean_is_scipys():
    values = [96.0, 96.6, 97.2]
    mean, width = mean_interval(values)
    low, _ = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert mean - width == pytest.approx(low) and mean_interval([3.0]) == (3.0, None)
