"""Paired comparisons by hand and against published and exact values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdui.objectives.comparison import class_scores, compare, mcnemar, paired_bootstrap


def test_flips_by_hand():
    targets = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    teacher = np.array([0, 0, 1, 0, 2, 2, 1, 0])
    model = np.array([0, 1, 1, 1, 2, 2, 0, 0])
    found = compare(model, teacher, targets)
    assert (found.n, found.flips) == (8, 3 / 8)  # the second, the fourth and the seventh
    assert (found.negative_flips, found.positive_flips, found.difference) == (1 / 8, 1 / 8, 0.0)
    assert found.p_value == 1.0 and not found.is_shown


@pytest.mark.parametrize(
    ("worse", "better", "p"),
    [(0, 0, 1.0), (0, 6, 2 / 2**6), (1, 9, 2 * (1 + 10) / 2**10), (5, 5, 1.0), (3, 11, 2 * (1 + 14 + 91 + 364) / 2**14)],
)
def test_mcnemar_is_the_exact_binomial_test(worse, better, p):
    assert mcnemar(worse, better) == mcnemar(better, worse) == pytest.approx(p)


def test_mcnemar_of_thousands_is_near_the_chi_square_test():
    # (b − c)² / (b + c) = 3.84 has p 0.05 on one degree of freedom.
    total = 4000
    gap = round((3.8415 * total) ** 0.5)
    assert mcnemar((total - gap) // 2, (total + gap) // 2) == pytest.approx(0.05, abs=0.003)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_a_probability_and_falls_as_the_counts_part(one, other):
    p = mcnemar(one, other)
    assert 0 < p <= 1
    if one >= other:
        assert mcnemar(one + 1, other) <= p + 1e-12


def test_the_bootstrap_of_a_known_difference():
    # 1,000 examples, 60 better and 20 worse: difference 4 points, standard error √(0.08 − 0.0016) / √1000 = 0.885 points.
    right, theirs = np.zeros(1000, bool), np.zeros(1000, bool)
    right[:60], theirs[60:80] = True, True
    low, high = paired_bootstrap(right, theirs)
    assert low == pytest.approx(4 - 1.96 * 0.885, abs=0.2) and high == pytest.approx(4 + 1.96 * 0.885, abs=0.2)
    assert paired_bootstrap(right, right) == (0.0, 0.0)


def test_scores_by_class():
    scores = class_scores(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), ("a", "b", "c"))
    assert [(each.label, each.precision, round(each.recall, 2), each.count) for each in scores] == [
        ("a", 50.0, 100.0, 1),
        ("b", 100.0, 66.67, 3),
        ("c", 0.0, 0.0, 0),
    ]
