"""Dropout with several draws at once: the share, the mean, the gradient, and that nothing of it stays."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from kdui.training.dropout import LEVELS, dropped, quick_dropout

CPU = torch.device("cpu")


class Functional(nn.Module):
    """Drops in a function, as attention does."""

    def forward(self, x):
        return functional.dropout(x, p=0.4, training=self.training)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_elements_go_at_the_rate_and_the_mean_stays(rate):
    torch.manual_seed(0)
    x = torch.ones(1000, 1001)  # no multiple of four: the last draw is cut off
    result = dropped(x, rate)
    share = float((result == 0).double().mean())
    assert share == pytest.approx(rate, abs=5 * (rate * (1 - rate) / x.numel()) ** 0.5)
    assert result.unique().tolist() == pytest.approx([0.0, 1 / (1 - round(rate * LEVELS) / LEVELS)])
    assert float(result.double().mean()) == pytest.approx(1.0, abs=0.01)


def test_neighbours_go_independently():
    torch.manual_seed(1)
    gone = (dropped(torch.ones(400_000), 0.5) == 0).double() - 0.5
    for distance in (1, 2, 3, 4, 8):  # four draws share one number
        assert abs(float((gone[:-distance] * gone[distance:]).mean())) < 5 * 0.25 / len(gone) ** 0.5


def test_the_limits():
    x = torch.randn(7, requires_grad=True)
    assert dropped(x, 0.0) is x
    assert dropped(x, 1.0).tolist() == [0.0] * 7
    assert dropped(torch.ones(0, 3), 0.3).shape == (0, 3)
    assert dropped(torch.ones(5, dtype=torch.bfloat16), 0.5).dtype == torch.bfloat16


def test_the_gradient_is_what_was_kept():
    torch.manual_seed(2)
    x = torch.randn(50, 20, dtype=torch.float64, requires_grad=True)
    result = dropped(x, 0.3)
    result.sum().backward()
    assert torch.allclose(x.grad, result.detach() / x.detach())
    assert float((x.grad == 0).double().mean()) == pytest.approx(0.3, abs=0.08)


def test_a_seed_decides_and_evaluation_drops_nothing():
    model = nn.Sequential(nn.Linear(8, 64), nn.Dropout(0.4), nn.Linear(64, 2))
    x = torch.randn(16, 8)
    with quick_dropout(model, CPU):
        torch.manual_seed(3)
        first = model(x)
        torch.manual_seed(3)
        assert torch.equal(model(x), first)
        assert not torch.equal(model(x), first)
        model.eval()
        assert torch.equal(model(x), model[2](model[0](x)))


def draws(model, x):
    torch.manual_seed(4)
    return model(x)


@pytest.mark.parametrize("drop", [nn.Dropout(0.4), nn.Sequential(nn.Dropout(0.0), Functional())])
def test_layers_and_functions_alike_and_nothing_of_it_stays(drop):
    x = torch.ones(64, 64)
    own = draws(drop, x)
    with quick_dropout(drop, CPU):
        torch.manual_seed(4)
        assert torch.equal(drop(x), draws(lambda each: dropped(each, 0.4), x))
        assert not torch.equal(draws(drop, x), own)
    assert torch.equal(draws(drop, x), own)
    with quick_dropout(drop, torch.device("cuda", 0)):
        assert torch.equal(draws(drop, x), own)
    with quick_dropout(nn.Linear(2, 2), CPU):  # nothing in it drops
        assert torch.equal(draws(nn.Dropout(0.4), x), own)


def test_what_cannot_be_asked_for_is_refused_as_ever():
    with quick_dropout(nn.Dropout(), CPU), pytest.raises(ValueError, match="dropout probability has to be between 0 and 1"):
        functional.dropout(torch.ones(3), 1.5)
