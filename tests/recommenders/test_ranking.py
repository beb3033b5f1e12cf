"""How rankings are judged, by hand, and the losses of ranking distillation."""

import math

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import TASKS
from kdui.methods.distill.distill.losses import soft_target_loss
from kdui.methods.distill.dkd.losses import decoupled_losses
from kdui.methods.distill.ranking_distillation.losses import discrepancy_weights, first_of, position_weights, ranking_loss
from kdui.problems import problem_of
from kdui.problems.ranking import score
from kdui.problems.row_losses import cross_entropy

FACTS = TASKS["movielens-100k"]
RANKING = problem_of(FACTS)


def scores(order, items=20):
    """Scores by which the items come in this order, the others behind."""
    values = np.full((1, items), -50.0)
    values[0, list(order)] = -np.arange(len(order), dtype=float)
    return values


def test_ndcg_and_hits_by_hand():
    values = score.values_of(scores([5, 3, 7, *range(8, 18)]), np.array([[3, 7, 19, -100]]))
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert values[0, score.GAIN] == pytest.approx((1 / math.log2(3) + 1 / 2) / ideal)
    assert values[0, score.HIT] == 1 and values[0, score.ITEMS :].astype(int).tolist() == [5, 3, 7, 8, 9, 10, 11, 12, 13, 14]
    assert score.values_of(scores([1, 2]), np.array([[1, 2]]))[0, score.GAIN] == pytest.approx(1)
    assert score.values_of(scores(range(12)), np.array([[11]]))[0, [score.GAIN, score.HIT]].tolist() == [0, 0]


def test_more_right_answers_than_places_can_still_be_perfect():
    assert score.values_of(scores(range(15)), np.arange(15)[None])[0, score.GAIN] == pytest.approx(1)


def test_coverage_counts_items_once_and_its_interval_tells_who_shows_what_nobody_else_does():
    alike = np.zeros((30, 13))
    alike[:, 3:] = np.arange(10)
    assert score.coverage(alike, 100) == 10 and score.coverage_interval(alike, 100) == (10, 10)
    apart = alike.copy()
    apart[0, 3:] = np.arange(10, 20)
    low, high = score.coverage_interval(apart, 100)
    assert score.coverage(apart, 100) == 20 and low < 20 < high


def test_metrics_have_intervals_and_differences_are_paired_by_person():
    random = np.random.default_rng(0)
    targets = random.integers(0, 50, (60, 3))
    good, chance = (score.values_of(random.normal(size=(60, 50)) + more * _marked(targets), targets) for more in (3, 0))
    figures = {metric.name: value for metric, value in RANKING.score(good, targets, FACTS)}
    assert set(figures) == {"ndcg_at_10", "hit_rate_at_10", "coverage_at_10"}
    low, high = RANKING.interval(good, targets)
    assert low < figures["ndcg_at_10"] < high and set(RANKING.intervals(good, targets, FACTS)) == set(figures)
    gain = RANKING.difference(RANKING.kept(good, targets), RANKING.kept(chance, targets))
    assert gain.is_shown and gain.value > 0.2 and gain.examples == 60


def _marked(targets):
    marks = np.zeros((len(targets), 50))
    np.put_along_axis(marks, targets, 1, axis=1)
    return marks


def test_a_row_with_several_targets_counts_their_mean():
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, 1.0, 3.0]])
    log_p = logits.log_softmax(-1)
    by_hand = -((log_p[0, 0] + log_p[0, 2]) / 2 + log_p[1, 1]) / 2
    assert float(cross_entropy(logits, torch.tensor([[0, 2], [1, -100]]))) == pytest.approx(float(by_hand))
    single = torch.tensor([2, 1])
    assert float(cross_entropy(logits, single[:, None])) == pytest.approx(float(cross_entropy(logits, single)))


def test_decoupled_losses_of_one_target_in_a_row_of_several_are_those_of_one():
    student, teacher = torch.randn(4, 6), torch.randn(4, 6)
    single = torch.tensor([0, 5, 2, 2])
    padded = torch.nn.functional.pad(single[:, None], (0, 2), value=-100)
    for one, several in zip(*(decoupled_losses(student, teacher, each, 2.0) for each in (single, padded)), strict=True):
        assert float(several) == pytest.approx(float(one), rel=1e-5)
    assert float(soft_target_loss(teacher, teacher, 2.0)) == pytest.approx(0, abs=1e-6)


def test_the_teachers_first_items_leave_out_the_true_ones():
    logits = torch.tensor([[0.0, 5.0, 4.0, 3.0], [1.0, 2.0, 3.0, 4.0]])
    assert first_of(logits, torch.tensor([[1, -100], [3, 2]]), 2).tolist() == [[2, 3], [1, 0]]
    assert first_of(logits, torch.tensor([1, 3]), 2).tolist() == [[2, 3], [2, 1]]


def test_ranking_loss_by_hand():
    logits, first = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[1, 2]])
    weights = position_weights(2, 3.0)
    assert weights.tolist() == pytest.approx([math.exp(-1 / 3), math.exp(-2 / 3)])
    share = (weights / weights.sum()).tolist()
    log_p = logits.log_softmax(-1)[0].tolist()
    assert float(ranking_loss(logits, first, 3.0, 0.0)) == pytest.approx(-share[0] * log_p[1] - share[1] * log_p[2])
    each = torch.nn.functional.logsigmoid(logits)[0].tolist()
    assert float(ranking_loss(logits, first, 3.0, 0.0, "pointwise")) == pytest.approx(-share[0] * each[1] - share[1] * each[2])


def test_items_that_the_student_ranks_as_the_teacher_does_count_nothing():
    assert discrepancy_weights(torch.tensor([[0, 1, 5]]), 0.1)[0].tolist() == pytest.approx([0, 0, math.tanh(0.3)])
    logits = torch.tensor([[3.0, 2.0, 1.0, 0.0]], requires_grad=True)
    ranking_loss(logits, torch.tensor([[0, 1]]), 5.0, 0.1).backward()
    assert logits.grad.abs().sum() == 0
