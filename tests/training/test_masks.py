"""Masks: exactly the asked share goes, the largest weights stay, and zeros stay zero."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kdui.training.masks import apply_masks, magnitude_masks, random_masks


def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {"first": torch.randn(4, 5, generator=generator), "second": 10 * torch.randn(3, 2, 2, 2, generator=generator)}


def kept(masks: dict[str, torch.Tensor]) -> int:
    return sum(int(mask.sum()) for mask in masks.values())


@given(sparsity=st.floats(0, 0.95, allow_subnormal=False), seed=st.integers(0, 1000))
def test_exactly_the_rounded_share_goes(sparsity, seed):
    gone = round(sparsity * 44)
    for masks in (magnitude_masks(weights(seed), sparsity), random_masks(weights(seed), sparsity, seed)):
        assert kept(masks) == 44 - gone
        assert {name: tuple(mask.shape) for name, mask in masks.items()} == {"first": (4, 5), "second": (3, 2, 2, 2)}


@given(sparsity=st.floats(0.05, 0.95, allow_subnormal=False), seed=st.integers(0, 1000))
def test_the_threshold_follows_each_layer_and_the_largest_stay(sparsity, seed):
    tensors = weights(seed)
    masks = magnitude_masks(tensors, sparsity)
    sizes = torch.cat([(tensor.abs() / tensor.square().mean().sqrt()).flatten() for tensor in tensors.values()])
    keep = torch.cat([mask.flatten() for mask in masks.values()])
    assert sizes[keep].min() >= sizes[~keep].max() - 1e-6


def test_a_layer_of_small_weights_is_not_emptied_for_one_of_large_weights():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(40, 40, generator=generator)
    masks = magnitude_masks({"small": 0.01 * values, "large": 10 * values}, 0.5)
    assert torch.equal(masks["small"], masks["large"])


def test_equal_weights_go_by_position_so_the_count_is_exact():
    masks = magnitude_masks({"weight": torch.ones(2, 5)}, 0.3)
    assert masks["weight"].flatten().tolist() == [False] * 3 + [True] * 7


def test_chance_is_decided_by_the_seed_alone():
    once, again, other = (random_masks(weights(0), 0.5, seed)["first"] for seed in (3, 3, 4))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert torch.equal(random_masks(weights(9), 0.5, 3)["first"], once)


def test_zeros_stay_zero_through_training():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.ndim > 1}
    masks = magnitude_masks(parameters, 0.6)
    before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    apply_masks(parameters, masks)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    for step in range(20):
        loss = model(torch.randn(16, 6, generator=torch.Generator().manual_seed(step))).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        apply_masks(parameters, masks)
    for name, parameter in parameters.items():
        assert torch.equal(parameter == 0, ~masks[name])
        assert not torch.equal(parameter[masks[name]], before[name][masks[name]])
    assert sum(int((parameter == 0).sum()) for parameter in parameters.values()) == pytest.approx(round(0.6 * 72))
