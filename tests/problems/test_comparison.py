"""Paired comparisons of answers by hand."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from kdui.problems.classification.comparison import class_scores, compare, macro_scores


def test_flips_by_hand():
    targets = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    teacher = np.array([0, 0, 1, 0, 2, 2, 1, 0])
    model = np.array([0, 1, 1, 1, 2, 2, 0, 0])
    result = compare(model, teacher, targets)
    assert (result.n, result.flips) == (8, 3 / 8)  # the second, the fourth and the seventh
    assert (result.negative_flips, result.positive_flips, result.paired.value) == (1 / 8, 1 / 8, 0.0)
    assert result.paired.p_value == 1.0 and result.row()["shown"] is False


def test_a_mean_of_two_tasks_is_compared_task_by_task():
    targets, parts = np.array([0, 0, 0, 0, 2, 3]), np.array([0, 0, 0, 0, 1, 1])
    reference, model = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 0, 0, 0, 2, 3])
    whole, by_task = compare(model, reference, targets), compare(model, reference, targets, parts)
    assert whole.paired.value == pytest.approx(100 * 2 / 6)
    assert by_task.paired.value == pytest.approx((25 + 50) / 2)  # what the mean of both accuracies rose by


def test_scores_by_class():
    scores = class_scores(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), ("a", "b", "c"))
    assert [(each.label, each.precision, round(each.recall, 2), each.count) for each in scores] == [
        ("a", 50.0, 100.0, 1),
        ("b", 100.0, 66.67, 3),
        ("c", 0.0, 0.0, 0),
    ]


def test_macro_scores_are_those_of_scikit_learn_also_for_labels_that_nobody_names_or_has():
    draw = np.random.default_rng(0)
    predicted, targets = draw.choice([0, 1, 2, 5], 200), draw.choice([0, 1, 3, 5], 200)
    *published, _ = precision_recall_fscore_support(targets, predicted, labels=range(7), average="macro", zero_division=0)
    assert macro_scores(predicted, targets, 7) == tuple(published)
