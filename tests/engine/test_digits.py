"""The main job on real digits: train, distil, prune, quantize, export, measure; and what is not computed twice."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from kdui.catalogue.tasks import TASKS
from kdui.core.measurement import Origin
from kdui.core.run import RunState
from kdui.core.statistics.intervals import wilson
from kdui.methods.compress.quantize.packed import read_packed
from kdui.modalities.image import prepare as image
from kdui.models.module_store import load_model
from tests.engine.digits import WHOLE, Bench, digest_of, read_json, states
from tests.training.digits import splits

MODELS = {"teach", "distill", "distill.control", "prune", "quantize"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def whole(bench):
    """The whole job, once for all tests of this file."""
    run = bench.run(WHOLE)
    assert run.state is RunState.SUCCEEDED, run.error
    return run


def test_every_stage_was_done_and_every_model_measured(bench, whole):
    assert set(states(whole).values()) == {"done"}
    assert set(bench.measured(whole)) == MODELS
    roles = {row["step"].removeprefix("measure."): row["role"] for row in bench.store.results.rows_of_run(whole.id)}
    assert roles == {
        "teach": "teacher",
        "distill": "student",
        "distill.control": "control",
        "prune": "compressed",
        "quantize": "compressed",
    }


def test_student_and_teacher_read_digits_that_they_never_saw(bench, whole):
    measured = bench.measured(whole)
    assert measured["teach"]["accuracy"].value > 95
    for name in ("distill", "prune", "quantize"):
        assert measured[name]["accuracy"].value > 90, name
    accuracy = measured["distill"]["accuracy"]
    assert (accuracy.unit, accuracy.provenance.split, accuracy.provenance.n) == ("%", "test", 359)
    assert (accuracy.low, accuracy.high) == pytest.approx([100 * end for end in wilson(accuracy.value / 100, 359)])
    assert 0 < measured["distill"]["macro_f1"].value <= 100


def test_numbers_state_where_they_come_from(bench, whole):
    measured = bench.measured(whole)
    estimated = {name for name, item in measured["distill"].items() if item.provenance.origin is Origin.ESTIMATED}
    assert estimated == {"energy"}
    assert {item.provenance.origin for name, item in measured["distill"].items() if name != "energy"} == {Origin.MEASURED}
    assert measured["quantize"]["accuracy"].provenance.origin is Origin.SIMULATED
    assert "this bit-width has no kernel" in measured["quantize"]["latency_p50"].provenance.note
    latency = measured["distill"]["latency_p50"]
    assert len(latency.samples) == latency.provenance.n == 20
    assert latency.value == pytest.approx(float(np.median(latency.samples)), abs=1e-4)
    assert latency.low <= latency.value <= latency.high
    assert {"onnxruntime", "torch"} <= set(latency.provenance.versions) and latency.provenance.device
    assert measured["teach"]["speedup"].value == pytest.approx(1.0, rel=0.5)  # against itself


def test_sizes_are_those_of_the_files(bench, whole):
    measured = bench.measured(whole)
    for name, artifact in (("distill", "export.distill"), ("quantize", "quantize")):
        assert measured[name]["file_bytes"].value == (bench.folder(whole, artifact) / "model.onnx").stat().st_size
    assert measured["distill"]["parameters"].value == sum(
        tensor.numel() for tensor in parameters(bench, whole, "distill").values()
    )
    assert measured["distill"]["macs"].value == 8 * 8 * 9 * 8 + 4 * 4 * 9 * 8 * 16 + 16 * 10
    packed = bench.folder(whole, "quantize") / "weights.packed"
    assert measured["quantize"]["packed_bytes"].value == packed.stat().st_size
    assert len(np.unique(next(value for name, value in read_packed(packed).items() if value.ndim == 4)[0])) <= 15


def parameters(bench, run, step) -> dict[str, torch.Tensor]:
    return dict(load_model(bench.folder(run, step))[0].named_parameters())


def test_pruned_weights_stay_zero_through_recovery(bench, whole):
    before, after = parameters(bench, whole, "distill"), parameters(bench, whole, "prune")
    prunable = [name for name, tensor in before.items() if tensor.ndim >= 2]
    total = sum(before[name].numel() for name in prunable)
    assert sum(int((after[name] == 0).sum()) for name in prunable) == round(0.5 * total)
    sizes = torch.cat([(before[name].abs() / before[name].square().mean().sqrt()).flatten() for name in prunable])
    gone = torch.cat([(after[name] == 0).flatten() for name in prunable])
    assert sizes[gone].max() <= sizes[~gone].min() + 1e-6
    assert bench.summary(whole, "prune")["nonzero"] == sum(int(torch.count_nonzero(tensor)) for tensor in after.values())
    assert any(not torch.equal(before[name], after[name]) for name in before if name not in prunable)


@pytest.mark.parametrize("count", [1, 5, 32])
def test_the_graph_answers_like_the_module_for_any_batch(bench, whole, count):
    module, _, inputs = load_model(bench.folder(whole, "distill"))
    folder = bench.folder(whole, "export.distill")
    pixels = image.prepare(splits()["test"].inputs[:count], inputs.settings, folder)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    result = session.run(None, pixels)[0]
    with torch.inference_mode():
        expected = module(torch.from_numpy(pixels["pixels"])).numpy()
    assert result.shape == (count, 10)
    assert np.abs(result - expected).max() / np.abs(expected).max() < 1e-4
    assert bench.summary(whole, "export.distill")["parity"] <= 1e-3
    facts = {entry.key: entry.value for entry in onnx.load(folder / "model.onnx").metadata_props}
    assert (facts["kdui.task"], facts["kdui.step"]) == ("digits", digest_of(whole, "export.distill"))


def test_cached_teacher_outputs_equal_the_teachers(bench, whole):
    module, _, inputs = load_model(bench.folder(whole, "teach"))
    kept = np.load(bench.folder(whole, "distill.outputs") / "outputs.npy")
    assert (kept.shape, kept.dtype) == ((1, TASKS["digits"].splits["train"], 10), np.float16)
    pixels = image.prepare(splits()["train"].inputs[:64], inputs.settings, bench.folder(whole, "teach"))
    with torch.inference_mode():
        expected = module(torch.from_numpy(pixels["pixels"])).numpy()
    # The outputs were computed in bf16 where the processor has it: 8 significant bits through six layers.
    assert np.abs(kept[0, :64] - expected).max() < 0.05 * np.abs(expected).max()
    assert (kept[0, :64].argmax(-1) == expected.argmax(-1)).mean() > 0.95


# --- what is not computed twice -----------------------------------------------------------------------------------


def test_another_bit_width_trains_nothing(bench, whole):
    again = bench.run(WHOLE, {"quantize.bits": 2})
    assert again.state is RunState.SUCCEEDED
    assert {name for name, state in states(again).items() if state != "cached"} == {"quantize", "measure.quantize"}
    assert digest_of(again, "prune") == digest_of(whole, "prune")
    measured = bench.measured(again)
    assert set(measured) == MODELS  # cached measurements belong to the new run, too
    assert measured["distill"] == bench.measured(whole)["distill"]
    assert measured["quantize"]["packed_bytes"].value < bench.measured(whole)["quantize"]["packed_bytes"].value
    assert not [event for event in bench.store.events(again.id).read()[0] if event.kind == "loss"]


def test_real_int8_is_chosen_by_measurement(bench, whole):
    run = bench.run(WHOLE, {"quantize.bits": 8, "quantize.calibration_examples": 64})
    assert {name for name, state in states(run).items() if state == "done"} == {"quantize", "measure.quantize"}
    summary = bench.summary(run, "quantize")
    assert {"S8S8", "U8S8"} <= set(summary["variants"]) and summary["variant"] in summary["variants"]
    chosen = summary["variants"][summary["variant"]]
    assert chosen["validation"] >= max(entry["validation"] for entry in summary["variants"].values()) - 0.25
    graph = onnx.load(bench.folder(run, "quantize") / "model.onnx").graph
    assert "QuantizeLinear" in {node.op_type for node in graph.node}
    accuracy = bench.measured(run)["quantize"]["accuracy"]
    assert accuracy.provenance.origin is Origin.MEASURED
    assert accuracy.value > bench.measured(whole)["prune"]["accuracy"].value - 3


def test_a_flipped_bit_is_made_again_and_comes_out_the_same(bench, whole):
    path = bench.folder(whole, "prune") / "model.safetensors"
    before = {name: tensor.clone() for name, tensor in load_file(path).items()}  # the file is mapped, and about to change
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    again = bench.run({**WHOLE, "stages": WHOLE["stages"][:3]})
    assert states(again) == {
        "teach": "cached",
        "distill.outputs": "cached",
        "distill": "cached",
        "distill.control": "cached",
        "prune": "done",
    }
    assert any("does not match its checksum" in line and "It is made again." in line for line in bench.said(again))
    after = load_file(bench.folder(again, "prune") / "model.safetensors")
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_structured_pruning_makes_the_model_really_smaller(bench, whole):
    knobs = {"share": 0.5, "epochs": 3, "batch_size": 32, "learning_rate": 0.01}
    run = bench.run({**WHOLE, "stages": [*WHOLE["stages"][:2], {"prune_structured": knobs}]})
    assert run.state is RunState.SUCCEEDED, run.error
    smaller, before = bench.summary(run, "prune_structured"), bench.summary(whole, "distill")
    assert smaller["parameters"] < 0.6 * before["parameters"]
    assert smaller["parameters"] == sum(tensor.numel() for tensor in parameters(bench, run, "prune_structured").values())
    assert smaller["training"]["validation"] > 60


def test_the_page_can_draw_its_lenses(bench, whole):
    weights = read_json(bench.folder(whole, "distill") / "lens.json")
    assert sum(weights["counts"]) == weights["total"] == 72 + 1152 + 160
    assert weights["sample"] == sorted(weights["sample"])
    outputs = read_json(bench.folder(whole, "distill.outputs") / "lens.json")
    assert outputs["labels"] == list("0123456789") and len(outputs["examples"]) == 12
    for example in outputs["examples"]:
        assert example["truth"] == outputs["labels"][int(np.argmax(example["logits"]))]
        assert np.array(example["image"]).shape == (8, 8)
