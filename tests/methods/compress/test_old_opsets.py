"""Graphs of old operator sets: raised where that can be done, and refused in words where it cannot."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from kdui.core.errors import StageFailed
from kdui.core.run import RunState
from kdui.runtime.graph_opset import LEAST, opset_of, raise_opset


def old_graph(path, opset: int, regression, extra: tuple[onnx.NodeProto, ...] = ()):
    """A softmax regression behind a convolution that changes nothing, as exporters of that time wrote it."""
    kernel = np.ones((1, 1, 1, 1))
    matrix, bias = regression.linear.weight.detach().numpy().T, regression.linear.bias.detach().numpy()
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["seen"], kernel_shape=[1, 1]),
        helper.make_node("Relu", ["seen"], ["kept"]),
        helper.make_node("Flatten", ["kept"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["sums"]),
        helper.make_node("Add", ["sums", "bias"], ["logits"]),
        *(extra or [helper.make_node("Softmax", ["logits"], ["answer"], axis=1)]),
    ]
    graph = helper.make_graph(
        nodes,
        "old",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 10])],
        [
            numpy_helper.from_array(part.astype(np.float32), name)
            for part, name in ((kernel, "kernel"), (matrix, "matrix"), (bias, "bias"))
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6), path)
    return path


def answers(path):
    pictures = np.random.default_rng(1).uniform(size=(5, 1, 8, 8)).astype(np.float32)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": pictures})[0]


@pytest.mark.parametrize("opset", [7, 9, 11, 12])
def test_a_raised_graph_answers_as_before(tmp_path, regression, opset):
    source = old_graph(tmp_path / "old.onnx", opset, regression)
    raise_opset(source, tmp_path / "new.onnx")
    assert (opset_of(source), opset_of(tmp_path / "new.onnx")) == (opset, LEAST)
    np.testing.assert_allclose(answers(tmp_path / "new.onnx"), answers(source), atol=1e-6)


def test_an_operator_that_cannot_be_carried_over_is_reported(tmp_path, regression):
    unknown = helper.make_node("Upsample", ["logits"], ["answer"], mode="nearest")
    source = old_graph(tmp_path / "old.onnx", 9, regression, (unknown,))
    with pytest.raises(StageFailed, match=r"operator set 9, but .* 13 on, .*Export the model again with opset 13 or newer"):
        raise_opset(source, tmp_path / "new.onnx")


@pytest.mark.parametrize(("opset", "settings"), [(11, {}), (9, {"bits": 4}), (13, {})])
def test_a_black_box_of_an_old_opset_is_quantized_and_it_is_reported(bench, regression, tmp_path, opset, settings):
    path = old_graph(tmp_path / "old.onnx", opset, regression)
    run = bench.run({"task": "digits", "teacher": f"onnx:{path}?probabilities=true", "stages": [{"quantize": settings}]})
    assert run.state is RunState.SUCCEEDED, run.error
    summary = bench.summary(run, "quantize")
    assert summary.get("raised_from") == (opset if opset < LEAST else None)
    assert {file.name for file in bench.folder(run, "quantize").iterdir()} & {"raised.onnx"} == set()
    assert opset_of(bench.folder(run, "quantize") / "model.onnx") >= LEAST
