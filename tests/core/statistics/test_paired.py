"""Paired differences against closed forms, scipy, a search over all shares and a permutation of everything."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kdui.core.statistics.paired import Discordant, loss_p, mcnemar, over_examples, over_seeds, score_interval


def difference(worse: int, better: int, n: int):
    return over_examples([Discordant(worse, better, n)])


@pytest.mark.parametrize(
    ("worse", "better", "p"),
    [(0, 0, 1.0), (0, 6, 2 / 2**6), (1, 9, 2 * (1 + 10) / 2**10), (5, 5, 1.0), (3, 11, 2 * (1 + 14 + 91 + 364) / 2**14)],
)
def test_mcnemar_is_the_exact_binomial_test(worse, better, p):
    assert mcnemar(worse, better) == mcnemar(better, worse) == pytest.approx(p)


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_agrees_with_scipy(worse, better):
    expected = stats.binomtest(better, worse + better).pvalue if worse + better else 1.0
    assert mcnemar(worse, better) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_is_the_permutation_test_of_the_answers():
    # Without an effect either of both models may have been the one that was right: all 2^9 ways of turning the nine examples.
    signs = np.array([1, 1, 1, 1, 1, 1, 1, -1, 1])
    sums = [abs(sum(way)) for way in itertools.product((-1, 1), repeat=len(signs))]
    assert mcnemar(1, 8) == pytest.approx(np.mean([total >= abs(signs.sum()) for total in sums]))


def test_mcnemar_of_thousands_is_near_the_chi_square_test():
    total = 4000  # (b − c)² / (b + c) = 3.84 has p 0.05 on one degree of freedom
    gap = round((3.8415 * total) ** 0.5)
    assert mcnemar((total - gap) // 2, (total + gap) // 2) == pytest.approx(0.05, abs=0.003)


def test_the_score_interval_ends_where_the_score_is_the_normal_quantile():
    low, high = score_interval(Discordant(worse=2, better=9, n=34))
    for end, sign in ((low, 1), (high, -1)):
        assert score_by_search(2, 9, 34, end) == pytest.approx(sign * 1.959964, abs=2e-3)


def score_by_search(worse: int, better: int, n: int, supposed: float) -> float:
    """Tango's score with the shares found by trying them all."""
    share = np.linspace(max(0, -supposed) + 1e-9, (1 - supposed) / 2 - 1e-9, 400_001)
    likelihood = (
        worse * np.log(share) + better * np.log(share + supposed) + (n - worse - better) * np.log1p(-2 * share - supposed)
    )
    best = share[likelihood.argmax()]
    return (better - worse - n * supposed) / math.sqrt(n * (2 * best + supposed - supposed**2))


def test_no_example_that_differs_still_leaves_room():
    paired_difference = difference(0, 0, 359)
    assert paired_difference.value == 0 and paired_difference.p_value == 1.0 and not paired_difference.is_shown
    # Closed form of the score interval without discordant examples: ± z² / (n + z²).
    assert (paired_difference.high, -paired_difference.low) == pytest.approx((100 * 3.8415 / (359 + 3.8415),) * 2, rel=1e-3)


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 2000))
def test_interval_and_test_never_contradict_each_other(worse, better, alike):
    n = worse + better + alike
    if not n:
        return
    paired_difference = difference(worse, better, n)
    assert paired_difference.low <= paired_difference.value + 1e-9 and paired_difference.value <= paired_difference.high + 1e-9
    assert paired_difference.is_shown == (paired_difference.low > 0 or paired_difference.high < 0)
    mirrored = difference(better, worse, n)
    assert (mirrored.low, mirrored.high) == (
        pytest.approx(-paired_difference.high, abs=1e-6),
        pytest.approx(-paired_difference.low, abs=1e-6),
    )


def test_the_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(400, [0.06, 0.03, 0.91], 1500)
    covered = [
        paired_difference.low <= 3.0 <= paired_difference.high
        for better, worse, _ in drawn
        if (paired_difference := difference(worse, better, 400))
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_a_mean_of_two_tasks_counts_each_task_alike():
    parts = [Discordant(10, 30, 1000), Discordant(5, 9, 200)]
    paired_difference = over_examples(parts)
    assert paired_difference.value == pytest.approx((2.0 + 2.0) / 2) and paired_difference.examples == 1200
    variances = [(41 + 1) / 1001 - (20 / 1001) ** 2, (14 + 1) / 201 - (4 / 201) ** 2]
    error = 100 * math.sqrt(variances[0] / 1001 + variances[1] / 201) / 2
    assert paired_difference.half_width == pytest.approx(1.96 * error, rel=0.02)
    assert paired_difference.is_shown == (paired_difference.low > 0)


def test_seeds_are_paired_by_students_t():
    ours, theirs = [92.0, 90.0, 88.0], [91.0, 89.1, 86.9]
    paired_difference = over_seeds([one - other for one, other in zip(ours, theirs, strict=True)])
    expected = stats.ttest_rel(ours, theirs)
    assert paired_difference.p_value == pytest.approx(expected.pvalue) and paired_difference.is_shown
    interval = expected.confidence_interval()
    assert (paired_difference.low, paired_difference.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert (paired_difference.over, paired_difference.seeds) == ("seeds", 3)


def test_one_seed_alone_has_no_interval():
    paired_difference = over_seeds([1.5])
    assert (
        paired_difference.low,
        paired_difference.p_value,
        paired_difference.over,
        paired_difference.is_shown,
        paired_difference.detectable,
    ) == (None, None, "nothing", False, None)


def test_seeds_that_agree_to_the_example_are_no_certainty():
    step = 100 / 359
    assert over_seeds([step, step]).is_shown  # nothing is known of the step
    paired_difference = over_seeds([step, step], step=step)
    assert not paired_difference.is_shown and paired_difference.half_width == pytest.approx(
        12.706 * step / math.sqrt(12) / math.sqrt(2), rel=1e-3
    )
    assert over_seeds([0.0, 0.0, 0.0]).p_value == 1.0


def test_a_loss_beyond_a_margin_is_tested_by_the_score_and_by_the_exact_test_where_that_is_stricter():
    few = Discordant(worse=4, better=0, n=20)
    assert loss_p(few, 0.0) == pytest.approx(1 / 2**4)  # the exact tail; the score alone would give 0.023
    clear = Discordant(worse=60, better=10, n=500)
    bound = score_interval(clear)[1]
    assert loss_p(clear, -bound) == pytest.approx(0.025, abs=1e-6)  # the interval is this test's inversion
    assert loss_p(clear, 0.0) < 1e-8 < loss_p(clear, 0.05) < loss_p(clear, 0.1) and loss_p(clear, 0.1) == pytest.approx(0.5)
    assert loss_p(Discordant(0, 3, 50), 0.0) == 1.0


def test_the_margin_is_held_against_its_own_error_rate():
    """Of models that lose exactly the margin, at most one in twenty is called worse than it."""
    draw = np.random.default_rng(0).multinomial(300, [0.12, 0.07, 0.81], size=2000)  # the true loss is 5 points
    found = [loss_p(Discordant(int(worse), int(better), 300), 0.05) < 0.05 for worse, better, _ in draw]
    assert 0.03 < np.mean(found) < 0.062
