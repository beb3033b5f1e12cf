"""Rounded weights in training: the grid is that of quantization, and a finer copy of the weights learns."""

import numpy as np
import pytest
import torch
from torch import nn

from kdui.core.errors import Cancelled
from kdui.methods.compress.quantize.grids import GridChoice, make_grid
from kdui.training.context import QuietReporter
from kdui.training.straight_through import RoundedWeights, Rounding, read_as_blocks
from kdui.training.weights import prunable_weights
from tests.training.digits import same_weights, trainer

GRIDS = [
    {"bits": 8},
    {"bits": 2},
    {"bits": 4, "symmetric": False},
    {"bits": 3, "granularity": "tensor"},
    {"bits": 5, "granularity": "tensor", "symmetric": False},
    {"bits": 4, "granularity": "group", "group_size": 8},
    {"bits": 2, "granularity": "group", "group_size": 32, "symmetric": False},
]


class Words(nn.Module):
    """A table, a recurrent layer and a head."""

    def __init__(self):
        super().__init__()
        self.table, self.memory, self.head = nn.Embedding(30, 8), nn.LSTM(8, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, ids):
        return self.head(self.memory(self.table(ids))[0][:, -1])


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("shape", [(7, 37), (4, 3, 3, 3), (5, 64)])
def test_levels_are_those_of_the_quantized_file(grid, shape):
    torch.manual_seed(len(shape))
    weight = torch.randn(shape) * torch.rand(shape[0], *[1] * (len(shape) - 1))
    weight[0] = 0  # a channel without weights has no range
    rounded = Rounding(**grid).nearest(weight)
    matrix = weight.reshape(shape[0], -1).numpy()
    expected = make_grid(matrix, GridChoice(**grid))
    np.testing.assert_array_equal(rounded.reshape(shape[0], -1).numpy(), expected.values(expected.codes(matrix)))


@pytest.mark.parametrize("grid", GRIDS)
def test_rounding_twice_is_rounding_once(grid):
    torch.manual_seed(3)
    once = Rounding(**grid).nearest(torch.randn(6, 40))
    np.testing.assert_array_equal(Rounding(**grid).nearest(once).numpy(), once.numpy())


def test_both_ends_of_the_range_stay_levels():
    """Ends that both lie at 1.5 scales, of a scale that fp16 rounds up: the nearest levels would be −1 and 1 of −1 to 2."""
    reach = 0.7003
    once = Rounding(bits=2, symmetric=False).nearest(torch.tensor([[-reach, 0.1, reach]]))
    assert once[0, 2].item() == pytest.approx(-2 * once[0, 0].item()) and once[0, 1] == 0
    np.testing.assert_array_equal(Rounding(bits=2, symmetric=False).nearest(once).numpy(), once.numpy())


def test_small_steps_add_up_below_the_grid():
    """A rounded weight would never move by steps that are smaller than half a level: the finer copy does."""
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, 0.30]])
    rounded = RoundedWeights(prunable_weights(layer), Rounding(bits=3))  # levels at 0, 1/3, 2/3 and 1
    seen = []
    for _ in range(30):
        layer.weight.data[0, 1] += 0.01
        rounded.after_step(0.0)
        seen.append(layer.weight[0, 1].item())
    assert seen[0] == pytest.approx(1 / 3, abs=1e-3) and seen[-1] == pytest.approx(2 / 3, abs=1e-3)
    assert float(rounded.get_buffer("fine_0")[0, 1]) == pytest.approx(0.60, abs=1e-4)


def test_every_kind_of_layer_is_rounded_and_zeros_stay():
    torch.manual_seed(5)
    module = Words()
    module.head.weight.data[:, 0] = 0
    rounding = Rounding(bits=3)
    rounded = RoundedWeights(prunable_weights(module), rounding)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.05)
    ids, targets = torch.randint(0, 30, (64, 5)), torch.randint(0, 3, (64,))
    losses = []
    for _ in range(60):
        loss = nn.functional.cross_entropy(module(ids), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rounded.after_step(0.0)
        losses.append(loss.item())
        for weight in prunable_weights(module).values():
            np.testing.assert_array_equal(rounding.nearest(weight).numpy(), weight.detach().numpy())
    assert losses[-1] < 0.5 * losses[0]
    assert not module.head.weight[:, 0].any()
    assert max(len(torch.unique(row)) for row in module.memory.weight_ih_l0) <= 7


def test_blocks_are_read_by_products_and_tables_alone():
    assert set(read_as_blocks(Words())) == {"table.weight", "head.weight"}


def test_a_stopped_recovery_continues_to_the_same_weights(tmp_path):
    def recovering(folder, report):
        fit = trainer(folder, report=report)
        rounded = RoundedWeights(prunable_weights(fit.model), Rounding(bits=2))
        fit.companion, fit.after_step = rounded, rounded.after_step
        return fit

    whole = recovering(tmp_path / "whole", QuietReporter())
    whole.run()
    stopping = QuietReporter()
    stopping.stop_at = lambda fraction: fraction >= 0.5
    with pytest.raises(Cancelled):
        recovering(tmp_path / "stopped", stopping).run()
    resumed = recovering(tmp_path / "stopped", report := QuietReporter())
    resumed.run()
    assert any("Goes on from its checkpoint" in line for line in report.lines)
    for one, other in ((whole.model, resumed.model), (whole.companion, resumed.companion)):
        assert same_weights(one, other)
    assert "fine_0" in whole.companion.state_dict()
