"""Distilling, pruning and rounding in one training."""

import pytest
import torch

from kdui.methods.distill.distill_sparse.spec import DistillSparseSpec
from kdui.models.low_bits import read_quantization, weight_codes
from kdui.models.module_store import load_model
from kdui.training.weights import prunable_weights
from tests.methods.taught import digits_recipe, learned


def test_one_run_reaches_the_sparsity_and_the_bits(bench):
    recipe = digits_recipe("distill_sparse", sparsity=0.5, settled_at=0.5, weight_bits=4, activation_bits=4, epochs=12)
    recipe["stages"].append({"measure": {"speed": False}})
    run = bench.run(recipe)
    assert run.state == "succeeded", run.error
    folder = bench.folder(run, "distill_sparse")
    module, grids = load_model(folder)[0], read_quantization(folder)
    weights = prunable_weights(module)
    zeros = sum(int((weight == 0).sum()) for weight in weights.values())
    assert zeros / sum(weight.numel() for weight in weights.values()) >= 0.495
    codes = weight_codes(module.features[2][0].weight, grids.layers["features.2.0"])
    assert int(codes.min()) >= -8 and int(codes.max()) <= 7 and len(torch.unique(codes)) > 4
    assert grids.layers["features.2.0"].inputs.bits == 4
    summary = bench.summary(run, "export.distill_sparse")
    assert summary["unpacked"] == "4-bit weights" and summary["parity"] < 1e-3
    measured = bench.measured(run)["distill_sparse"]
    assert measured["accuracy"].value > 80
    assert summary["nonzero"] < 0.6 * summary["parameters"]


def test_students_made_before_there_were_bits_stay_valid(bench):
    assert DistillSparseSpec(activation_bits=4).low_bits() == {}
    assert DistillSparseSpec(weight_bits=3).low_bits() == {"weight_bits": 3}

    def settings(**knobs):
        plan = bench.plan(digits_recipe("distill_sparse", **knobs))
        return next(step for step in plan if step.name == "distill_sparse").settings

    assert not settings().keys() & {"weight_bits", "activation_bits"}
    assert settings(weight_bits=4).keys() - settings().keys() == {"weight_bits"}


@pytest.mark.parametrize("weights", [0, 4])
def test_the_label_states_what_is_done(bench, weights):
    plan = bench.plan(digits_recipe("distill_sparse", weight_bits=weights, activation_bits=8))
    label = next(step.label for step in plan if step.name == "distill_sparse")
    assert label == "CNN small · 50 % sparse" + (" · W4A8" if weights else "")


@pytest.mark.parametrize(
    ("method", "knobs"),
    [
        ("prune", {"kind": "taylor", "prune_schedule": "cubic", "sparsity": 0.6}),
        ("prune", {"kind": "movement", "prune_schedule": "cubic", "sparsity": 0.6}),
        ("prune_structured", {"share": 0.3}),
        ("factorize", {}),
        ("codebook", {"bits": 6}),
        ("qat", {"weight_bits": 4}),
    ],
)
def test_any_compression_happens_inside_distillation(bench, method, knobs):
    """A student that has not learned yet: the compression's own epochs distil it, so both happen in one training."""
    recipe = digits_recipe("distill", epochs=0)
    learning = {"epochs": 12, "batch_size": 32, "learning_rate": 0.01, "temperature": 4, "soft_weight": 0.7}
    recipe["stages"].append({method: {**learning, **knobs}})
    assert learned(bench, recipe, method)["validation"] > 75
