"""The loss and the scores of one label out of many against what can be worked out by hand."""

import math

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import TASKS
from kdui.problems import problem_of

FACTS = TASKS["sentiment"]
PROBLEM = problem_of(FACTS)
TARGETS = torch.tensor([0, 2, 1])


def logits() -> torch.Tensor:
    return 2 * torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_loss_by_hand():
    outputs = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]], dtype=torch.float64)  # (3/4, 1/4) and halves
    expected = -(math.log(0.75) + math.log(0.5)) / 2
    assert PROBLEM.loss(outputs, torch.tensor([0, 1])).item() == pytest.approx(expected, abs=1e-12)


def test_loss_ignores_shifts_has_right_gradients_and_vanishes_for_a_sure_model():
    outputs = logits().requires_grad_()
    shifted = PROBLEM.loss(outputs + torch.tensor([[5.0], [-3.0], [0.1]]), TARGETS).item()
    assert shifted == pytest.approx(PROBLEM.loss(outputs, TARGETS).item(), rel=1e-12)
    assert torch.autograd.gradcheck(lambda ours: PROBLEM.loss(ours, TARGETS), (outputs,))
    sure = 60 * torch.nn.functional.one_hot(TARGETS, 4).double()
    assert PROBLEM.loss(sure, TARGETS).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(kind):
    narrow = logits().to(kind)
    loss_value = PROBLEM.loss(narrow, TARGETS)
    assert loss_value.dtype == torch.float32
    assert loss_value.item() == pytest.approx(PROBLEM.loss(narrow.double(), TARGETS).item(), rel=1e-6)


def test_scores_by_hand():
    # Predicted 0, 0, 1 for 0, 1, 1: precisions 1/2 and 1, recalls 1 and 1/2, F1 2/3 each.
    outputs, targets = np.array([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32), np.array([0, 1, 1])
    scores = {metric.name: value for metric, value in PROBLEM.score(outputs, targets, FACTS)}
    assert scores == pytest.approx({"accuracy": 200 / 3, "macro_precision": 75, "macro_recall": 75, "macro_f1": 200 / 3})
    assert PROBLEM.headline(outputs, targets) == pytest.approx(200 / 3)
