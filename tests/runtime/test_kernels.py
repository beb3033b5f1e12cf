"""Which kernels ran, on real graphs of the digits' shape: fp32, static int8, 4-bit weights."""

import numpy as np
import onnx
import pytest
import torch
from onnxruntime.quantization import QuantType, matmul_nbits_quantizer

from kdui.methods.compress.quantize.int8 import write_dynamic, write_static
from kdui.methods.deliver.export.to_onnx import write_onnx
from kdui.modalities.image.prepare import AXES
from kdui.runtime.kernels import kernel_truth, precision
from kdui.runtime.macs import node_macs


class Network(torch.nn.Module):
    """Convolution, pooling, a softmax that has no int8 kernel between quantized values, and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 16, 3, padding=1)  # a whole block of channels, so that nothing is padded
        self.hidden = torch.nn.Linear(16 * 16, 32)
        self.head = torch.nn.Linear(32, 10)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        result = torch.nn.functional.max_pool2d(self.conv(pixels).relu(), 2).flatten(1)
        return self.head(torch.nn.functional.gelu(self.hidden(result)))


MACS = {"conv": 16 * 8 * 8 * 9, "hidden": 256 * 32, "head": 32 * 10}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """The same network in fp32 and as static int8 and 4-bit weight-only graphs, and a sample."""
    folder = tmp_path_factory.mktemp("kernels")
    torch.manual_seed(0)
    sample = {"pixels": np.random.default_rng(0).random((64, 1, 8, 8), dtype=np.float32)}
    write_onnx(Network().eval(), {"pixels": sample["pixels"][:2]}, AXES, 20, folder / "fp32.onnx")
    write_static(folder / "fp32.onnx", folder / "int8.onnx", sample, QuantType.QUInt8, False)
    linear = folder / "linear.onnx"
    write_linear(linear)
    write_dynamic(linear, folder / "dynamic.onnx", False)
    quantizer = matmul_nbits_quantizer.MatMulNBitsQuantizer(str(linear), block_size=32, accuracy_level=4)
    quantizer.process()
    quantizer.model.save_model_to_file(str(folder / "int4.onnx"))
    return folder, {"pixels": sample["pixels"][:1]}


def write_linear(path):
    """MatMul → Softmax → MatMul."""
    random = np.random.default_rng(1)
    constants = [onnx.numpy_helper.from_array(random.normal(size=(64, 64)).astype(np.float32), name) for name in ("a", "b")]
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "a"], ["y"], name="first"),
        onnx.helper.make_node("Softmax", ["y"], ["z"], name="soft"),
        onnx.helper.make_node("MatMul", ["z", "b"], ["out"], name="second"),
    ]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 64]) for name in ("x", "out")]
    graph = onnx.helper.make_graph(nodes, "linear", ends[:1], ends[1:], constants)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10), path)


def test_a_float_graph_runs_in_float_and_its_macs_are_counted(graphs):
    folder, sample = graphs
    truth = kernel_truth(folder / "fp32.onnx", sample)
    assert not truth.quantized and truth.fallbacks == []
    assert truth.share("macs", "fp32") == truth.share("time_us", "fp32") == 1.0
    assert sum(kernel.macs for kernel in truth.kernels) == sum(MACS.values())
    assert sum(truth.fusions.values()) >= 1 and any(name.startswith(("FusedConv", "Conv+Relu")) for name in truth.fusions)


def test_a_static_int8_graph_multiplies_in_int8_and_names_what_did_not(graphs):
    folder, sample = graphs
    truth = kernel_truth(folder / "int8.onnx", sample)
    assert truth.quantized and truth.share("macs", "int8") == 1.0
    assert sum(kernel.macs for kernel in truth.kernels) == sum(MACS.values())
    assert 0 < truth.share("time_us", "int8") < 1
    assert {"QLinearConv", "QGemm"} <= set(truth.fusions)
    assert any(kernel.op == "Gelu" and "no int8 kernel for Gelu" in kernel.reason for kernel in truth.fallbacks)
    row = truth.row()
    assert sum(row["shares"]["time_us"].values()) == pytest.approx(1) and row["shares"]["macs"]["int8"] == 1


def test_dynamic_and_weight_only_graphs_are_distinguished(graphs):
    folder, _ = graphs
    sample = {"x": np.ones((3, 64), np.float32)}
    dynamic, weights = (kernel_truth(folder / f"{name}.onnx", sample) for name in ("dynamic", "int4"))
    assert dynamic.share("macs", "int8") == 1 and weights.share("macs", "int4") == 1
    for truth in (dynamic, weights):
        assert sum(kernel.macs for kernel in truth.kernels) == 2 * 3 * 64 * 64
        assert [kernel.op for kernel in truth.fallbacks] == ["Softmax"]


def test_a_weight_that_was_left_in_float_is_named(graphs):
    folder, _ = graphs
    quantizer = matmul_nbits_quantizer.MatMulNBitsQuantizer(
        str(folder / "linear.onnx"), block_size=32, accuracy_level=4, nodes_to_exclude=["second"]
    )
    quantizer.process()
    quantizer.model.save_model_to_file(str(folder / "half.onnx"))
    truth = kernel_truth(folder / "half.onnx", {"x": np.ones((1, 64), np.float32)})
    assert truth.share("macs", "int4") == 0.5
    assert {kernel.name: kernel.reason for kernel in truth.fallbacks}["second"] == "its weight was left in float"


def test_macs_of_single_operators():
    conv = {"kernel_shape": [3, 3], "group": 2}
    assert node_macs("Conv", conv, [(1, 4, 8, 8)], [(1, 6, 8, 8)]) == 6 * 64 * 2 * 9
    assert node_macs("QLinearConv", {**conv, "channels_last": 1}, [(1, 8, 8, 4)], [(1, 8, 8, 6)]) == 6 * 64 * 2 * 9
    assert node_macs("Gemm", {"transA": 1}, [(5, 2)], [(2, 7)]) == 2 * 5 * 7
    assert node_macs("LSTM", {"hidden_size": 6}, [(9, 2, 5)], [(9, 2, 2, 6)]) == 9 * 2 * 2 * 4 * 6 * (5 + 6)
    assert node_macs("Attention", {}, [(1, 4, 8)], [(1, 4, 8)]) == 4 * 8 * 24 + 2 * 16 * 8
    assert node_macs("Softmax", {}, [(1, 4)], [(1, 4)]) == node_macs("Conv", {}, [], []) == 0


def test_precision_by_operator_and_types():
    assert precision("MatMulNBits", {"bits": 8, "accuracy_level": 4}, ["float"], ["float"]) == "int8"
    assert precision("MatMulNBits", {"bits": 4}, ["float"], ["float"]) == "fp32"
    assert precision("Gather", {}, ["int64"], ["int64"]) == "other"
    assert precision("MatMul", {}, ["float16"], ["float16"]) == "fp16"
    assert precision("Transpose", {}, ["uint8"], ["uint8"]) == "int8"
    assert precision("Cast", {}, ["int64"], ["float"]) == "other"
    assert precision("DequantizeLinear", {}, ["uint8"], ["float"]) == "conversion"
