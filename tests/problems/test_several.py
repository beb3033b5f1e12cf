"""Several tasks in one row of outputs: what an example asks, what it costs, how it is scored and shown."""

import math

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import TASKS
from kdui.methods.distill.distill.losses import soft_target_loss
from kdui.methods.distill.specialists.losses import normalized, weighted_hard_loss, weighted_soft_loss
from kdui.problems import problem_of
from kdui.problems.several.problem import OTHER_TASK

FACTS = TASKS["reuters-and-sentiment"]
SEVERAL = problem_of(FACTS)
TARGETS = torch.tensor([2, 9, 8])  # a topic, then two reviews
ONES = torch.ones(3, dtype=torch.float64)


def logits(seed: int = 0, scale: float = 2.0) -> torch.Tensor:
    return scale * torch.randn(3, 10, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def masked(raw: torch.Tensor) -> torch.Tensor:
    return SEVERAL.rows(raw, TARGETS).part(0, 3)


def test_only_the_own_tasks_slice_counts():
    raw = logits()
    masked_logits = masked(raw)
    assert torch.equal(masked_logits[0, :8], raw[0, :8]) and (masked_logits[0, 8:] == OTHER_TASK).all()
    assert torch.equal(masked_logits[1, 8:], raw[1, 8:]) and (masked_logits[1:, :8] == OTHER_TASK).all()
    assert SEVERAL.mask_to_task(raw.numpy(), TARGETS.numpy()) == pytest.approx(masked_logits.float().numpy())


def test_loss_by_hand_whatever_the_other_task_says():
    outputs = torch.zeros(2, 10, dtype=torch.float64)
    outputs[1, 9] = math.log(3.0)
    expected = (math.log(8) - math.log(0.75)) / 2
    targets = torch.tensor([4, 9])
    assert SEVERAL.loss(outputs, targets).item() == pytest.approx(expected, abs=1e-9)
    outputs[0, 8:], outputs[1, :8] = 50.0, -7.0
    assert SEVERAL.loss(outputs, targets).item() == pytest.approx(expected, abs=1e-9)


def test_losses_have_right_gradients_and_none_for_what_was_not_asked():
    teacher, each = masked(logits(1)), torch.tensor([1.5, 0.5, 0.5], dtype=torch.float64)
    student = logits().requires_grad_()

    def soft(ours: torch.Tensor) -> torch.Tensor:
        return weighted_soft_loss(masked(ours), teacher, each, 2.0)

    assert torch.autograd.gradcheck(soft, (student,))
    assert torch.autograd.gradcheck(lambda ours: SEVERAL.loss(ours, TARGETS), (student,))
    (gradient,) = torch.autograd.grad(soft(student), student)
    assert gradient[0, 8:].abs().max() == 0 and gradient[1:, :8].abs().max() == 0
    assert gradient[0, :8].abs().max() > 0


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_soft_loss_is_that_of_each_slice_on_its_own(temperature):
    ours, theirs = logits(), logits(1)
    own = [(0, slice(0, 8)), (1, slice(8, 10)), (2, slice(8, 10))]
    rows = [soft_target_loss(ours[row : row + 1, part], theirs[row : row + 1, part], temperature).item() for row, part in own]
    weights = [2.0, 0.5, 0.5]
    masked_logits = weighted_soft_loss(masked(ours), masked(theirs), torch.tensor(weights).double(), temperature)
    assert masked_logits.item() == pytest.approx(sum(w * row for w, row in zip(weights, rows, strict=True)) / 3, rel=1e-9)


def test_limits_of_the_losses():
    teacher = logits()
    same = masked(teacher + 3.0), masked(teacher)
    assert weighted_soft_loss(*same, ONES, 4.0).item() == pytest.approx(0, abs=1e-9)
    masked_logits = masked(teacher)
    assert weighted_hard_loss(masked_logits, TARGETS, ONES).item() == pytest.approx(SEVERAL.loss(teacher, TARGETS).item())
    assert normalized([1.0, 3.0]) == [0.5, 1.5]


def test_the_weighted_hard_loss_by_hand_ignores_shifts_and_has_right_gradients():
    outputs = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]], dtype=torch.float64)  # (3/4, 1/4) and halves
    weights, labels = torch.tensor([0.5, 1.5], dtype=torch.float64), torch.tensor([0, 1])
    expected = -(0.5 * math.log(0.75) + 1.5 * math.log(0.5)) / 2
    assert weighted_hard_loss(outputs, labels, weights).item() == pytest.approx(expected, abs=1e-12)
    assert weighted_hard_loss(outputs + 4.0, labels, weights).item() == pytest.approx(expected, abs=1e-12)
    sure = 60 * torch.nn.functional.one_hot(labels, 2).double()
    assert weighted_hard_loss(sure, labels, weights).item() == pytest.approx(0, abs=1e-12)
    student = logits().requires_grad_()
    assert torch.autograd.gradcheck(lambda ours: weighted_hard_loss(ours, TARGETS, ONES), (student,))


def test_half_precision_keeps_its_place():
    masked_logits = masked(logits().bfloat16())
    assert masked_logits.dtype == torch.float32 and (masked_logits[0, 8:] == OTHER_TASK).all()


def test_the_headline_is_the_mean_of_the_tasks_not_of_the_examples():
    targets = np.array([0, 1, 2, 3, 8, 9])
    outputs = np.zeros((6, 10), dtype=np.float32)
    outputs[range(6), [0, 1, 2, 0, 8, 8]] = 5.0  # three of four topics, one of two reviews
    outputs[:4, 9] = 9.0  # not asked
    scores = {metric.name: value for metric, value in SEVERAL.score(outputs, targets, FACTS)}
    assert scores == {"accuracy": 62.5, "accuracy_reuters_r8": 75.0, "accuracy_sentiment": 50.0}
    assert next(iter(scores)) == FACTS.headline.name
    assert SEVERAL.headline(outputs, targets) == 62.5
    assert SEVERAL.headline(outputs[4:], targets[4:]) == 50.0


def test_both_answers_are_shown_first():
    outputs = np.zeros(10, dtype=np.float32)
    outputs[2], outputs[9] = 1.0, math.log(4.0)
    (ranked,) = SEVERAL.present(outputs, FACTS)
    rows = ranked.rows
    assert ranked.best == ("Earnings", "Positive")
    assert [(row.label, row.part) for row in rows[:2]] == [
        ("Earnings", "Reuters topics (R8)"),
        ("Positive", "Film reviews"),
    ]
    assert rows[0].probability == pytest.approx(math.e / (math.e + 7))
    assert rows[1].probability == pytest.approx(0.8)
    assert len(rows) == 10
    for part in ("Reuters topics (R8)", "Film reviews"):
        assert sum(row.probability for row in rows if row.part == part) == pytest.approx(1)
