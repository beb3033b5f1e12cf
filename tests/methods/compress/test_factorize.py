"""Low rank: the best products, ranks within their rule, layers that answer alike, and models that come back from their files."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import RecipeError, StageFailed
from kdui.methods.compress.factorize.apply import chosen_layers
from kdui.methods.compress.factorize.calibrating import input_rows
from kdui.methods.compress.factorize.decompose import decompose, ranks_by_budget, ranks_by_energy, ranks_by_ratio
from kdui.models.building import describe
from kdui.models.embeddings import FactorizedEmbedding
from kdui.models.factorized import Factorized, as_matrix, replace_layer, with_factors
from kdui.models.module_store import load_model, save_model
from tests.methods.taught import digits_recipe
from tests.models.small import built, facts_of, small_teacher

KNOBS = {"epochs": 2, "batch_size": 32, "learning_rate": 0.003}


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@given(st.integers(2, 9), st.integers(2, 9), st.data())
def test_the_error_is_the_energy_that_was_left_out(rows, columns, data):
    matrix = random(rows, columns).double()
    rank = data.draw(st.integers(1, min(rows, columns)))
    result = decompose(matrix)
    left, right = result.truncated(rank)
    lost = (matrix - left @ right).square().sum()
    torch.testing.assert_close(lost, result.values[rank:].square().sum(), atol=1e-9, rtol=1e-6)
    assert result.retained(rank) == pytest.approx(1 - float(lost / matrix.square().sum()), abs=1e-9)


def test_weighing_by_inputs_beats_plain_svd_on_the_outputs():
    weight = random(12, 20)
    inputs = random(300, 20, seed=1) @ torch.diag(torch.logspace(1, -2, 20)) @ random(20, 20, seed=2)
    moment = inputs.double().T @ inputs.double() / len(inputs)

    def error(found, rank=5):
        left, right = found.truncated(rank)
        return float((inputs.double() @ (weight.double() - left @ right).T).square().sum())

    plain, whitened = decompose(weight), decompose(weight, moment)
    assert error(whitened) < 0.5 * error(plain)
    discarded = float(whitened.values[5:].square().sum()) * len(inputs)
    assert error(whitened) == pytest.approx(discarded, rel=1e-3)
    left, right = whitened.truncated(12)
    torch.testing.assert_close((left @ right).float(), weight, atol=1e-4, rtol=1e-4)


def test_inputs_that_never_vary_are_no_obstacle():
    weight, moment = random(4, 6), torch.diag(torch.tensor([1.0, 1, 1, 0, 0, 0]))
    left, right = decompose(weight, moment).truncated(3)
    torch.testing.assert_close((left @ right)[:, :3].float(), weight[:, :3], atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("kind", ["channel", "input-channel", "spatial"])
@pytest.mark.parametrize("rank", [3, 12])
def test_two_convolutions_equal_the_dense_one_of_their_product(kind, rank):
    layer = nn.Conv2d(5, 7, (3, 5), stride=(2, 1), padding=(1, 2), dilation=(1, 2))
    pair = with_factors(layer, kind, *decompose(as_matrix(layer.weight, kind)).truncated(rank))
    rank = min(rank, 5 if kind == "input-channel" else 7 if kind == "channel" else 15)
    assert pair.rank == rank and pair.weight.shape == layer.weight.shape
    pictures = random(2, 5, 9, 11)
    dense = nn.functional.conv2d(pictures, pair.weight, layer.bias, layer.stride, layer.padding, layer.dilation)
    torch.testing.assert_close(pair(pictures), dense, atol=1e-5, rtol=1e-4)
    if rank in (5, 7):  # full
        torch.testing.assert_close(pair(pictures), layer(pictures), atol=1e-5, rtol=1e-4)


def test_full_rank_of_a_linear_layer_is_the_identity():
    layer = nn.Linear(9, 6)
    pair = with_factors(layer, "linear", *decompose(layer.weight).truncated(6))
    torch.testing.assert_close(pair(random(4, 9)), layer(random(4, 9)), atol=1e-5, rtol=1e-5)
    assert (pair.in_features, pair.out_features) == (9, 6)


def test_rows_of_a_convolution_are_what_its_kernel_is_multiplied_with():
    layer, pictures = nn.Conv2d(3, 4, 3, stride=2, padding=1), random(2, 3, 6, 6)
    rows = input_rows(layer, pictures)
    products = (rows @ layer.weight.flatten(1).T + layer.bias).view(2, 9, 4).transpose(1, 2).reshape(2, 4, 3, 3)
    torch.testing.assert_close(products, layer(pictures), atol=1e-5, rtol=1e-4)


def test_ranks_by_hand():
    layers = {"a": decompose(torch.diag(torch.tensor([3.0, 1.0, 0.0, 0.0]))), "b": decompose(torch.eye(4))}
    assert ranks_by_ratio(layers, 0.5) == {"a": 2, "b": 2}
    assert ranks_by_energy(layers, 0.9) == {"a": 1, "b": 4}  # 9 of 10
    assert ranks_by_energy(layers, 0.91) == {"a": 2, "b": 4}
    assert not layers["a"].pays(2) and layers["a"].pays(1)


@pytest.mark.parametrize("budget", [600, 900, 1400, 2000])
def test_a_budget_is_respected_and_spent_on_what_needs_rank(budget):
    slow = torch.diag(torch.logspace(0, -0.1, 20))
    fast = torch.diag(torch.logspace(0, -8, 20))
    layers = {"slow": decompose(slow), "fast": decompose(fast), "wide": decompose(random(40, 30))}
    ranks = ranks_by_budget(layers, budget)
    cost = {name: min(rank * layers[name].per_rank, layers[name].size) for name, rank in ranks.items()}
    assert budget - 70 < sum(cost.values()) <= budget
    assert ranks["slow"] >= ranks["fast"]


def test_a_budget_below_rank_one_is_refused_in_words():
    with pytest.raises(StageFailed, match="rank 1 in every layer"):
        ranks_by_budget({"a": decompose(random(10, 10))}, 19)


def test_layers_left_whole_state_why():
    module = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 1), nn.LSTM(3, 3), nn.Linear(8, 5), nn.Linear(5, 2))
    kinds, whole = chosen_layers(module, 2, {"convolution": "spatial", "embeddings": False})
    assert kinds == {"1": "channel", "3": "linear"}
    assert whole == {"0": "its channels are in groups", "2": "it is recurrent", "4": "it gives the outputs"}


def test_a_factorized_image_model_comes_back_from_its_files(settings, tmp_path):
    task = TASKS["digits"]
    module = built("cnn-small", task, settings)
    kernel = module.features[2][0]
    replace_layer(
        module, "features.2.0", with_factors(kernel, "spatial", *decompose(as_matrix(kernel.weight, "spatial")).truncated(4))
    )
    saved = save_model(module, describe(facts_of("cnn-small", task, settings), task, None), tmp_path)
    assert saved.surgery == {"features.2.0": {"factorized": {"kind": "spatial", "rank": 4}}}
    loaded = load_model(tmp_path)[0]
    assert isinstance(loaded.features[2][0], Factorized)
    pixels = torch.rand(2, 1, 8, 8)
    assert torch.equal(loaded(pixels), module.eval()(pixels))


def test_a_factorized_text_model_comes_back_from_its_files(settings, tmp_path):
    task, teacher = TASKS["sentiment"], small_teacher()
    ref = "bilstm-64?embedding=8&hidden=4"
    module = built(ref, task, settings, teacher)
    table = module.word_embedding
    replace_layer(module, "word_embedding", with_factors(table, "embedding", *decompose(table.weight).truncated(3)))
    saved = save_model(module, describe(facts_of(ref, task, settings), task, None), tmp_path)
    assert saved.surgery["word_embedding"] == {"factorized": {"kind": "embedding", "rank": 3}}
    loaded = load_model(tmp_path)[0]
    assert isinstance(loaded.word_embedding, FactorizedEmbedding)
    assert torch.equal(loaded.word_embedding.weight, module.word_embedding.weight)


@pytest.fixture(scope="module")
def run(bench):
    """A student with 70 % of its parameters left, pruned, trained at 8 bits and measured."""
    recipe = digits_recipe("distill")
    recipe["stages"] += [
        {"factorize": {**KNOBS, "rank_by": "budget", "budget": 0.7}},
        {"prune": {**KNOBS, "sparsity": 0.2, "epochs": 1}},
        {"qat": {**KNOBS, "weight_bits": 8, "activation_bits": 8, "epochs": 1}},
        {"measure": {"speed": False}},
    ]
    finished_run = bench.run(recipe)
    assert finished_run.state == "succeeded", finished_run.error
    return finished_run


def test_a_factorized_model_is_smaller_and_goes_through_every_later_stage(bench, run):
    measured = bench.measured(run)
    before, after = measured["distill"], measured["factorize"]
    assert after["parameters"].value <= 0.7 * before["parameters"].value
    assert after["macs"].value < 0.8 * before["macs"].value
    assert after["accuracy"].value > before["accuracy"].value - 6
    assert measured["qat"]["accuracy"].value > before["accuracy"].value - 8
    assert measured["prune"]["nonzero"].value < measured["factorize"]["nonzero"].value
    summary = bench.summary(run, "factorize")
    assert summary["left_whole"]["head"] == "it gives the outputs"
    assert summary["ranks"].keys() == {"features.2.0"}
    module = load_model(bench.folder(run, "factorize"))[0]
    assert {name: module.get_submodule(name).rank for name in summary["ranks"]} == summary["ranks"]
    assert any("Left whole: " in line for line in bench.said(run))


def test_what_it_keeps_can_be_refused_in_words(bench):
    recipe = digits_recipe("distill")
    recipe["stages"] += [{"factorize": {"adapter_rank": 4}}]
    with pytest.raises(RecipeError, match="adapter_rank: 0"):
        bench.plan(recipe)


def test_knobs_of_other_ways_to_choose_a_rank_make_no_other_model(bench):
    def digest(**knobs):
        recipe = digits_recipe("distill")
        recipe["stages"] += [{"factorize": knobs}]
        return next(step.digest for step in bench.plan(recipe) if step.name == "factorize")

    assert digest() == digest(ratio=0.7, budget=0.2)
    assert digest() != digest(energy=0.8)
    assert digest(whiten=False) == digest(whiten=False, calibration_examples=64)
