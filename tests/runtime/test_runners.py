"""Runtimes on real graphs: the same outputs in each, a graph with a cache, and what one does not take or does not have."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from kdui.core.errors import StageFailed, UnknownName
from kdui.core.runner import RUNNERS, USUAL, RunnerFacts, others
from kdui.methods.deliver.measure.spec import MeasureSpec
from kdui.runtime.latency import measure_latency
from kdui.runtime.runners import open_runner
from tests.runtime.next_token import summing_model
from tests.runtime.test_kernels import write_linear

needs_openvino = pytest.mark.skipif(bool(RUNNERS["openvino"].missing), reason="openvino, an extra, is not installed")


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    path = tmp_path_factory.mktemp("runners") / "linear.onnx"
    write_linear(path)
    return path


def test_runtimes_are_found_by_their_folder_and_a_missing_one_says_how_to_install_it():
    assert set(RUNNERS) == {"onnxruntime", "openvino"} and others() == ("openvino",)
    assert RUNNERS[USUAL].version and not RUNNERS[USUAL].missing
    absent = RunnerFacts(name="x", title="X", packages=("no-such-distribution",), install="pip install 'kdui[x]'")
    assert absent.missing == "X is not installed here. Install it: pip install 'kdui[x]'"
    with pytest.raises(UnknownName, match=r"There is no runtime called 'openvine'\. Did you mean 'openvino'"):
        open_runner("openvine", b"")
    assert MeasureSpec(other_runtimes="all").runtimes == ("openvino",) and MeasureSpec().runtimes == ()
    with pytest.raises(ValueError, match="no runtime 'tvm' beside ONNX Runtime: write none, openvino or all"):
        MeasureSpec(other_runtimes="tvm")


@needs_openvino
def test_the_same_file_gives_the_same_outputs_in_both_and_is_timed_in_turn(linear):
    values = {"x": np.random.RandomState(0).rand(5, 64).astype(np.float32)}
    ours, theirs = (open_runner(name, linear, threads=1).run(None, values) for name in (USUAL, "openvino"))
    assert len(ours) == len(theirs) and ours[0].shape == theirs[0].shape
    assert np.abs(ours[0] - theirs[0]).max() < 1e-4 * np.abs(ours[0]).max()  # fp32 in both, also where the processor has bf16
    one = {"x": values["x"][:1]}
    timing = measure_latency(linear, linear, one, runs=20, runtimes=("openvino", USUAL))
    assert not timing.same_file and len(timing.candidate_ms) == len(timing.baseline_ms) == 20


@needs_openvino
def test_a_graph_with_a_cache_is_given_whole_texts(tmp_path):
    random = np.random.RandomState(0)
    embeddings, head = random.rand(7, 4).astype(np.float32), random.rand(4, 7).astype(np.float32)
    path = summing_model(tmp_path / "cached.onnx", embeddings, head, cached=True)
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    texts = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    found = open_runner("openvino", path).run(None, texts)
    assert len(found) == 1 and np.allclose(found[0], embeddings[ids].cumsum(1) @ head, atol=1e-5)


@needs_openvino
def test_a_graph_that_it_does_not_take_is_refused_in_words(tmp_path):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Strange", ["x"], ["y"], domain="of.nobody")], "strange", [x], [y])
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("of.nobody", 1)]
    onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=9), tmp_path / "strange.onnx")
    with pytest.raises(StageFailed, match=r"OpenVINO does not take this graph: .*Strange"):
        open_runner("openvino", tmp_path / "strange.onnx")
