"""Measure on a tiny real model: what is measured beyond accuracy, what leaves a trace in a digest, and what notes say."""

from datetime import UTC, datetime

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.artifact import Artifact, Manifest
from kdui.core.errors import RecipeError
from kdui.core.measurement import Origin
from kdui.core.run import RunState
from kdui.core.runner import RUNNERS
from kdui.methods.deliver.measure.costs import energy, kernel_note, weight_bytes
from kdui.methods.deliver.measure.headline import spread_out
from kdui.methods.deliver.measure.provenance import unpacked_note
from kdui.methods.deliver.measure.spec import DEFERRED, MeasureSpec
from kdui.problems.classification.calibration import expected_calibration_error
from kdui.problems.classification.comparison import compare
from kdui.runtime.kernels import Kernel, KernelTruth
from kdui.runtime.sessions import open_session
from kdui.workbench.evidence import Evidence
from tests.engine.digits import Bench, read_json
from tests.methods.taught import digits_recipe
from tests.models.small import spelling_checkpoint

ROBUST = 40
OTHER = "none" if RUNNERS["openvino"].missing else "openvino"


@pytest.fixture(scope="module")
def recipe():
    plain = digits_recipe("distill", student="cnn-tiny", epochs=2)
    measure = {"latency_runs": 20, "robustness": ROBUST, "other_runtimes": OTHER}
    return {**plain, "stages": [*plain["stages"], {"measure": measure}]}


@pytest.fixture(scope="module")
def measured(bench, recipe):
    """Teacher and student, measured with robustness."""
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    return run


def test_knobs_that_joined_later_leave_no_trace_at_their_defaults(bench, recipe):
    assert not set(MeasureSpec().chosen()) & set(DEFERRED)
    assert set(MeasureSpec(robustness=5, sweep=False).chosen()) & set(DEFERRED) == {"robustness", "sweep"}
    off, on = ({step.name: step.digest for step in bench.plan(each)} for each in (_with(recipe, 0), recipe))
    assert {name for name in off if off[name] != on[name]} == {"measure.teach", "measure.distill"}


def _with(recipe, robustness):
    measure = {**recipe["stages"][-1]["measure"], "robustness": robustness}
    return {**recipe, "stages": [*recipe["stages"][:-1], {"measure": measure}]}


def test_a_classifiers_graph_names_its_output_and_axes(bench, measured):
    outputs = open_session(bench.folder(measured, "export.distill") / "model.onnx").get_outputs()
    assert [(each.name, each.shape) for each in outputs] == [("logits", ["batch", 10])]


def test_latency_has_percentiles_with_intervals_and_a_sweep(bench, measured):
    result = bench.measured(measured)["distill"]
    for name in ("latency_p50", "latency_p90", "latency_p95"):
        assert result[name].low <= result[name].value <= result[name].high and result[name].provenance.n == 20
    assert result["latency_p50"].value <= result["latency_p90"].value <= result["latency_p95"].value
    assert result["speedup"].low <= result["speedup"].value <= result["speedup"].high
    swept = {name for name in result if name.startswith("latency.")}
    assert swept == {f"latency.batch{batch}.threads{threads}" for batch in (1, 8, 32) for threads in ("1", "all")}
    assert result["preprocess"].value > 0 and result["postprocess"].provenance.n == 50
    assert result["peak_memory"].value >= max(
        result[name].value for name in ("load_memory", "inference_memory") if name in result
    )


def test_robustness_is_measured_for_each_corruption_and_severity(bench, measured):
    result = bench.measured(measured)["teach"]
    cells = {name: item for name, item in result.items() if name.startswith("robustness.") and "clean" not in name}
    assert len(cells) == 20 and {item.provenance.n for item in cells.values()} == {ROBUST}
    assert result["robustness"].value == pytest.approx(np.mean([item.value for item in cells.values()]))
    assert result["robustness.clean.0"].value > 80 > result["robustness.noise.5"].value - 20
    assert f"{result['robustness.clean.0'].value:.1f} %" in result["robustness"].provenance.note
    assert list(spread_out(10, 4)) == [0, 3, 6, 9] and len(spread_out(3, 100)) == 3


def test_out_of_domain_data_are_measured_where_the_task_has_some(bench, recipe, tmp_path, shared_cache):
    stages = [*recipe["stages"][:-1], {"measure": {"latency_runs": 20, "out_of_domain": 30}}]
    with pytest.raises(RecipeError, match=r"Digits has no out-of-domain data\. Leave 'out_of_domain' out"):
        bench.plan({**recipe, "stages": stages})
    texts = Bench(tmp_path / "home")
    (texts.settings.home / "cache").parent.mkdir(exist_ok=True)
    (texts.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    checkpoint = spelling_checkpoint(tmp_path / "bert", TASKS["sentiment"].labels)
    measure = {"measure": {"speed": False, "test_examples": 40, "out_of_domain": 30}}
    run = texts.run({"task": "sentiment", "teacher": f"folder:{checkpoint}", "stages": [{"teach": {"epochs": 0}}, measure]})
    assert run.state is RunState.SUCCEEDED, run.error
    result = texts.measured(run)["teach"]
    others = [result[f"elsewhere.{name}"] for name in ("products", "tweets", "editorials")]
    assert [item.provenance.n for item in others] == [30, 30, 30] and all(item.low < item.value < item.high for item in others)
    assert [item.provenance.split for item in others] == ["Product reviews", "Tweets", "Editorials"]
    assert result["elsewhere"].value == pytest.approx(np.mean([item.value for item in others]))
    targets = load_task("sentiment", texts.settings)[1]["test"].targets
    rows = Evidence(texts.store, lambda what, task: targets if what == "targets" else {}).of_run(run.id)["elsewhere"]
    assert rows["source"].tolist() == ["test data", "Product reviews", "Tweets", "Editorials"]
    assert rows["majority"].iloc[0] == pytest.approx(100 * max(targets.mean(), 1 - targets.mean()))
    assert rows["majority"].between(50, 100).all() and "always predicting" in result["majority.tweets"].provenance.note


def test_a_recipe_that_wants_a_runtime_that_is_not_here_is_refused_before_it_is_queued(monkeypatch, bench):
    facts = RUNNERS["openvino"].model_copy(update={"packages": ("no-such-distribution",)})
    monkeypatch.setitem(RUNNERS._all(), "openvino", facts)
    stages = [{"teach": {"epochs": 1}}, {"measure": {"other_runtimes": "openvino"}}]
    with pytest.raises(RecipeError, match="Stage 'measure': OpenVINO is not installed here"):
        bench.plan({"task": "digits", "teacher": "cnn-tiny", "stages": stages})


@pytest.mark.skipif(OTHER == "none", reason="openvino, an extra, is not installed")
def test_another_runtime_is_compared_and_timed_in_turn(bench, measured, splits):
    result = bench.measured(measured)["distill"]
    speedup, latency = result["speedup_openvino"], result["latency_openvino"]
    assert speedup.low <= speedup.value <= speedup.high and latency.low <= latency.value <= latency.high
    assert latency.title == "Latency p50, OpenVINO" and "in turn with ONNX Runtime on the same file" in latency.provenance.note
    assert any(speedup.provenance.note.endswith(f"{words} faster") for words in ("OpenVINO is", "Runtime is", "is clearly"))
    assert result["agreement_openvino"].value == 100 and result["difference_openvino"].value < 0.01  # of float graphs
    assert latency.provenance.versions["openvino"] == RUNNERS["openvino"].version
    targets = splits["test"].targets.tolist()
    frame = Evidence(bench.store, lambda what, task: targets if what == "targets" else {}).of_run(measured.id)["runtimes"]
    assert frame["step"].tolist() == 2 * ["measure.teach"] + 2 * ["measure.distill"] and set(frame["refused"]) == {""}
    assert frame["batch"].tolist() == [1, 32, 1, 32]
    assert frame["usual_ms"].iloc[2] == pytest.approx(speedup.value * latency.value)


def test_kernels_and_energy_are_kept_and_told(bench, measured):
    result = bench.measured(measured)["distill"]
    kept = read_json(bench.folder(measured, "measure.distill") / "kernels.json")
    assert result["int8_mac_share"].value == 100 * kept["shares"]["macs"]["int8"] == 0
    assert "all kernels run in float" in result["int8_time_share"].provenance.note
    # A blocked layout pads the channels, and what is padded is computed too.
    assert result["macs"].value <= sum(kernel["macs"] for kernel in kept["kernels"]) <= 4 * result["macs"].value
    assert result["energy"].provenance.origin is Origin.ESTIMATED and "Horowitz 2014" in result["energy"].provenance.note


def test_evidence_is_worked_out_from_what_was_kept(bench, measured, splits):
    targets = splits["test"].targets
    novelty = np.linspace(1, 0, len(targets))  # the last example is the most usual one
    kept = {"targets": targets.tolist(), "traits": {"novelty": novelty.tolist()}}
    frames = Evidence(bench.store, lambda what, task: kept[what]).of_run(measured.id)
    message = {name: np.load(bench.folder(measured, f"measure.{name}") / "predictions.npy") for name in ("teach", "distill")}
    expected = compare(message["distill"].argmax(-1), message["teach"].argmax(-1), targets)
    row = frames["comparisons"].iloc[0]
    assert (row["against"], row["flips"], row["p_value"]) == ("teacher", expected.flips, expected.paired.p_value)
    accuracy = {name: result["accuracy"].value for name, result in bench.measured(measured).items()}
    assert row["difference"] == pytest.approx(accuracy["distill"] - accuracy["teach"])
    assert len(frames["classes"]) == 10 and frames["classes"]["count"].sum() == len(targets)
    own = frames["bins"][frames["bins"]["role"] == "student"]
    assert own["count"].sum() == len(targets)
    assert own["ece"].iloc[0] == pytest.approx(100 * expected_calibration_error(message["distill"].astype(np.float32), targets))
    assert bench.measured(measured)["distill"]["ece"].value == pytest.approx(own["ece"].iloc[0])
    shift = frames["shift"][frames["shift"]["role"] == "student"]
    right = message["distill"].argmax(-1) == targets
    fifth = len(right) // 5
    assert shift["n"].sum() == len(targets) and shift["value"].iloc[-1] == pytest.approx(100 * right[:fifth].mean())
    assert (shift["value"] * shift["n"]).sum() / len(targets) == pytest.approx(accuracy["distill"])
    slices = frames["slices"].groupby("by")[["n", "worse", "better"]].sum()
    assert slices.loc["label"].tolist() == slices.loc["novelty"].tolist()  # both part the same test examples
    assert (slices.loc["label", "better"] - slices.loc["label", "worse"]) / len(targets) * 100 == pytest.approx(row["difference"])
    last = frames["slices"].query("by == 'novelty' and of == '5'").iloc[0]
    assert last["worse"] == ((message["teach"].argmax(-1) == targets) & ~right)[:fifth].sum()
    assert len(frames["robustness"]) == 2 * 21 and len(frames["sweep"]) == 2 * 6
    assert set(frames["kernels"]["precision"]) == {"fp32"} and frames["kernels"]["time"].tolist() == pytest.approx([100, 100])


def model(**summary) -> Artifact:
    facts = {"digest": "0" * 64, "produces": "onnx", "method": "export", "operation": "export", "settings": {}, "inputs": {}}
    manifest = Manifest(**facts, files={}, summary=summary, seconds=1, device="cpu", created=datetime.now(UTC))
    return Artifact(path="nowhere", manifest=manifest)


def test_speed_of_what_has_no_kernel_is_that_of_the_unpacked_model():
    assert unpacked_note(model()) == ""
    assert "this bit-width has no kernel" in unpacked_note(model(scheme="simulated"))
    assert unpacked_note(model(unpacked="codebook")) == (
        "speed of the unpacked model: no kernel computes with its packed form (codebook)"
    )


def test_bytes_of_weights_leave_names_and_notes_out(tmp_path):
    made = {
        "a": np.zeros((3, 5), np.float32),
        "b": np.zeros(7, np.int8),
        "c": np.zeros(4, np.float16),
    }
    tensors = [numpy_helper.from_array(values, name) for name, values in made.items()]
    tensors.append(helper.make_tensor("d", TensorProto.UINT4, [5], bytes(3), raw=True))
    graph = helper.make_graph([], "named at length", [], [], initializer=tensors, doc_string="notes " * 100)
    onnx.save(helper.make_model(graph), tmp_path / "model.onnx")
    assert weight_bytes(tmp_path / "model.onnx") == 60 + 7 + 8 + 3


def test_energy_by_hand_and_what_a_note_names():
    common = {"provider": "CPUExecutionProvider", "time_us": 1.0}
    truth = KernelTruth(
        kernels=(
            Kernel(name="a", op="QLinearConv", precision="int8", macs=1_000_000, **common),
            Kernel(name="b", op="Gemm", precision="fp32", macs=500_000, reason="its weight was left in float", **common),
        ),
        fusions={"QLinearConv": 1},
        quantized=True,
        runs=20,
        threads=1,
    )
    result = energy(truth, 40_000)
    assert result.provenance.note.endswith("every weight came from DRAM once per inference (Horowitz 2014, 45 nm)")
    picojoules = 500_000 * 4.6 + 1_000_000 * 0.23 + 10_000 * 640
    assert result.value == pytest.approx(picojoules * 1e-9) and result.unit == "mJ"
    assert "Gemm (its weight was left in float)" in kernel_note(truth) and "1 QLinearConv" in kernel_note(truth)
