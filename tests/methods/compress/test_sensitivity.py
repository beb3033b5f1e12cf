"""Sensitivity: changed weights reach the graph, drops agree with hand-made cases, the sum over layers is what it says."""

import json
from dataclasses import asdict

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from kdui.catalogue.tasks import TASKS
from kdui.core.answer_facts import Labels
from kdui.core.errors import StageFailed
from kdui.core.layout import INPUTS_FILE, MODEL_FILE, SENSITIVITY_FILE
from kdui.core.metric import ACCURACY
from kdui.core.run import RunState
from kdui.methods.compress.quantize.rounding import packed_bytes
from kdui.methods.compress.sensitivity.additive import interpolated, predicted, prediction_error
from kdui.methods.compress.sensitivity.changes import Change, ChangedLayer, layer_bytes, pays, pruned, rounded
from kdui.methods.compress.sensitivity.probe import Probe, mean_divergence, subset
from kdui.methods.compress.sensitivity.scan import Scan, change_of, summary_of
from kdui.methods.compress.sensitivity.spec import sensitivity_digest
from kdui.methods.compress.sensitivity.weights import Weight, weights_of
from kdui.tasks.examples import Examples
from tests.engine.digits import states
from tests.methods.taught import STUDENT, TEACH

FACTS = TASKS["digits"].model_copy(update={"answer": Labels(names=("dark", "bright"))})
INPUTS = {"modality": "image", "settings": {"height": 8, "width": 8, "channels": 1, "mean": [0.0], "std": [1.0]}}


def write(folder, nodes, values, outputs=2):
    """A small graph over pixels [n, 1, 8, 8] with how it wants its inputs."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", outputs])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / MODEL_FILE)
    (folder / INPUTS_FILE).write_text(json.dumps(INPUTS), encoding="utf-8")
    return folder


@pytest.fixture
def bright(tmp_path):
    """Answers 'bright' by the sum of the pixels alone: one row of weights decides, the other one is tiny."""
    head = np.zeros((2, 64), np.float32)
    head[1] = 1.0
    head[0, 0] = 0.01
    nodes = [
        helper.make_node("Flatten", ["pixels"], ["a"]),
        helper.make_node("Gemm", ["a", "head.weight", "bias"], ["outputs"], transB=1),
    ]
    return write(tmp_path, nodes, {"head.weight": head, "bias": np.array([8.0, 0.0], np.float32)})


@pytest.fixture
def pictures():
    """Half of them black, half of them white: a quarter of the white ones is called dark."""
    inputs = np.zeros((40, 8, 8, 1), np.uint8)
    inputs[::2] = 255
    targets = np.tile([1, 0], 20).astype(np.int64)
    targets[::8] = 0
    return Examples(inputs, targets)


def test_a_drop_is_what_a_hand_computes(bright, pictures):
    probe = Probe(bright, FACTS, pictures, 1000)
    assert (probe.count, probe.headline) == (40, 87.5)
    (layer,) = [ChangedLayer(weight) for weight in probe.weights]
    # Without weights the bias says 'dark' to all of them: 25 of 40 are right.
    effect = probe.effect({"head.weight": np.zeros((2, 64), np.float32)})
    assert (effect.headline, effect.drop) == (62.5, 25.0)
    assert probe.of_change([layer], Change()).drop == 0.0 == probe.of_change([layer], Change()).kl
    assert probe.effect({"head.weight": layer.weight.values}).kl == 0.0


def test_zero_strength_is_the_identity():
    matrix = np.random.default_rng(0).normal(size=(6, 10)).astype(np.float32)
    layer = ChangedLayer(Weight("w", "w", "Gemm", 0, matrix))
    assert np.array_equal(layer.changed(Change()), matrix)
    assert np.allclose(layer.changed(Change(rank=1.0)), matrix)
    assert np.allclose(np.matmul(*layer.factors(1.0)), matrix, atol=1e-5)
    assert layer_bytes(6, 10, Change()) == 4 * 60


def test_each_change_does_what_it_says():
    matrix = np.random.default_rng(1).normal(size=(20, 30)).astype(np.float32)
    cut = pruned(matrix, 0.7)
    assert (cut == 0).sum() == 420 and np.abs(cut[cut != 0]).min() >= np.abs(matrix[cut == 0]).max()
    assert all(len(np.unique(row)) <= 7 for row in rounded(matrix, 3))
    layer = ChangedLayer(Weight("w", "w", "Gemm", 0, matrix))
    values = np.linalg.svd(matrix, compute_uv=False)
    lost = np.linalg.norm(matrix - layer.changed(Change(rank=0.25)))
    assert lost == pytest.approx(np.sqrt((values[5:] ** 2).sum()), rel=1e-4)
    assert pays(20, 30, 0.5) and not pays(20, 30, 0.75)
    assert np.array_equal(layer.changed(Change(rank=0.75)), matrix)
    assert not np.array_equal(layer.changed(Change(rank=0.75), always=True), matrix)


def test_sizes_follow_the_packed_form():
    assert layer_bytes(20, 30, Change(bits=4)) == packed_bytes(600, 20, 4)
    assert layer_bytes(20, 30, Change(sparsity=0.5)) == 300 * 4 + 600 / 8
    assert layer_bytes(20, 30, Change(rank=0.5)) == 4 * 10 * 50
    assert layer_bytes(20, 30, Change(rank=0.75)) == 4 * 600  # does not pay, so it is left alone


def test_the_divergence_of_two_coins():
    before, after = np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]])
    assert mean_divergence(before, after) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    apart = np.array([[0.0, 0.0, -np.inf]])
    assert mean_divergence(apart, apart) == 0.0


def test_the_part_of_the_split_is_always_the_same():
    assert np.array_equal(subset(5, 9), np.arange(5))
    assert np.array_equal(subset(100, 10), subset(100, 10)) and len(set(subset(100, 10))) == 10


@pytest.fixture
def deep(tmp_path):
    """A convolution wide enough for the blocked layout, then MatMul through a transpose."""
    random = np.random.default_rng(3)
    values = {
        "conv.weight": random.normal(size=(16, 1, 3, 3)).astype(np.float32),
        "turned": random.normal(size=(2, 576)).astype(np.float32) / 24,
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "conv.weight"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["c"]),
        helper.make_node("Transpose", ["turned"], ["d"], perm=[1, 0]),
        helper.make_node("MatMul", ["c", "d"], ["outputs"]),
    ]
    return write(tmp_path, nodes, values)


def test_weights_are_found_behind_a_transpose_with_the_axis_of_their_channels(deep):
    by_name = {weight.name: weight for weight in weights_of(onnx.load(deep / MODEL_FILE))}
    assert {name: (weight.operator, weight.axis) for name, weight in by_name.items()} == {
        "conv.weight": ("Conv", 0),
        "turned": ("MatMul", 0),
    }
    assert by_name["conv.weight"].title == "conv" and by_name["conv.weight"].matrix.shape == (16, 9)
    assert np.array_equal(by_name["conv.weight"].restored(by_name["conv.weight"].matrix), by_name["conv.weight"].values)


def test_changed_weights_of_convolutions_reach_the_graph(deep, pictures):
    """A swapped initializer must count whatever layout the runtime chooses."""
    probe = Probe(deep, FACTS, pictures, 8)
    layers = [ChangedLayer(weight) for weight in probe.weights]
    change = Change(sparsity=0.5, bits=3)
    changed = {layer.weight.name: layer.changed(change) for layer in layers}
    model = onnx.load(deep / MODEL_FILE)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(changed[tensor.name], tensor.name))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    plain = onnxruntime.InferenceSession(deep / MODEL_FILE, providers=["CPUExecutionProvider"])
    pixels = {"pixels": pictures.inputs[subset(40, 8)].transpose(0, 3, 1, 2).astype(np.float32) / 255}
    expected = mean_divergence(plain.run(None, pixels)[0], session.run(None, pixels)[0])
    assert probe.of_change(layers, change).kl == pytest.approx(expected, rel=1e-4)
    assert expected > 1e-3


def test_the_sum_is_exact_where_one_layer_alone_changes(bright, pictures):
    scan = Scan(Probe(bright, FACTS, pictures, 1000), ["prune", "quantize", "low_rank"])
    while scan.step():
        pass
    result = scan.result()
    assert scan.done == scan.total == 13 + 13 + 5 and not scan.step()
    for row in result["joint"][:13]:
        change = Change(**row["change"])
        if change.rank == 1:  # one layer: all layers together are the same change
            assert row["predicted"]["drop"] == row["measured"]["drop"]
            assert row["predicted"]["kl"] == pytest.approx(row["measured"]["kl"])
    assert predicted(result, Change())["headline"] == 87.5
    assert predicted(result, Change())["bytes"] == result["base"]["bytes"] == 4 * 128 + 8
    assert "head is the most sensitive layer" in summary_of(result)["finding"]


def test_between_measured_strengths_it_is_a_line_to_nothing_lost():
    assert interpolated((0.3, 0.5), (2.0, 4.0), 0.4, 0.0) == pytest.approx(3.0)
    assert interpolated((0.3, 0.5), (2.0, 4.0), 0.15, 0.0) == pytest.approx(1.0)
    assert interpolated((0.3, 0.5), (2.0, 4.0), 0.9, 0.0) == 4.0
    assert interpolated((8, 4), (0.0, 4.0), 5, 32.0) == pytest.approx(3.0)
    assert interpolated((8, 4), (0.0, 4.0), 32, 32.0) == 0.0


def test_the_error_is_the_mean_distance_and_guessing_is_the_worst_there_is():
    result = {
        "methods": {"prune": {"strengths": [0.5], "drop": [[4.0], [80.0]], "kl": [[0.1], [2.0]]}},
        "layers": [{"rows": 4, "columns": 4}] * 2,
        "base": {"headline": 90.0},
        "bounds": [10.0, 100.0],
        "metric": ACCURACY.model_dump(),
        "rest_bytes": 0,
    }
    half = {"change": asdict(Change(sparsity=0.5)), "measured": {"drop": 70.0, "kl": 2.0}}
    little = {"change": asdict(Change(sparsity=0.05)), "measured": {"drop": 8.0, "kl": 0.2}}
    assert predicted(result, Change(sparsity=0.5))["headline"] == 10.0
    error = prediction_error(result, [half, little])
    assert error["drop"] == pytest.approx((10.0 + 0.4) / 2) and error["count"] == 2
    assert error["bands"]["mild"]["drop"] == pytest.approx(0.4) and error["bands"]["mild"]["count"] == 1
    assert error["bands"]["floor"]["drop"] == 10.0 and error["bands"]["steep"]["drop"] is None
    assert prediction_error(result, [])["drop"] is None


def test_a_graph_without_float_weights_is_refused_in_words(tmp_path, pictures):
    write(tmp_path, [helper.make_node("Flatten", ["pixels"], ["outputs"])], {}, outputs=64)
    with pytest.raises(StageFailed, match="before it is quantized"):
        Probe(tmp_path, FACTS, pictures, 8)


def test_the_stage_is_measured_once_and_named_so_that_the_page_finds_it(bench):
    recipe = {
        "task": "digits",
        "teacher": "cnn-medium",
        "student": "cnn-small",
        "stages": [{"teach": TEACH}, {"distill": STUDENT}, {"sensitivity": {"examples": 64, "changes": "quantize"}}],
    }
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    decoded = json.loads((bench.folder(run, "sensitivity") / SENSITIVITY_FILE).read_text(encoding="utf-8"))
    assert list(decoded["methods"]) == ["quantize"] and decoded["n"] == 64 and decoded["split"] == "validation"
    assert [row["change"]["bits"] for row in decoded["joint"]] == [8, 6, 4, 3, 2]
    assert bench.summary(run, "sensitivity")["finding"] in bench.said(run)[-1]
    digests = {step.name: step.digest for step in run.steps}
    settings = {"examples": 64, "methods": ["quantize"]}
    assert digests["sensitivity"] == sensitivity_digest(digests["export.distill"], TASKS["digits"], settings)
    again = bench.run({**recipe, "stages": [*recipe["stages"]], "name": "again"})
    assert states(again)["sensitivity"] == "cached"


def test_an_lstm_is_changed_through_the_slices_that_reorder_its_gates(tmp_path):
    values = {"cell.weight_ih_l0": np.ones((8, 3), np.float32), "cell.weight_hh_l0": np.ones((8, 2), np.float32)}
    nodes = [
        helper.make_node("Slice", ["cell.weight_ih_l0", "from", "to", "axis"], ["part"]),
        helper.make_node("Concat", ["part", "part"], ["gates"], axis=0),
        helper.make_node("Unsqueeze", ["gates", "axis"], ["w"]),
        helper.make_node("Unsqueeze", ["cell.weight_hh_l0", "axis"], ["r"]),
        helper.make_node("LSTM", ["x", "w", "r", "both_biases"], ["y"], hidden_size=2),
    ]
    small = {"from": np.array([0]), "to": np.array([4]), "axis": np.array([0]), "both_biases": np.ones((1, 16), np.float32)}
    tensors = [numpy_helper.from_array(value, name) for name, value in (values | small).items()]
    graph = helper.make_graph(
        nodes,
        "cell",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["t", 1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        tensors,
    )
    result = weights_of(helper.make_model(graph))
    assert [(weight.title, weight.axis) for weight in result] == [("cell.weight_ih_l0", 0), ("cell.weight_hh_l0", 0)]


def test_one_method_at_one_strength():
    assert change_of("prune", 0.3) == Change(sparsity=0.3)
    assert change_of("quantize", 3) == Change(bits=3)
    assert change_of("low_rank", 0.5) == Change(rank=0.5)
    assert Change().is_none and not Change(bits=8).is_none
