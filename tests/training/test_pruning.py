"""Pruning criteria and schedules by hand, and that a resumed training ends as one that was never stopped."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from kdui.core.errors import Cancelled
from kdui.training.context import QuietReporter
from kdui.training.loop import Batch
from kdui.training.masks import masks_by_score, two_of_four_mask
from kdui.training.pruning import Pruning, RunningScores, cubic_schedule, stepped_schedule
from kdui.training.pruning_scores import magnitude_scores, random_scores, squared_inputs, taylor_scores, wanda_scores
from kdui.training.weights import prunable_weights
from tests.training.digits import Small, same_weights, trainer


class Line(nn.Module):
    """y = W x with the given W."""

    def __init__(self, rows):
        super().__init__()
        self.layer = nn.Linear(len(rows[0]), len(rows), bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor(rows))

    def forward(self, x):
        return self.layer(x)


def batch(*rows):
    return Batch({"x": torch.tensor(rows)}, torch.zeros(len(rows)), torch.arange(len(rows)), 0)


def summed(outputs, given):
    return {"total": outputs.sum()}


def test_masks_by_score_in_each_kind_of_group():
    scores = {"a": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": torch.tensor([[5.0, 6.0, 7.0, 8.0]])}
    together = masks_by_score(scores, 0.5)
    assert together["a"].tolist() == [[False] * 2] * 2 and together["b"].tolist() == [[True] * 4]
    alone = masks_by_score(scores, 0.5, "layer")
    assert alone["a"].tolist() == [[False, False], [True, True]] and alone["b"].tolist() == [[False, False, True, True]]
    assert masks_by_score(scores, 0.5, "row")["a"].tolist() == [[False, True], [False, True]]
    assert all(bool(mask.all()) for groups in ("global", "layer", "row") for mask in masks_by_score(scores, 0.0, groups).values())


def test_magnitude_alone_and_against_its_layer():
    weights = {"w": torch.tensor([[3.0, -4.0]])}
    assert magnitude_scores(weights, together=False)["w"].tolist() == [[3.0, 4.0]]
    assert magnitude_scores(weights)["w"].tolist() == [[pytest.approx(3 / 12.5**0.5), pytest.approx(4 / 12.5**0.5)]]


def test_chance_takes_more_of_the_same():
    weights = {"w": torch.zeros(10, 10)}
    less, more = (masks_by_score(random_scores(weights, 3), share)["w"] for share in (0.3, 0.6))
    assert int(more.sum()) == 40 and not bool((more & ~less).any())


def test_taylor_is_weight_times_gradient_by_hand():
    module = Line([[2.0, -1.0], [0.5, 3.0]])
    scores = taylor_scores(module, [batch([1.0, 2.0]), batch([3.0, -2.0])], summed)["layer.weight"]
    # The gradient is the input: |w · x| is 2, 2 / 0.5, 6 and then 6, 2 / 1.5, 6.
    assert scores.tolist() == [[4.0, 2.0], [1.0, 6.0]]
    assert module.layer.weight.grad is None


def test_wanda_is_weight_times_the_norm_of_its_input_by_hand():
    module = Line([[2.0, -1.0], [0.5, 3.0]])
    scores, fallen = wanda_scores(module, [batch([3.0, 0.0]), batch([4.0, 1.0])])
    assert scores["layer.weight"].tolist() == [[10.0, 1.0], [2.5, 3.0]] and fallen == []


def test_wanda_leaves_padding_out_and_its_scores_choose_two_of_four():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 1, bias=False)

        def forward(self, states, attention_mask):
            return self.layer(states)

    module = Tokens()
    with torch.no_grad():
        module.layer.weight.copy_(torch.tensor([[4.0, 3.0, 2.0, 1.0]]))
    states = torch.tensor([[[0.0, 1.0, 3.0, 4.0], [9.0, 9.0, 9.0, 9.0]], [[0.0, 0.0, 4.0, 3.0], [1.0, 0.0, 0.0, 0.0]]])
    given = {"states": states, "attention_mask": torch.tensor([[1, 0], [1, 1]])}
    one = [Batch(given, torch.zeros(2), torch.arange(2), 0)]
    scores = wanda_scores(module, one, padded=False)[0]["layer.weight"]
    assert scores.tolist() == [[4.0, 3.0, 10.0, 5.0]]
    assert two_of_four_mask(scores).tolist() == [[False, False, True, True]]
    assert two_of_four_mask(module.layer.weight).tolist() == [[True, True, False, False]]
    assert wanda_scores(module, one)[0]["layer.weight"][0, 0] == pytest.approx(4 * 82**0.5)


@pytest.mark.parametrize(("groups", "stride", "padding"), [(1, 1, 1), (2, 2, 0), (4, 1, "same")])
def test_the_inputs_of_a_convolution_are_those_of_its_windows(groups, stride, padding):
    torch.manual_seed(0)
    layer, pixels = nn.Conv2d(4, 8, 3, stride=stride, padding=padding, groups=groups), torch.randn(2, 4, 7, 7)
    shifted = functional.pad(pixels, (1, 1, 1, 1)) if padding else pixels
    windows = functional.unfold(shifted, 3, stride=stride)
    assert torch.allclose(squared_inputs(layer, pixels).float(), windows.square().sum((0, 2)), rtol=1e-5)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(x)

    given = Batch({"x": pixels}, torch.zeros(2), torch.arange(2), 0)
    scores = wanda_scores(Net(), [given])[0]["layer.weight"]
    last = windows.view(2, 4, 9, -1).square().sum((0, 3)).sqrt().view(4, 3, 3)[-(4 // groups) :]
    assert torch.allclose(scores[-1], layer.weight[-1].abs() * last, rtol=1e-4)


def test_embeddings_fall_back_to_magnitude():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.head = nn.Embedding(3, 2), nn.Linear(2, 2)

        def forward(self, ids):
            return self.head(self.words(ids))

    module = Words()
    scores, fallen = wanda_scores(module, [Batch({"ids": torch.tensor([0, 1])}, torch.zeros(2), torch.arange(2), 0)])
    assert fallen == ["words.weight"] and torch.equal(scores["words.weight"], module.words.weight.detach().abs())


def test_two_of_every_four_inputs_stay():
    row = torch.tensor([[1.0, -5.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0]])
    assert two_of_four_mask(row).tolist() == [[False, True, False, True, True, True, False, False]]
    mask = two_of_four_mask(torch.randn(16, 8, 3, 3, generator=torch.Generator().manual_seed(0)))
    assert (mask.view(16, 2, 4, 3, 3).sum(2) == 2).all()
    odd = two_of_four_mask(torch.tensor([[1.0, 2.0, 3.0, 4.0, 7.0, 5.0, 6.0]]))
    assert odd.tolist() == [[False, False, True, True, True, False, True]]
    assert bool(two_of_four_mask(torch.ones(3, 1, 5, 5)).all())


def test_schedules_by_hand():
    steps = stepped_schedule(0.75, 2)
    assert [steps(at) for at in (0.0, 0.49, 0.5, 0.99)] == [0.5, 0.5, 0.75, 0.75]
    assert stepped_schedule(0.6, 1)(0.0) == 0.6 == stepped_schedule(0.6, 4)(0.75)
    cubic = cubic_schedule(0.8, 0.5)
    assert cubic(0.0) == 0.0 and cubic(0.25) == pytest.approx(0.7) and cubic(0.5) == cubic(1.0) == 0.8


def test_movement_keeps_what_moves_away_from_zero_and_lets_weights_come_back():
    module = Line([[1.0, 1.0, 1.0, 1.0]])
    weight = module.layer.weight
    scores = RunningScores(movement=True)
    pruning = Pruning(lambda weights, share: scores.masks(weights, share, "global"), lambda at: at, 1.0, 1, scores)
    pruning.begin(module)

    def update(gradient, progress):
        weight.grad = torch.tensor([gradient])
        with torch.no_grad():
            weight.sub_(0.1 * weight.grad)
        pruning.after_step(progress)

    update([1.0, -1.0, 0.5, -0.5], 0.25)  # S = -w · g: the first weight moves towards zero most
    assert weight.tolist() == [[0.0, pytest.approx(1.1), pytest.approx(0.95), pytest.approx(1.05)]]
    update([-4.0, 0.0, 2.0, 0.0], 0.25)  # no cut is due at an equal sparsity, and the first one is frozen at 0.9
    assert weight[0, 0] == 0
    update([0.0, 0.0, 0.0, 0.0], 0.5)
    # Scores: 0.9 · 4 - 1 = 2.6, 1, -0.5 - 1.9 = -2.4, 0.5: the first comes back with the value it was frozen at.
    assert weight.tolist() == [[pytest.approx(0.9), pytest.approx(1.1), 0.0, 0.0]]


@pytest.mark.parametrize("kind", ["magnitude", "movement", "taylor", "iterative"])
def test_a_stopped_training_continues_to_the_same_zeros(kind, tmp_path):
    def pruned(folder, report=None):
        module = Small()
        running = RunningScores(kind == "movement") if kind in ("movement", "taylor") else None
        cut = (
            (lambda weights, share: running.masks(weights, share, "global"))
            if running
            else (lambda weights, share: masks_by_score(magnitude_scores(weights), share))
        )
        schedule = stepped_schedule(0.7, 3) if kind == "iterative" else cubic_schedule(0.7, 0.6)
        pruning = Pruning(cut, schedule, 0.6, 1 if kind == "iterative" else 4, running)
        pruning.begin(module)
        training = trainer(folder, model=module, epochs=3, limit=256, report=report)
        training.after_step, training.settled_at = pruning.after_step, pruning.settled_at
        return module, pruning, training

    whole, pruning, training = pruned(tmp_path / "whole")
    training.run()
    pruning.finish()
    report = QuietReporter()
    report.stop_at = lambda fraction: fraction > 0.4
    _, _, stopped = pruned(tmp_path / "stopped", report)
    with pytest.raises(Cancelled):
        stopped.run()
    resumed, pruning, training = pruned(tmp_path / "stopped")
    training.run()
    pruning.finish()
    assert same_weights(whole, resumed)
    weights = prunable_weights(whole)
    gone = sum(int((weight == 0).sum()) for weight in weights.values())
    assert gone == round(0.7 * sum(weight.numel() for weight in weights.values()))
    assert whole.state_dict().keys() == Small().state_dict().keys()
