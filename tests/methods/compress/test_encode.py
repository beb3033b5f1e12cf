"""Encode in a recipe on the digits: the packed file is small, decodes to the graph that was measured, and says what it took."""

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import numpy_helper

from kdui.kdz.container import unpack
from kdui.methods.compress.codebook import levels
from kdui.methods.compress.encode.shared_values import with_shared_values
from kdui.runtime.sessions import run_graph

QUICK = {"epochs": 2, "learning_rate": 0.004}
MEASURE = {"speed": False}


@pytest.fixture(scope="module")
def run(bench):
    finished_run = bench.run(
        {
            "task": "digits",
            "teacher": "cnn-small",
            "stages": [
                {"teach": QUICK},
                {"prune": {"sparsity": 0.8, "epochs": 1}},
                {"method": "encode", "name": "lossless"},
                {"method": "encode", "name": "shared", "settings": {"bits": 4}},
                {"measure": MEASURE},
            ],
        }
    )
    assert finished_run.state == "succeeded", finished_run.error
    return finished_run


@pytest.mark.parametrize("step", ["lossless", "shared"])
def test_the_packed_file_decodes_to_the_graph_that_was_measured(bench, run, step):
    folder, summary = bench.folder(run, step), bench.summary(run, step)
    packed = (folder / "model.kdz").read_bytes()
    assert unpack(packed)["model.onnx"] == (folder / "model.onnx").read_bytes()
    measured = bench.measured(run)[step]
    assert measured["packed_bytes"].value == summary["packed_bytes"] == len(packed)
    assert measured["accuracy"].provenance.origin == "measured"
    assert summary["unpacked"] == "Huffman codes"


def test_the_summary_states_what_packing_took(bench, run):
    summary = bench.summary(run, "lossless")
    float_file = bench.folder(run, "export.prune") / "model.onnx"
    assert summary["float_bytes"] == float_file.stat().st_size
    assert summary["ratio"] == pytest.approx(summary["float_bytes"] / summary["packed_bytes"], abs=1e-3)
    assert summary["entropy_bytes"] < summary["packed_bytes"] and summary["decode_ms"] > 0 and summary["decode_runs"] == 5
    coded = sum(row["coded_bytes"] for row in summary["tensors"])
    assert 0 < summary["packed_bytes"] - coded - summary["graph_bytes"] < 70  # head and two lengths
    assert any("times smaller" in line for line in bench.said(run))


def test_lossless_keeps_every_weight_and_answer(bench, run):
    before, after = bench.folder(run, "export.prune") / "model.onnx", bench.folder(run, "lossless") / "model.onnx"
    weights = [
        {tensor.name: numpy_helper.to_array(tensor).tobytes() for tensor in onnx.load(path).graph.initializer}
        for path in (before, after)
    ]
    assert weights[0] == weights[1]
    pixels = np.random.default_rng(0).random((5, 1, 8, 8), np.float32)
    assert np.array_equal(run_graph(before, {"pixels": pixels}), run_graph(after, {"pixels": pixels}))
    assert after.stat().st_size < before.stat().st_size  # without the exporter's debugging notes


def test_shared_values_are_few_keep_zeros_and_pack_smaller(bench, run):
    summary = bench.summary(run, "shared")
    assert summary["packed_bytes"] < 0.8 * bench.summary(run, "lossless")["packed_bytes"]
    assert summary["shared_values"] > 0
    shared = [row for row in summary["tensors"] if len(row["shape"]) >= 2]
    assert shared and all(row["distinct"] <= 17 for row in shared)  # zero is one of them
    before = {one.name: numpy_helper.to_array(one) for one in _weights(bench.folder(run, "lossless"))}
    for tensor in _weights(bench.folder(run, "shared")):
        if len(tensor.dims) >= 2:
            assert np.array_equal(numpy_helper.to_array(tensor) == 0, before[tensor.name] == 0)


def _weights(folder):
    return onnx.load(folder / "model.onnx").graph.initializer


def test_a_quantized_graph_is_packed_as_it_is(bench):
    plan = bench.plan(
        {"task": "digits", "teacher": "cnn-small", "stages": [{"teach": QUICK}, {"quantize": {"bits": 4}}, "encode", "measure"]}
    )
    step = next(step for step in plan if step.name == "encode")
    assert step.inputs == {"model": "quantize", "float": "export.teach"}
    assert any(one.name == "measure.encode" for one in plan)


def test_packing_makes_no_measured_accuracy_of_a_simulated_one(bench):
    stages = [{"teach": QUICK}, {"quantize": {"bits": 3}}, "encode", {"measure": MEASURE}]
    run = bench.run({"task": "digits", "teacher": "cnn-small", "stages": stages})
    assert run.state == "succeeded", run.error
    origins = {name: result["accuracy"].provenance.origin for name, result in bench.measured(run).items()}
    assert origins == {"teach": "measured", "quantize": "simulated", "encode": "simulated"}


@given(
    arrays.arrays(np.float32, st.integers(0, 60), elements=st.floats(-4, 4, width=32, allow_subnormal=False)),
    st.integers(1, 4),
)
def test_shared_values_are_the_best_that_so_few_can_be(weights, bits):
    shared = with_shared_values(weights, 2**bits)
    kept = weights[weights != 0].astype(np.float64)
    assert len(np.unique(shared[shared != 0])) <= 2**bits and not shared[weights == 0].any()
    if len(kept):
        grid = np.linspace(kept.min(), kept.max(), 2**bits)
        nearest = grid[np.abs(kept[:, None] - grid).argmin(1)]
        assert ((shared[weights != 0] - kept) ** 2).sum() <= ((nearest - kept) ** 2).sum() + 1e-4


def test_many_weights_are_shared_from_a_part_of_them(monkeypatch):
    monkeypatch.setattr(levels, "MOST_WORK", 16 * 16_384)
    weights = np.random.default_rng(0).normal(size=4 * levels.most_points(16)).astype(np.float32)
    error = ((with_shared_values(weights, 16) - weights) ** 2).mean()
    assert error < 0.0096 * 1.02  # Max 1960, table I: the best 16 levels of a normal distribution leave 0.009497


def test_values_that_layers_share_are_few_again_after_export_has_folded_normalisation(bench):
    run = bench.run(
        {
            "task": "digits",
            "teacher": "cnn-small",
            "stages": [{"teach": QUICK}, {"codebook": {"bits": 3, "epochs": 0}}, "encode", {"measure": MEASURE}],
        }
    )
    assert run.state == "succeeded", run.error
    rows = [row for row in bench.summary(run, "encode")["tensors"] if len(row["shape"]) == 4 and row["shape"][1] > 1]
    assert rows and all(row["distinct"] <= 9 and row["coding"].startswith("scaled rows") for row in rows)
