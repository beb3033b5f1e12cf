"""Divergences from the largest logits of each row, against the whole distribution that they stand for."""

import math

import pytest
import torch

from kdui.core.rows import TopLogits
from kdui.methods.distill.distill.losses import soft_target_loss
from kdui.methods.distill.distill.top_logits import expanded, top_divergence

KINDS = ["forward", "reverse", "jensen-shannon", "skewed", "skewed-reverse"]


def draw(rows: int, choices: int, seed: int) -> torch.Tensor:
    return 3 * torch.randn(rows, choices, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def largest(logits: torch.Tensor, top: int) -> TopLogits:
    values, places = logits.topk(top, dim=-1)
    others = logits.scatter(-1, places, float("-inf"))
    shared = others.logsumexp(-1) - math.log(logits.shape[-1] - top) if top < logits.shape[-1] else others[:, 0]
    return TopLogits(values, places, shared, logits.shape[-1])


@pytest.mark.parametrize("divergence", KINDS)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_they_are_those_of_the_dense_distribution(divergence, temperature):
    student, teacher = draw(6, 40, 0), largest(draw(6, 40, 1), 5)
    dense = soft_target_loss(student, expanded(teacher), temperature, divergence)
    assert soft_target_loss(student, teacher, temperature, divergence).item() == pytest.approx(dense.item(), rel=1e-10)


@pytest.mark.parametrize("divergence", KINDS)
def test_gradients_are_right_and_vanish_at_the_teachers_own_distribution(divergence):
    teacher = largest(draw(3, 12, 1), 4)
    student = draw(3, 12, 0).requires_grad_()
    assert torch.autograd.gradcheck(lambda ours: top_divergence(ours, teacher, 2.0, divergence), (student,))
    same = expanded(teacher).requires_grad_()
    (gradient,) = torch.autograd.grad(top_divergence(same, teacher, 2.0, divergence).sum(), same)
    assert gradient.abs().max() < 1e-12
    assert top_divergence(same, teacher, 2.0, divergence).abs().max() < 1e-12


def test_with_all_choices_kept_nothing_is_lost():
    whole = draw(4, 9, 1)
    every = TopLogits(*whole.topk(9, dim=-1), torch.zeros(4, dtype=torch.float64), 9)
    student = draw(4, 9, 0)
    assert soft_target_loss(student, every, 3.0).item() == pytest.approx(soft_target_loss(student, whole, 3.0).item(), rel=1e-12)


def test_the_mass_of_the_others_is_kept():
    whole = draw(5, 30, 2)
    kept = expanded(largest(whole, 6))
    top = whole.topk(6, dim=-1).indices
    there = torch.softmax(whole, -1).gather(-1, top).sum(-1)
    assert torch.softmax(kept, -1).gather(-1, top).sum(-1).tolist() == pytest.approx(there.tolist(), rel=1e-12)
