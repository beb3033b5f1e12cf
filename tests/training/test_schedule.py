"""The learning rate's way, and which weights are decayed."""

import pytest
import torch
from torch import nn

from kdui.core.knobs.training import TrainingKnobs
from kdui.training.loop import make_optimizer, schedule_factor


@pytest.mark.parametrize(("schedule", "warm"), [("one-cycle", 0.3), ("cosine", 0.06), ("linear", 0.06)])
def test_up_to_the_peak_and_down_to_zero(schedule, warm):
    total = 1000
    factors = [schedule_factor(schedule, step, total) for step in range(total + 1)]
    peak = round(warm * total)
    assert factors[0] == pytest.approx(0.04)
    assert factors[peak] == pytest.approx(1.0)
    assert factors[total] == pytest.approx(0.0, abs=1e-12)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)


def test_half_way_down():
    middle = round((0.06 + 1) / 2 * 1000)
    assert schedule_factor("linear", middle, 1000) == pytest.approx(0.5)
    assert schedule_factor("cosine", middle, 1000) == pytest.approx(0.5)


def test_constant_and_a_training_without_steps():
    assert [schedule_factor("constant", step, 10) for step in (0, 5, 10)] == [1.0, 1.0, 1.0]
    assert schedule_factor("one-cycle", 0, 0) == pytest.approx(0.04)


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_matrices_are_decayed_biases_and_norms_are_not(name, kind):
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    model[0].bias.requires_grad_(False)
    optimizer = make_optimizer(model, TrainingKnobs(optimizer=name, weight_decay=0.02, learning_rate=0.1))
    assert isinstance(optimizer, kind)
    decayed, plain = optimizer.param_groups
    assert (decayed["weight_decay"], [parameter.shape for parameter in decayed["params"]]) == (0.02, [torch.Size([4, 3])])
    assert (plain["weight_decay"], len(plain["params"])) == (0.0, 2)


def test_a_companion_has_a_rate_of_its_own():
    model, companion = nn.Linear(3, 4), nn.Linear(2, 2)
    optimizer = make_optimizer(model, TrainingKnobs(learning_rate=0.1), companion, companion_rate=0.25)
    assert [group["rate"] for group in optimizer.param_groups] == [1.0, 1.0, 0.25, 0.25]
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.1, 0.1, 0.025, 0.025])
