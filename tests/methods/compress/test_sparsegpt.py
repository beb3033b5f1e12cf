"""SparseGPT on single layers: against closed forms, and against criteria that move no weight."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import kdui.methods.compress.prune.sparsegpt
from kdui.methods.compress.hessian import output_errors
from kdui.methods.compress.prune.sparsegpt import DAMPENING, sparsegpt
from kdui.training.masks import masks_by_score, two_of_four_mask


@pytest.fixture(scope="module")
def layer():
    """A layer that was fitted to real inputs (digits, 10 outputs), its weights [10, 64] and the moment of those inputs."""
    digits = load_digits()
    inputs = digits.data / 16
    moment = inputs.T @ inputs
    fitted = np.linalg.solve(moment + np.eye(64), inputs.T @ np.eye(10)[digits.target])
    return fitted.T.astype(np.float32), moment


def dampened(moment):
    return moment + DAMPENING * np.diag(moment).mean() * np.eye(len(moment))


def test_one_weight_that_goes_is_made_up_for_as_the_optimal_brain_surgeon_does():
    """Removing input 0 of one output: δw = −w₀ / [H⁻¹]₀₀ · H⁻¹[:, 0] (Hassibi and Stork 1993, equation 5)."""
    inputs = np.random.default_rng(0).normal(size=(50, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    moment, weights = inputs.T @ inputs, np.array([[0.01, 1.0, -2.0, 1.5]])
    pruned, keep = sparsegpt(weights, moment, 0.25)
    inverse = np.linalg.inv(dampened(moment))
    assert keep.tolist() == [[False, True, True, True]]
    assert np.allclose(pruned, weights - weights[0, 0] / inverse[0, 0] * inverse[:, 0], atol=1e-12)


def test_inputs_that_go_before_all_that_stay_leave_the_least_squares_weights():
    rng = np.random.default_rng(2)
    inputs, weights = rng.normal(size=(300, 100)) @ rng.normal(size=(100, 100)), rng.normal(size=(3, 100)) + 3
    weights[:, :70] *= 1e-4
    moment = inputs.T @ inputs
    pruned, keep = sparsegpt(weights, moment, 0.7)
    assert (keep == (np.arange(100) >= 70)).all()
    stays, whole = dampened(moment)[70:, 70:], dampened(moment)[70:]
    assert np.allclose(pruned[:, 70:], np.linalg.solve(stays, whole @ weights.T).T, rtol=1e-6)


def test_corrections_that_wait_for_the_end_of_a_block_are_those_of_each_input(layer, monkeypatch):
    whole = sparsegpt(*layer, 0.5, True)[0]
    monkeypatch.setattr(kdui.methods.compress.prune.sparsegpt, "BLOCK", 8)
    assert np.allclose(sparsegpt(*layer, 0.5, True)[0], whole, atol=1e-6)


@pytest.mark.parametrize("two_of_four", [False, True])
def test_its_outputs_are_nearer_than_those_of_wanda_and_magnitude(layer, two_of_four):
    weights, moment = layer
    tensor = torch.from_numpy(weights)
    scores = {"magnitude": tensor.abs(), "wanda": tensor.abs() * torch.from_numpy(np.sqrt(np.diag(moment)))}
    cut = two_of_four_mask if two_of_four else lambda score: masks_by_score({"": score}, 0.5, "row")[""]
    masks = {name: cut(score) for name, score in scores.items()}
    errors = {name: output_errors(weights, np.where(mask.numpy(), weights, 0), moment).sum() for name, mask in masks.items()}
    pruned, keep = sparsegpt(weights, moment, 0.5, two_of_four)
    assert keep.mean() == 0.5 and ((pruned != 0) <= keep).all()
    assert output_errors(weights, pruned, moment).sum() < 0.5 * errors["wanda"] < 0.5 * errors["magnitude"]
    if two_of_four:
        assert (keep.reshape(-1, 4).sum(1) == 2).all()


def test_the_share_is_exact_over_blocks_and_inputs_that_never_fire_go_first():
    rng = np.random.default_rng(3)
    inputs, weights = rng.normal(size=(400, 300)), rng.normal(size=(7, 300))
    inputs[:, [5, 200]] = 0
    pruned, keep = sparsegpt(weights, inputs.T @ inputs, 0.37)
    assert (~keep).sum() == round(0.37 * weights.size) == (pruned == 0).sum()
    assert not keep[:, [5, 200]].any()
    same, whole = sparsegpt(weights, inputs.T @ inputs, 0.0)
    assert whole.all() and np.array_equal(same, weights)
