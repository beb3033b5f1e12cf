"""Pruning of single weights on real digits: every criterion and schedule ends at its sparsity, and wrong pairs are refused."""

import pytest
import torch
from safetensors.torch import load_file

from kdui.catalogue.methods import METHODS
from kdui.core.errors import RecipeError, StoreError
from kdui.core.run import RunState
from kdui.methods.compress.prune.packing import read_zeros
from kdui.methods.compress.prune.spec import PruneSpec
from tests.methods.taught import TEACH

RECOVER = {"batch_size": 32, "learning_rate": 0.005}
HARD = {**RECOVER, "soft_weight": 0}


def recipe(**settings):
    """The teacher alone, pruned."""
    return {"task": "digits", "teacher": "cnn-medium", "stages": [{"teach": TEACH}, {"prune": {**HARD, **settings}}]}


def pruned(bench, **settings):
    """The pruned weights by name, and the summary."""
    run = bench.run(recipe(**settings))
    assert run.state is RunState.SUCCEEDED, run.error
    return load_file(bench.folder(run, "prune") / "model.safetensors"), bench.summary(run, "prune"), bench.said(run)


def matrices(state):
    return {name: tensor for name, tensor in state.items() if tensor.ndim > 1 and "scale" not in name}


def zeros(state):
    result = matrices(state).values()
    return sum(int((tensor == 0).sum()) for tensor in result) / sum(tensor.numel() for tensor in result)


@pytest.mark.parametrize(
    ("settings", "epochs"),
    [
        ({"kind": "magnitude", "scope": "layer"}, 0),
        ({"kind": "random", "scope": "layer"}, 0),
        ({"kind": "taylor", "calibration_examples": 64}, 0),
        ({"kind": "magnitude", "prune_schedule": "iterative", "rounds": 2}, 2),
        ({"kind": "taylor", "prune_schedule": "iterative", "rounds": 2, "calibration_examples": 64}, 2),
        ({"kind": "taylor", "prune_schedule": "cubic"}, 2),
        ({"kind": "movement", "prune_schedule": "cubic"}, 2),
        ({"kind": "random", "prune_schedule": "cubic"}, 1),
    ],
)
def test_every_schedule_ends_at_its_sparsity(bench, settings, epochs):
    state, summary, _ = pruned(bench, sparsity=0.7, epochs=epochs, **settings)
    assert zeros(state) == pytest.approx(0.7, abs=0.001)
    assert summary["sparsity"] == pytest.approx(zeros(state), abs=1e-6)
    assert summary["training"]["best_epoch"] == epochs  # of two epochs the first ends before the last cut
    if settings.get("scope") == "layer":
        assert {round(float((tensor == 0).float().mean()), 1) for tensor in matrices(state).values()} == {0.7}


def test_wanda_takes_the_same_share_of_every_output(bench):
    state, _, message = pruned(bench, kind="wanda", sparsity=0.5, epochs=0, calibration_examples=64)
    for tensor in matrices(state).values():
        rows = tensor.flatten(1)
        assert ((rows == 0).sum(1) == round(0.5 * rows.shape[1])).all()
    assert not any("Wanda has no inputs" in line for line in message)


def test_sparsegpt_of_two_in_four_moves_the_weights_that_stay(bench):
    taught = bench.run({"task": "digits", "teacher": "cnn-medium", "stages": [{"teach": TEACH}]})
    before = load_file(bench.folder(taught, "teach") / "model.safetensors")
    after, _, message = pruned(bench, kind="sparsegpt-2:4", epochs=0, calibration_examples=64)
    for name, tensor in matrices(after).items():
        if tensor.shape[1] % 4 == 0:
            fours = tensor.movedim(1, -1).reshape(-1, 4)
            assert ((fours == 0).sum(1) == 2).all() and not torch.equal(tensor[tensor != 0], before[name][tensor != 0])
    assert any("features.0.0.weight stay whole" in line for line in message)


def test_a_layer_that_lost_all_its_weights_is_reported(bench):
    _, _, message = pruned(bench, sparsity=0.95, epochs=0)
    assert any("features.0.0.weight, head.weight are removed" in line and "'scope: layer'" in line for line in message)


def test_two_of_four(bench):
    state, _, message = pruned(bench, kind="2:4", sparsity=0.9, epochs=1)
    for tensor in matrices(state).values():
        if tensor.shape[1] % 4 == 0:
            fours = tensor.movedim(1, -1).reshape(-1, 4)
            assert ((fours == 0).sum(1) == 2).all()
    assert any("features.0.0.weight stay whole" in line for line in message)  # one input channel: nothing to choose from


def test_a_sparsity_of_zero_changes_nothing(bench):
    taught = bench.run({"task": "digits", "teacher": "cnn-medium", "stages": [{"teach": TEACH}]})
    before = load_file(bench.folder(taught, "teach") / "model.safetensors")
    for settings in ({"kind": "taylor"}, {"kind": "wanda"}, {"kind": "magnitude", "scope": "layer"}):
        after, _, _ = pruned(bench, sparsity=0, epochs=0, calibration_examples=32, **settings)
        assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_criteria_that_look_at_data_beat_chance(bench):
    result = {
        kind: pruned(bench, kind=kind, sparsity=0.6, epochs=0)[1]["training"]["validation"]
        for kind in ("random", "magnitude", "taylor", "wanda", "sparsegpt")
    }
    assert result["taylor"] > result["random"] + 20
    assert result["wanda"] > result["random"] + 20
    assert result["sparsegpt"] > result["wanda"]  # it makes up for what it removes


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "movement"}, "Set 'prune_schedule: cubic' there"),
        ({"kind": "wanda", "prune_schedule": "cubic"}, "too slow after every few updates"),
        ({"prune_schedule": "iterative", "epochs": 0}, "'epochs' is 0"),
        ({"kind": "structured"}, "'prune_structured' instead of 'prune'"),
        ({"sparsity": 1.0}, "to 0.98"),
        ({"kind": "2:4", "prune_schedule": "iterative"}, "2:4 prunes once, so it has no schedule"),
        ({"kind": "sparsegpt", "prune_schedule": "cubic"}, "sparsegpt prunes once, so it has no schedule"),
    ],
)
def test_what_cannot_work_is_reported(bench, settings, words):
    with pytest.raises(RecipeError, match=words):
        bench.plan(recipe(**settings))


def test_zeros_are_packed_to_the_bit_and_speed_is_reported_to_be_that_of_the_unpacked_model(bench):
    run = bench.run({**recipe(sparsity=0.8, epochs=1), "stages": [*recipe(sparsity=0.8, epochs=1)["stages"], "measure"]})
    folder, summary = bench.folder(run, "prune"), bench.summary(run, "prune")
    state, packed = load_file(folder / "model.safetensors"), folder / "sparse.safetensors"
    decoded = read_zeros(packed)
    assert decoded.keys() == state.keys() and all(torch.equal(decoded[name], state[name]) for name in state)
    assert summary["packed_bytes"] == packed.stat().st_size < 0.4 * (folder / "model.safetensors").stat().st_size
    measured = bench.measured(run)["prune"]
    assert measured["packed_bytes"].value == summary["packed_bytes"]
    note = measured["latency_p50"].provenance.note
    assert "4 processes" in note and "speed of the unpacked model: no kernel computes with its packed form (zeros)" in note
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(StoreError, match="Run its recipe again"):
        read_zeros(packed)


def test_knobs_that_joined_later_leave_no_trace(bench):
    plain = set(PruneSpec().chosen())
    assert plain.isdisjoint({"scope", "prune_schedule", "rounds", "settled_at", "calibration_examples"})
    same = [
        bench.plan(recipe(**more))[-1].digest for more in ({}, {"rounds": 7}, {"calibration_examples": 5}, {"settled_at": 0.3})
    ]
    assert len(set(same)) == 1
    assert bench.plan(recipe(scope="layer"))[-1].digest != same[0]
    assert METHODS["prune"].version == 2
