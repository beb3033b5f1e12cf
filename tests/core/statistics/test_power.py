"""Minimum detectable effects against scipy, published tables and simulation."""

import numpy as np
import pytest
from scipy import stats

from kdui.core.statistics.distributions import noncentral_t_cdf, t_quantile, t_tail
from kdui.core.statistics.paired import Discordant, mcnemar, over_examples
from kdui.core.statistics.power import LEAST_EXAMPLES, detectable_over_seeds, seeds_needed


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 29, 1000])
def test_students_t_is_scipys(freedom):
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)
    for t in (0.0, 0.3, 2.5, -7.0, 40.0):
        assert t_tail(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-9)
    for t, shift in ((2.0, 0.5), (4.3, 3.0), (-1.0, 1.0), (12.7, 15.0)):
        assert noncentral_t_cdf(t, freedom, shift) == pytest.approx(stats.nct.cdf(t, freedom, shift), abs=1e-7)


def test_a_quantile_needs_two_repeats():
    with pytest.raises(ValueError, match="two repeats"):
        t_quantile(0)


@pytest.mark.parametrize("seeds", [2, 3, 5, 8, 30, 99, 101])
def test_the_detectable_effect_has_eighty_percent_power(seeds):
    bound, shift = stats.t.ppf(0.975, seeds - 1), detectable_over_seeds(1.0, seeds) * np.sqrt(seeds)
    power = stats.nct.sf(bound, seeds - 1, shift)  # the other tail has next to nothing
    assert power == pytest.approx(0.8, abs=2e-3)


def test_the_detectable_effect_is_found_in_four_of_five_simulated_studies():
    rng = np.random.default_rng(0)
    effect = detectable_over_seeds(0.7, 5)
    drawn = rng.normal(effect, 0.7, (4000, 5))
    assert (stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.02)


def test_the_detectable_difference_of_shares_is_found_in_four_of_five_simulated_test_sets():
    rng, n, discordant = np.random.default_rng(0), 2000, 0.05
    effect = over_examples([Discordant(50, 50, n)]).detectable / 100
    better, worse = (discordant + effect) / 2, (discordant - effect) / 2
    drawn = rng.multinomial(n, [better, worse, 1 - discordant], 2000)
    result = np.mean([mcnemar(int(bad), int(good)) < 0.05 for good, bad, _ in drawn])
    assert result == pytest.approx(0.8, abs=0.04)


def test_where_hardly_an_example_differs_six_must_turn_up():
    assert 1 - stats.poisson.cdf(5, LEAST_EXAMPLES) == pytest.approx(0.8, abs=1e-6)
    assert over_examples([Discordant(0, 0, 359)]).detectable == pytest.approx(100 * LEAST_EXAMPLES / 359)


def test_seeds_that_a_wished_effect_needs():
    # Cohen 1988, table 2.4.1 (one sample: d √2): an effect of one deviation is found by ten pairs with 80 % power.
    assert seeds_needed(1.0, 1.0) == 10
    assert detectable_over_seeds(1.0, 10) <= 1.0 < detectable_over_seeds(1.0, 9)
    assert seeds_needed(20.0, 1.0) == 2 and seeds_needed(0.01, 1.0) is None
