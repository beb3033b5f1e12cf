"""ONNX files that answer in another order, want other pixels or give more than logits: stopped with the option that helps."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from kdui.core.errors import RecipeError, StageFailed
from kdui.methods.teach.teach.apply import take_graph
from kdui.training.context import QuietReporter, StepContext, TaskData
from tests.methods.foreign_teachers import DIGITS, recipe

TURNED = np.roll(np.arange(10), 3)


@pytest.fixture(scope="module")
def weights(regression):
    """The regression that the other tests teach with, as arrays [64, 10] and [10]."""
    with torch.no_grad():
        return regression.linear.weight.numpy().T.copy(), regression.linear.bias.numpy().copy()


def graph(path, weights, *, turned=False, scale=1.0, mean=0.0, std=1.0, outputs=(("logits", 10),)):
    """The regression behind ``(pixels / scale - mean) / std`` of its own, with further outputs or another order of labels."""
    matrix, bias = (array[..., TURNED] if turned else array for array in weights)
    # Weights that take plain pixels become such as take moved ones.
    bias = bias + mean * matrix.sum(0)
    matrix = matrix * std
    constants = {"W": matrix, "b": bias, "divisor": np.float32(scale)}
    nodes = [
        helper.make_node("Div", ["x", "divisor"], ["levels"]),
        helper.make_node("Flatten", ["levels"], ["features"]),
        helper.make_node("Gemm", ["features", "W", "b"], ["logits"]),
        helper.make_node("Neg", ["logits"], ["against"]),
    ]
    made = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width] if width else None) for name, width in outputs],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def taken(bench, splits, tmp_path):
    """Takes a teacher in as the first step of a run does; gives its log and the folder with the adopted graph."""

    def take(teacher: str):
        report = QuietReporter()
        context = StepContext(
            step=bench.plan(recipe(teacher))[0],
            data=TaskData(DIGITS, splits),
            device=torch.device("cpu"),
            inputs={},
            out=tmp_path,
            checkpoint=tmp_path,
            report=report,
            app_settings=bench.settings,
        )
        take_graph(context)
        return report.lines, tmp_path

    return take


def refused(taken, teacher: str) -> str:
    with pytest.raises(StageFailed) as caught:
        taken(teacher)
    return str(caught.value)


def share_right(folder, splits) -> float:
    pixels = splits["validation"].inputs.transpose(0, 3, 1, 2).astype(np.float32) / 255
    result = onnxruntime.InferenceSession(folder / "model.onnx").run(None, {"pixels": pixels})[0]
    return float((result.argmax(-1) == splits["validation"].targets).mean())


def test_an_honest_graph_is_taken_and_its_share_is_reported(taken, weights, splits, tmp_path):
    lines, folder = taken(f"onnx:{graph(tmp_path / 'plain.onnx', weights)}")
    assert lines == [f"plain.onnx gets {100 * share_right(folder, splits):.1f} % of the validation examples right."]
    assert share_right(folder, splits) > 0.9


@pytest.mark.parametrize(
    ("change", "option"),
    [
        ({"turned": True}, "labels=7,8,9,0,1,2,3,4,5,6"),
        ({"scale": 255}, "scale=255"),
        ({"scale": 16}, "scale=16"),
        ({"mean": 20.0, "std": -5.0}, None),
        ({"scale": 255, "turned": True}, "scale=255&labels=7,8,9,0,1,2,3,4,5,6"),
    ],
)
def test_the_option_that_is_named_sets_it_right(taken, weights, splits, tmp_path, change, option):
    path = graph(tmp_path / "other.onnx", weights, **change)
    words = refused(taken, f"onnx:{path}")
    if option is None:
        assert "no better than chance" in words or "Write" in words
        return
    assert f"Write 'onnx:{path}?{option}'" in words
    _, folder = taken(f"onnx:{path}?{option}")
    assert share_right(folder, splits) > 0.9


def test_a_wrong_order_that_its_owner_named_is_mended_from_there(taken, weights, tmp_path):
    path = graph(tmp_path / "turned.onnx", weights, turned=True)
    words = refused(taken, f"onnx:{path}?labels=0,1,2,3,4,5,6,7,9,8")
    assert "labels=7,8,9,0,1,2,3,4,5,6'" in words


def test_a_wrong_scale_that_its_owner_named_is_replaced(taken, weights, tmp_path):
    path = graph(tmp_path / "plain.onnx", weights)
    words = refused(taken, f"onnx:{path}?scale=-300&mean=7")
    assert f"Write 'onnx:{path}?scale=1'" in words


def test_mean_and_deviation_stand_in_the_graph(taken, weights, splits, tmp_path):
    moved = graph(tmp_path / "moved.onnx", weights, mean=0.449, std=0.226)
    _, folder = taken(f"onnx:{moved}?mean=0.449&std=0.226")
    plain = share_right(folder, splits)
    _, folder = taken(f"onnx:{graph(tmp_path / 'plain.onnx', weights)}")
    assert plain == share_right(folder, splits)


def test_of_several_outputs_the_only_one_that_fits_is_taken_and_reported(taken, weights, splits, tmp_path):
    path = graph(tmp_path / "two.onnx", weights, outputs=(("features", 64), ("logits", 10)))
    lines, folder = taken(f"onnx:{path}")
    assert lines[0] == "Of the outputs of two.onnx only 'logits' has the width of the task's labels: it is taken."
    assert share_right(folder, splits) > 0.9


def test_of_outputs_without_a_shape_the_graph_tells_it(taken, weights, tmp_path):
    path = graph(tmp_path / "bare.onnx", weights, outputs=(("features", 0), ("logits", 0)))
    assert "only 'logits'" in taken(f"onnx:{path}")[0][0]


def test_where_several_outputs_fit_their_owner_states_which(taken, weights, splits, tmp_path):
    path = graph(tmp_path / "both.onnx", weights, outputs=(("against", 10), ("logits", 10), ("features", 64)))
    words = refused(taken, f"onnx:{path}")
    assert "gives 3 outputs (against float32 [n, 10], logits float32 [n, 10], features" in words and "?output=NAME" in words
    lines, folder = taken(f"onnx:{path}?output=logits")
    assert share_right(folder, splits) > 0.9 and len(lines) == 1
    assert "has no output 'logit'. It gives against" in refused(taken, f"onnx:{path}?output=logit")
    assert "gives features float32 [n, 64], but Digits has 10 labels" in refused(taken, f"onnx:{path}?output=features")


def test_every_option_is_part_of_the_name_and_unsaid_ones_are_not(bench, weights, tmp_path):
    path = graph(tmp_path / "plain.onnx", weights)
    tails = ["", "?scale=255", "?mean=0.5", "?std=0.5", "?labels=9,8,7,6,5,4,3,2,1,0", "?output=logits", "?probabilities=true"]
    digests = [bench.plan(recipe(f"onnx:{path}{tail}"))[0].digest for tail in tails]
    assert len(set(digests)) == len(tails)
    model = bench.plan(recipe(f"onnx:{path}"))[0].settings["model"]
    assert model["options"] == {"probabilities": False}


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ("?scale=0", "a scale of 0 makes all images alike"),
        ("?scale=much", "valid number"),
        ("?std=0", "none may be zero"),
        ("?mean=nan", "finite"),
        ("?mean=0.1,0.2,0.3", "one number, or one for each colour"),
        ("?labels=0,1,2", "must name the labels of Digits, each once"),
        ("?labels=0,1,2,3,4,5,6,7,8,8", "must name the labels of Digits, each once"),
    ],
)
def test_options_that_cannot_be_are_refused_before_queueing(bench, weights, tmp_path, tail, words):
    path = graph(tmp_path / "plain.onnx", weights)
    with pytest.raises(RecipeError, match=words):
        bench.plan(recipe(f"onnx:{path}{tail}"))
