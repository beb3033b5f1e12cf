"""LSQ: its gradients against finite differences and by hand, and layers that are theirs again after training."""

import pytest
import torch
from torch import nn

from kdui.core.errors import Cancelled, StageFailed
from kdui.models.low_bits import rounded_inputs, weight_codes
from kdui.training import loop
from kdui.training.compression_chain import Composed, HeldZeros
from kdui.training.context import QuietReporter
from kdui.training.low_bits import LowBitTraining
from kdui.training.lsq import (
    SMALLEST_RATIO,
    LearnedStep,
    QuantizedInput,
    QuantizedWeight,
    activation_levels,
    first_step,
    quantized,
    weight_levels,
)
from tests.training.digits import Small, same_weights, trainer


def small_network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 6), nn.ReLU(), nn.Linear(6, 3))


def trained_a_little(module: nn.Module, training, steps: int = 3) -> torch.Tensor:
    """A few updates under the compression; the images that it was trained on."""
    pictures = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    training.begin(module)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for number in range(steps):
        optimizer.zero_grad()
        module(pictures).square().sum().backward()
        optimizer.step()
        training.after_step(number / steps)
    return pictures


@pytest.mark.parametrize(("bits", "levels"), [(2, (-2, 1)), (4, (-8, 7)), (8, (-127, 127))])
def test_levels_of_weights(bits, levels):
    assert weight_levels(bits) == levels


def test_levels_of_activations():
    assert activation_levels(4, signed=False) == (0, 15)
    assert activation_levels(4, signed=True) == (-8, 7)


def test_values_and_gradients_by_hand():
    values = torch.tensor([0.26, -0.9, 0.1, 5.0], requires_grad=True)  # v/s: 0.52, −1.8, 0.2, 10; levels −2 … 1
    step = torch.tensor(0.5, requires_grad=True)
    result = quantized(values, step, -2, 1, scale=0.1)
    torch.testing.assert_close(result, torch.tensor([0.5, -1.0, 0.0, 0.5]))
    result.backward(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    torch.testing.assert_close(values.grad, torch.tensor([1.0, 2.0, 3.0, 0.0]))
    by_hand = 1 * (1 - 0.52) + 2 * (-2 + 1.8) + 3 * (0 - 0.2) + 4 * 1
    torch.testing.assert_close(step.grad, torch.tensor(0.1 * by_hand))


@pytest.mark.parametrize("per_channel", [True, False])
def test_gradients_equal_finite_differences_where_rounding_is_taken_straight_through(per_channel):
    """Straight through means: near (v, s) the rounding adds a constant, round(v/s) − v/s, to v/s, and what is clipped stays."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(6, 9, generator=generator, dtype=torch.float64) * 2
    step = torch.rand((6, 1) if per_channel else (1, 1), generator=generator, dtype=torch.float64) + 0.3
    weights = torch.randn(6, 9, generator=generator, dtype=torch.float64)
    low, high = -4, 3
    ratio = values / step
    assert ((ratio < low) | (ratio > high)).any() and ((ratio > low) & (ratio < high)).any()
    offset = ratio.round() - ratio

    def straight_through(at_values, at_step):
        inside = (ratio > low) & (ratio < high)
        levels = torch.where(inside, at_values / at_step + offset, ratio.clamp(low, high).expand_as(ratio))
        return (levels * at_step * weights).sum()

    values.requires_grad_(True)
    step.requires_grad_(True)
    (quantized(values, step, low, high) * weights).sum().backward()
    tiny = 1e-6
    for tensor, gradient in ((values, values.grad), (step, step.grad)):
        expected = torch.zeros_like(tensor)
        for place in range(tensor.numel()):
            moved = [tensor.detach().clone() for _ in range(2)]
            moved[0].view(-1)[place] += tiny
            moved[1].view(-1)[place] -= tiny
            ends = [straight_through(one, step) if tensor is values else straight_through(values, one) for one in moved]
            expected.view(-1)[place] = (ends[0] - ends[1]).item() / (2 * tiny)
        torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-7)


def test_the_first_step_is_the_papers_and_a_removed_channel_takes_the_others():
    torch.testing.assert_close(first_step(torch.tensor([0.5]), 4), torch.tensor([0.5]))  # 2 · 0.5 / √4
    assert first_step(torch.tensor([0.0, 1.0]), 1).tolist() == [2.0, 2.0]
    assert first_step(torch.zeros(2), 1).tolist() == [1.0, 1.0]


def test_sixteen_bits_are_near_identity_and_fewer_bits_are_further_off():
    weight = torch.randn(8, 30, generator=torch.Generator().manual_seed(2))
    errors = []
    for bits in (2, 4, 8, 16):
        result = QuantizedWeight(weight, bits, per_channel=True)(weight).detach()
        errors.append(float((result - weight).abs().mean() / weight.abs().mean()))
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 0.05 and errors[3] < 4e-3


def test_a_step_never_reaches_zero():
    step = LearnedStep(2)
    step.begin(torch.tensor([0.5, 2.0]))
    with torch.no_grad():
        step.ratio.copy_(torch.tensor([-3.0, 1.5]))
    step.keep_positive()
    torch.testing.assert_close(step(), torch.tensor([0.5 * SMALLEST_RATIO, 3.0]))


@pytest.mark.parametrize(("values", "signed"), [([0.0, 1.0, 2.0], False), ([-1.0, 1.0, 2.0], True)])
def test_the_first_batch_tells_whether_inputs_are_signed(values, signed):
    rounding = QuantizedInput(4)
    given = torch.tensor([values])
    result = rounding(given)
    assert bool(rounding.signed) is signed
    levels = result / rounding.step()
    torch.testing.assert_close(levels, levels.round())
    rounding(-10 * given)  # later batches change nothing
    assert bool(rounding.signed) is signed


@pytest.mark.parametrize("per_channel", [True, False])
def test_after_training_the_layers_are_plain_and_answer_as_they_were_trained(per_channel):
    module = small_network()
    names = set(module.state_dict())
    training = LowBitTraining(3, 4, outputs=3, per_channel=per_channel)
    pictures = trained_a_little(module, training)
    with torch.no_grad():
        expected = module(pictures)
    training.finish()
    assert set(module.state_dict()) == names
    assert [type(layer) for layer in module] == [nn.Conv2d, nn.ReLU, nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]
    grids = training.quantization
    assert {name: grid.bits for name, grid in grids.layers.items()} == {"0": 8, "3": 3, "5": 8}
    assert [grid.inputs.low for grid in grids.layers.values()] == [0, 0, 0]  # images in 0..1 and what ReLU gives
    with torch.no_grad(), rounded_inputs(module, grids):
        torch.testing.assert_close(module(pictures), expected, rtol=0, atol=1e-6)
    assert not module[3]._forward_pre_hooks
    weight, grid = module[3].weight, grids.layers["3"]
    codes = weight_codes(weight, grid)
    assert (int(codes.min()) >= -4) and (int(codes.max()) <= 3) and len(grid.steps) == (6 if per_channel else 1)
    assert torch.equal(codes.float() * torch.tensor(grid.steps).view(-1, 1), weight)


def test_removed_weights_stay_zero_at_low_bits():
    module = small_network()
    with torch.no_grad():
        module[3].weight[:, ::2] = 0.0
    training = Composed(LowBitTraining(4, 0, outputs=3), HeldZeros())
    trained_a_little(module, training)
    training.finish()
    assert torch.count_nonzero(module[3].weight[:, ::2]) == 0
    assert torch.count_nonzero(module[3].weight) > 100


def test_a_model_without_such_layers_is_refused_in_words():
    with pytest.raises(StageFailed, match="no convolution or linear layer"):
        LowBitTraining(4, 8, outputs=3).begin(nn.LSTM(3, 3))


@pytest.mark.parametrize("at", [0.15, 0.5])
def test_a_training_that_was_stopped_ends_with_the_same_bits_and_grids(tmp_path, monkeypatch, at):
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)

    def begun(checkpoint=None, report=None, seed=0):
        model, rounding = Small(seed), Composed(LowBitTraining(3, 4, outputs=10), HeldZeros())
        rounding.begin(model)
        made = trainer(checkpoint, model=model, report=report)
        made.after_step = rounding.after_step
        return made, rounding

    whole, rounding = begun()
    whole.run()
    rounding.finish()
    report = QuietReporter()
    report.stop_at = lambda fraction: fraction >= at
    with pytest.raises(Cancelled):
        begun(tmp_path, report)[0].run()
    resumed, again = begun(tmp_path, seed=99)
    resumed.run()
    again.finish()
    assert same_weights(resumed.model, whole.model)
    assert again.parts[0].quantization == rounding.parts[0].quantization
