"""Codebooks: optimal clusters, the paper's gradient of a shared value, NF4's levels, packed files, and training on digits."""

import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.torch import load_file, save_file
from torch import nn

from kdui.core.errors import RecipeError, StageFailed, StoreError
from kdui.core.run import RunState
from kdui.methods.compress.codebook import levels
from kdui.methods.compress.codebook.levels import (
    entropy_bits,
    most_points,
    nearest,
    nf4_levels,
    shared_by_kmeans,
    shared_nf4,
    shared_powers,
)
from kdui.methods.compress.codebook.packing import PACKED_CODEBOOK, read_codebook, write_codebook
from kdui.methods.compress.codebook.sharing import SharedWeights, centroid_gradients
from kdui.methods.compress.quantize.grids import GridChoice, make_grid
from kdui.models.module_store import load_model
from kdui.training.weights import prunable_weights
from tests.methods.taught import digits_recipe

FLOATS = st.floats(-4, 4, width=32, allow_subnormal=False)


def squares(weights: np.ndarray, values: np.ndarray) -> float:
    return float(((weights.astype(np.float64) - values) ** 2).sum())


@settings(max_examples=40, deadline=None)
@given(weights=hnp.arrays(np.float32, st.integers(1, 9), elements=FLOATS.filter(bool)), bits=st.integers(1, 2))
def test_kmeans_is_the_best_of_all_partitions(weights, bits):
    shared_weights = squares(weights, shared_by_kmeans(weights, bits).values)
    ordered = np.sort(weights.astype(np.float64))
    count = min(2**bits, len(weights))
    partitions = (
        sum(float(((part - part.mean()) ** 2).sum()) for part in np.split(ordered, cuts))
        for cuts in itertools.combinations(range(1, len(ordered)), count - 1)
    )
    assert shared_weights <= min(partitions) + 1e-5


def test_kmeans_is_never_worse_than_the_uniform_grid_of_as_many_bits():
    weights = np.random.default_rng(0).standard_t(4, size=(8, 50)).astype(np.float32)
    for bits in (2, 3, 4, 6):
        grid = make_grid(weights, GridChoice(bits, granularity="tensor", calibration="mse"))
        uniform = squares(weights, grid.values(grid.codes(weights)))
        assert squares(weights.ravel(), shared_by_kmeans(weights, bits).values) < uniform


@settings(max_examples=40, deadline=None)
@given(weights=hnp.arrays(np.float32, st.integers(1, 60), elements=st.one_of(st.just(0.0), FLOATS)), bits=st.integers(1, 8))
def test_zeros_keep_a_code_of_their_own(weights, bits):
    shared_weights = shared_by_kmeans(weights, bits)
    assert np.array_equal(shared_weights.values == 0, weights == 0)
    assert len(shared_weights.levels) <= 2**bits and shared_weights.codes.max(initial=0) < len(shared_weights.levels)
    for other in (shared_powers(weights, max(2, bits)), shared_nf4(weights, 8)):
        assert (other.values[weights == 0] == 0).all()


def test_many_weights_are_clustered_in_bins_of_equal_mass_and_it_is_reported(monkeypatch):
    monkeypatch.setattr(levels, "MOST_WORK", 4 * 16_384)
    weights = np.random.default_rng(1).normal(size=3 * most_points(4)).astype(np.float32)
    shared_weights = shared_by_kmeans(weights, 2)
    assert not shared_weights.exact and shared_by_kmeans(weights[:1000], 2).exact
    # Max (1960): the best four levels of a normal distribution are ±0.4528 and ±1.510, their error is 0.1175.
    np.testing.assert_allclose(np.sort(shared_weights.levels), [-1.510, -0.4528, 0.4528, 1.510], atol=0.03)
    assert squares(weights, shared_weights.values) / len(weights) == pytest.approx(0.1175, abs=0.003)


def test_nf4_levels_are_those_of_the_paper():
    expected = [
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
        -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
    ]  # fmt: skip
    np.testing.assert_allclose(nf4_levels(), expected, atol=2e-6)


def test_nf4_scales_each_block_by_its_largest_weight():
    weights = np.array([0.5, -0.25, 0.0, 0.125, 8.0, -8.0, 4.0], np.float32)
    shared_weights = shared_nf4(weights, 4)
    assert shared_weights.scales.tolist() == [0.5, 8.0]
    np.testing.assert_allclose(shared_weights.values[[0, 2, 4, 5]], [0.5, 0.0, 8.0, -8.0])
    assert shared_weights.values[6] == np.float32(8) * nf4_levels()[nearest(np.array([0.5]), nf4_levels())[0]]


def test_powers_of_two_by_hand():
    shared_weights = shared_powers(np.array([1.0, -0.55, 0.3, 0.09, 0.0], np.float32), 3)  # ⌊log2(4/3)⌋ = 0: 1, ½, ¼
    assert sorted(set(np.abs(shared_weights.levels))) == [0.0, 0.25, 0.5, 1.0]
    assert shared_weights.values.tolist() == [1.0, -0.5, 0.25, 0.0, 0.0]
    assert len(shared_powers(np.zeros(3, np.float32), 4).levels) == 1


def test_weights_that_are_no_numbers_are_refused():
    with pytest.raises(StageFailed, match="no numbers"):
        shared_by_kmeans(np.array([np.inf, 1.0], np.float32), 2)


def test_entropy_by_hand():
    assert entropy_bits(np.array([0, 0, 1, 1], np.uint8)) == 4.0
    assert entropy_bits(np.array([3, 3, 3], np.uint8)) == 0.0
    assert entropy_bits(np.array([0, 0, 0, 1], np.uint8)) == pytest.approx(4 * (2 - 0.75 * math.log2(3)))


# --- shared weights that learn -------------------------------------------------------------------------------------------


def test_the_gradient_of_a_shared_value_is_the_sum_over_its_weights():
    """Han et al. 2016, figure 3: the 4 × 4 example of weights, gradients and four centroids."""
    codes = torch.tensor([3, 0, 2, 1, 1, 1, 0, 3, 0, 3, 1, 0, 3, 1, 2, 2], dtype=torch.int32)
    gradient = torch.tensor(
        [
            [-0.03, -0.01, 0.03, 0.02],
            [-0.01, 0.01, -0.02, 0.12],
            [-0.01, 0.02, 0.04, 0.01],
            [-0.07, -0.02, 0.01, -0.02],
        ]
    )
    sums = centroid_gradients(gradient, codes, 4)
    np.testing.assert_allclose(sums.numpy(), [-0.03, 0.04, 0.02, 0.04], atol=1e-6)


class Line(nn.Module):
    """One shared matrix and one bias."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.layer.weight.data = torch.tensor([[1.0, 1.2], [-3.0, 0.0]])
        self.layer.bias.data = torch.zeros(2)


def test_all_weights_of_a_code_take_one_step_and_zero_none():
    module = Line()
    sharing = SharedWeights(lambda weights: shared_by_kmeans(weights, 2), moving=True)
    sharing.begin(module)
    np.testing.assert_allclose(module.layer.weight.detach(), [[1.0, 1.2], [-3.0, 0.0]], atol=1e-6)
    sharing.finish()
    two = SharedWeights(lambda weights: shared_by_kmeans(np.where(weights > 1.1, 1, weights), 2), moving=True)
    two.begin(module)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    (module.layer.weight * torch.tensor([[1.0, 3.0], [5.0, 7.0]])).sum().backward()
    np.testing.assert_allclose(module.layer.weight.grad, [[2.0, 2.0], [5.0, 0.0]])  # (1 + 3) / 2 for both
    optimizer.step()
    two.after_step(0.0)
    two.finish()
    np.testing.assert_allclose(module.layer.weight.detach(), [[0.8, 0.8], [-3.5, 0.0]], atol=1e-6)
    np.testing.assert_allclose(two.shared["layer.weight"].values.reshape(2, 2), module.layer.weight.detach())


def test_fixed_levels_stay_under_weight_decay():
    module = Line()
    sharing = SharedWeights(lambda weights: shared_powers(weights, 4), moving=False)
    sharing.begin(module)
    before = module.layer.weight.detach().clone()
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        (module.layer(torch.ones(1, 2)) ** 2).sum().backward()
        optimizer.step()
        sharing.after_step(0.5)
    assert torch.equal(module.layer.weight, before) and float(module.layer.bias.detach().abs().max()) > 0


# --- packed files ---------------------------------------------------------------------------------------------------------


class Tied(nn.Module):
    """An embedding that is also the output layer, a recurrent layer, and a norm."""

    def __init__(self):
        super().__init__()
        self.table, self.inner, self.norm = nn.Embedding(7, 6), nn.LSTM(6, 3), nn.BatchNorm1d(6)
        self.head = nn.Linear(6, 7, bias=False)
        self.head.weight = self.table.weight


@pytest.mark.parametrize(
    "share",
    [
        lambda w: shared_by_kmeans(w, 3),
        lambda w: shared_powers(w, 5),
        lambda w: shared_nf4(w, 16),
        lambda w: shared_by_kmeans(w, 1),
    ],
)
def test_packed_models_come_back_to_the_bit(tmp_path, share):
    torch.manual_seed(0)
    module = Tied()
    sharing = SharedWeights(share, moving=False)
    sharing.begin(module)
    sharing.finish()
    sizes = write_codebook(module, sharing.shared, tmp_path)
    assert sizes["packed_bytes"] == (tmp_path / PACKED_CODEBOOK).stat().st_size >= sizes["entropy_bytes"]
    decoded = read_codebook(tmp_path / PACKED_CODEBOOK)
    assert decoded.keys() == module.state_dict().keys()
    for name, tensor in module.state_dict().items():
        assert decoded[name].dtype == tensor.dtype and torch.equal(decoded[name], tensor), name
    assert "head.weight.codes" not in load_file(tmp_path / PACKED_CODEBOOK)  # it is the table's


def test_packed_files_that_lie_are_refused_in_words(tmp_path):
    module = Line()
    sharing = SharedWeights(lambda weights: shared_by_kmeans(weights, 2), moving=True)
    sharing.begin(module)
    sharing.finish()
    write_codebook(module, sharing.shared, tmp_path)
    path = tmp_path / PACKED_CODEBOOK
    data, tensors = path.read_bytes(), load_file(path)
    fact = {"bits": 2, "shape": [2, 2], "block": 0}
    for changed in ({"shape": [2**40, 2**40]}, {"shape": [-2, -2]}, {"bits": 9}, {"shape": [3, 3]}, {"block": "x"}):
        save_file(tensors, path, metadata={"weights": json.dumps({"layer.weight": {**fact, **changed}})})
        with pytest.raises(StoreError, match="cannot be read"):
            read_codebook(path)
    short = {**tensors, "layer.weight.levels": tensors["layer.weight.levels"][:1]}
    save_file(short, path, metadata={"weights": json.dumps({"layer.weight": fact})})
    with pytest.raises(StoreError, match="cannot be read"):
        read_codebook(path)
    for length in (0, 7, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(StoreError, match="cannot be read"):
            read_codebook(path)


# --- on digits ------------------------------------------------------------------------------------------------------------

RECOVERY = {"batch_size": 32, "learning_rate": 0.005}


def test_two_bits_on_digits(bench):
    """Clustered and fine-tuned, then exported; the uniform grid of two bits on the same student is far behind."""
    recipe = digits_recipe("distill")
    recipe["stages"] += [
        {"codebook": {**RECOVERY, "bits": 2, "epochs": 3}},
        {"export": {}},
    ]
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    summary, folder = bench.summary(run, "codebook"), bench.folder(run, "codebook")
    assert (summary["unpacked"], summary["bits"], set(summary["codebooks"].values())) == ("codebook", 2, {4})
    assert {name: bench.summary(run, "export.codebook")[name] for name in ("packed_bytes", "unpacked")} == {
        "packed_bytes": (folder / PACKED_CODEBOOK).stat().st_size,
        "unpacked": "codebook",
    }
    module = load_model(folder)[0]
    for weight in prunable_weights(module).values():
        assert len(weight.unique()) <= 4
    state = module.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in read_codebook(folder / PACKED_CODEBOOK).items())
    history = [entry["validation"] for entry in summary["training"]["history"]]
    assert history[-1] > history[0] + 20

    uniform = digits_recipe("distill")
    uniform["stages"] += [{"quantize": {"bits": 2, "granularity": "tensor", "calibration": "mse"}}]
    rounded = bench.summary(bench.run(uniform), "quantize")["validation"]["quantized"]
    assert summary["training"]["validation"] > rounded + 10


def test_a_pruned_model_stays_as_sparse(bench):
    recipe = digits_recipe("distill")
    recipe["stages"] += [
        {"prune": {**RECOVERY, "sparsity": 0.6, "epochs": 1}},
        {"codebook": {**RECOVERY, "bits": 3, "epochs": 1}},
    ]
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    assert bench.summary(run, "codebook")["nonzero"] == bench.summary(run, "prune")["nonzero"]
    assert max(bench.summary(run, "codebook")["codebooks"].values()) <= 8


def test_what_cannot_be_is_refused(bench):
    recipe = digits_recipe("distill")
    for settings_, words in (
        ({"levels": "power-of-two", "bits": 1}, "at least 2 bits"),
        ({"adapter_rank": 4}, "adapter_rank: 0"),
        ({"bits": 9}, "must be 1 to 8"),
    ):
        with pytest.raises(RecipeError, match=words):
            bench.plan({**recipe, "stages": [*recipe["stages"], {"codebook": settings_}]})
