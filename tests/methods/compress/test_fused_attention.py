"""Attention as one operator in int8 graphs: the same answers, and whatever looks otherwise is left alone."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from kdui.catalogue.tasks import TASKS
from kdui.methods.compress.quantize.attention import fuse_attention, write_fused
from kdui.methods.compress.quantize.int8 import write_dynamic
from kdui.methods.compress.sensitivity.weights import weights_of
from kdui.methods.deliver.export.to_onnx import to_onnx
from kdui.modalities.text.prepare import AXES
from kdui.models.transformer import ATTENTION, TextClassifier
from kdui.runtime.graph_files import load_graph, save_graph
from kdui.runtime.kernels import kernel_truth
from kdui.runtime.sessions import graph_outputs
from tests.models.small import random_tokens, small_bert

LAYERS = 2


@pytest.fixture(scope="module")
def sample():
    """Four texts, three of them shorter than the batch."""
    tokens = {name: tensor.numpy() for name, tensor in random_tokens(4, 13).items()}
    tokens["attention_mask"][1:, 6:] = 0
    return tokens


@pytest.fixture(scope="module")
def graph(tmp_path_factory, sample):
    """A transformer as kdui builds it: attention written out. Biases differ, or the exporter would share them."""
    path = tmp_path_factory.mktemp("attention") / "model.onnx"
    network = small_bert(TASKS["sentiment"].labels)
    network.set_attn_implementation(ATTENTION)
    generator = torch.Generator().manual_seed(4)
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    to_onnx(TextClassifier(network).eval(), sample, AXES, 20).save(path, external_data=False)
    return path


def test_weights_keep_their_modules_names_without_the_exporters_notes(graph, sample, tmp_path):
    noted = [weight.title for weight in weights_of(load_graph(graph))]
    assert b'File "' in graph.read_bytes() and noted[3].endswith("layer.0.attention.self.query")
    save_graph(load_graph(graph), tmp_path / "clean.onnx")
    clean = (tmp_path / "clean.onnx").read_bytes()
    assert b'File "' not in clean and b"pkg.torch" not in clean and len(clean) < graph.stat().st_size / 2
    assert [weight.title for weight in weights_of(load_graph(tmp_path / "clean.onnx"))] == noted
    np.testing.assert_array_equal(graph_outputs(tmp_path / "clean.onnx", sample), graph_outputs(graph, sample))


def operators(path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def test_every_layer_becomes_one_operator_that_answers_the_same(graph, sample, tmp_path):
    assert write_fused(graph, tmp_path / "fused.onnx", sample) == LAYERS
    result = operators(tmp_path / "fused.onnx")
    assert result.count("MultiHeadAttention") == LAYERS and not {"Softmax", "Transpose"} & set(result)
    before, after = (graph_outputs(path, sample) for path in (graph, tmp_path / "fused.onnx"))
    np.testing.assert_allclose(after, before, atol=1e-6)
    shorter = {name: array[:1, :5] for name, array in sample.items()}
    np.testing.assert_allclose(graph_outputs(tmp_path / "fused.onnx", shorter), graph_outputs(graph, shorter), atol=1e-6)
    (node, _) = [node for node in onnx.load(tmp_path / "fused.onnx").graph.node if node.op_type == "MultiHeadAttention"]
    assert helper.get_node_attr_value(node, "num_heads") == 4
    assert helper.get_node_attr_value(node, "scale") == pytest.approx(8**-0.5)


def test_the_int8_graph_has_it_and_says_in_what_it_computes(graph, sample, tmp_path):
    assert write_dynamic(graph, tmp_path / "int8.onnx", False, fused=True, sample=sample)
    assert operators(tmp_path / "int8.onnx").count("MultiHeadAttention") == LAYERS
    assert not (tmp_path / "int8.fused.onnx").exists()
    truth = kernel_truth(tmp_path / "int8.onnx", sample)
    kernels = [kernel for kernel in truth.kernels if kernel.op == "MultiHeadAttention"]
    assert [kernel.precision for kernel in kernels] == ["fp32"] * LAYERS
    assert all(kernel.macs == 2 * 4 * 13 * 13 * 32 and "no int8 kernel" in kernel.reason for kernel in kernels)
    write_dynamic(graph, tmp_path / "plain.onnx", False)
    assert "MultiHeadAttention" not in operators(tmp_path / "plain.onnx")
    fused, plain = (graph_outputs(tmp_path / f"{name}.onnx", sample) for name in ("int8", "plain"))
    np.testing.assert_allclose(fused, plain, atol=1e-3)


@pytest.mark.parametrize("change", ["read twice", "other turn", "unknown scale", "no heads"])
def test_what_does_not_look_like_attention_is_left_alone(graph, sample, tmp_path, change):
    model = load_graph(graph)
    nodes = model.graph.node
    softmax = next(node for node in nodes if node.op_type == "Softmax")
    if change == "read twice":  # the weights of the attention are an output, too
        model.graph.output.append(helper.make_tensor_value_info(softmax.output[0], TensorProto.FLOAT, None))
        model.graph.node.append(helper.make_node("Identity", [softmax.output[0]], ["attention_weights"]))
    elif change == "other turn":
        after = next(node for node in nodes if node.op_type == "MatMul" and softmax.output[0] in node.input)
        turn = next(node for node in nodes if node.op_type == "Transpose" and after.output[0] in node.input)
        turn.attribute[0].CopyFrom(helper.make_attribute("perm", [0, 1, 2, 3]))
    elif change == "unknown scale":
        add = next(node for node in nodes if softmax.input[0] in node.output)
        scaled = next(node for node in nodes if add.input[0] in node.output)
        scaled.input[1] = next(node for node in nodes if node.op_type == "Cast").output[0]
    else:
        for tensor in model.graph.initializer:
            if tensor.name.endswith(("query.bias", "key.bias", "value.bias")):
                tensor.CopyFrom(numpy_helper.from_array(np.zeros(1, np.float32), tensor.name))
    assert fuse_attention(model) == (0 if change == "no heads" else LAYERS - 1)


def test_a_graph_that_would_answer_otherwise_is_not_written(graph, sample, tmp_path):
    """A mask that stands for all lengths at once is one that the operator does not take."""
    model = load_graph(graph)
    for node in model.graph.node:
        if node.op_type == "Add" and any(each.op_type == "Softmax" and node.output[0] in each.input for each in model.graph.node):
            node.input[1] = "no_mask"
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 1, 1, 1), np.float32), "no_mask"))
    onnx.save(model, tmp_path / "odd.onnx")
    assert fuse_attention(load_graph(tmp_path / "odd.onnx")) == LAYERS
    assert write_fused(tmp_path / "odd.onnx", tmp_path / "fused.onnx", sample) == 0
    assert not (tmp_path / "fused.onnx").exists()


def test_a_graph_without_attention_is_not_written_again(tmp_path):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("x", "out")]
    built = helper.make_graph([helper.make_node("Softmax", ["x"], ["out"])], "softmax", ends[:1], ends[1:])
    onnx.save(helper.make_model(built, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "model.onnx")
    sample = {"x": np.ones((2, 4), np.float32)}
    assert write_fused(tmp_path / "model.onnx", tmp_path / "fused.onnx", sample) == 0
    assert not write_dynamic(tmp_path / "model.onnx", tmp_path / "int8.onnx", False, fused=True, sample=sample)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
