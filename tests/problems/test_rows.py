"""Rows in memory and rows by chunks: the same means, gradients and parts; and never more than a chunk of logits at once."""

import pytest
import torch
from torch import nn

from kdui.core.errors import StageFailed
from kdui.methods.distill.distill.losses import soft_target_loss
from kdui.problems import head_rows
from kdui.problems.dense_rows import DenseRows
from kdui.problems.head_rows import HeadRows
from kdui.problems.row_losses import cross_entropy, weighted_mean

WIDTH, CHOICES, ROWS = 6, 11, 25


def made(seed: int = 0) -> tuple[torch.Tensor, nn.Linear, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(ROWS, WIDTH, generator=generator, dtype=torch.float64, requires_grad=True)
    head = nn.Linear(WIDTH, CHOICES, dtype=torch.float64)
    with torch.no_grad():
        head.weight.copy_(torch.randn(CHOICES, WIDTH, generator=generator, dtype=torch.float64))
    return states, head, torch.randint(CHOICES, (ROWS,), generator=generator)


def losses(rows, theirs):
    return {"soft": soft_target_loss(rows.logits, theirs, 2.0), "hard": cross_entropy(rows.logits, rows.target)}


@pytest.mark.parametrize("most", [CHOICES, 4 * CHOICES, 7 * CHOICES + 3, 1000])
def test_chunks_give_the_means_and_gradients_of_the_whole(monkeypatch, most):
    states, head, target = made()
    teacher = DenseRows(torch.randn(ROWS, CHOICES, generator=torch.Generator().manual_seed(5), dtype=torch.float64))
    whole = DenseRows(head(states), target).mean(losses, teacher)
    expected = torch.autograd.grad(whole["soft"] + whole["hard"], (states, head.weight))
    monkeypatch.setattr(head_rows, "CHUNK_VALUES", most)
    rows = HeadRows(states, head, CHOICES, target, torch.arange(ROWS))
    result = rows.mean(losses, teacher)
    assert {name: value.item() for name, value in result.items()} == pytest.approx(
        {name: value.item() for name, value in whole.items()}, rel=1e-6
    )
    gradients = torch.autograd.grad(result["soft"] + result["hard"], (states, head.weight))
    for ours, theirs in zip(gradients, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-7)
    assert torch.equal(rows.part(3, 9), head(states)[3:9])


def test_no_more_than_a_chunk_of_logits_lies_in_memory(monkeypatch):
    states, head, target = made()
    monkeypatch.setattr(head_rows, "CHUNK_VALUES", 4 * CHOICES)
    sizes = []
    head.register_forward_hook(lambda module, inputs, outputs: sizes.append(len(outputs)))
    rows = HeadRows(states, head, CHOICES, target, torch.arange(ROWS))
    rows.mean(lambda each: {"hard": cross_entropy(each.logits, each.target)})["hard"].backward()
    assert max(sizes) == 4 and sum(sizes) == 2 * ROWS  # forward, and once more in the backward pass


def test_a_batch_without_rows_is_refused():
    states, head, target = made()
    with pytest.raises(StageFailed, match="no token to predict"):
        HeadRows(states[:0], head, CHOICES, target[:0], target[:0]).mean(lambda each: {})


def test_hidden_targets_and_weights_of_zero_do_not_count():
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    target, weight = torch.tensor([0, -100, 2, 1]), torch.tensor([1.0, 1.0, 0.5, 0.0])
    first, third = (cross_entropy(logits[row : row + 1], target[row : row + 1]).item() for row in (0, 2))
    assert cross_entropy(logits, target, weight).item() == pytest.approx((first + 0.5 * third) / 1.5, rel=1e-6)
    assert weighted_mean(torch.ones(2), torch.zeros(2)).item() == 0.0
