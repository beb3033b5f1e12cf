"""Graphs side by side: kernels find their nodes, fused ones say into what, modules stand beside modules."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdui.runtime.graph_layers import graph_layers
from kdui.workbench.graph_diff import aligned, graph_of


def layer(op, name, output, source, **weights):
    return {"op": op, "name": name, "output": output, "source": source, **weights}


def kernel(name, op, precision, time_us, macs=0, reason=""):
    return {"name": name, "op": op, "precision": precision, "time_us": time_us, "macs": macs, "reason": reason}


CONV = {"module": "features.0", "shape": [8, 1, 3, 3], "bits": 32, "zeros": 0.5, "levels": 0}
FLOAT = [layer("Conv", "node_conv", "c", -1, **CONV), layer("Relu", "node_relu", "r", 0), layer("Gemm", "node_linear", "o", 1)]
FLOAT_KERNELS = [kernel("r_nchwc", "Conv", "fp32", 7.0, 100), kernel("ReorderOutput", "ReorderOutput", "fp32", 5.0)]
FLOAT_KERNELS += [kernel("node_linear", "Gemm", "fp32", 3.0, 10)]
INT8 = [
    layer("QuantizeLinear", "q", "x_q", -1),
    layer("DequantizeLinear", "d", "x_d", 0),
    layer("Conv", "node_conv", "r", 1, **{**CONV, "bits": 8}),
    layer("Gemm", "node_linear", "o", 2),
]
INT8_KERNELS = [kernel("q", "QuantizeLinear", "conversion", 2.0), kernel("node_conv_token_1", "QLinearConv", "int8", 4.0, 100)]
INT8_KERNELS += [kernel("node_linear", "Gemm", "fp32", 3.0, 10, "no int8 kernel for Gemm")]


def graph(layers, kernels):
    return graph_of(layers, {"kernels": kernels, "fusions": {"Conv+Relu (NCHWc)": 1}})


def test_a_kernel_that_took_in_its_activation_stands_at_the_convolution():
    left = graph(FLOAT, FLOAT_KERNELS)
    conv, relu, linear = left.nodes
    assert (conv.kernel, conv.time_us, conv.macs) == ("Conv", 7.0, 100)
    assert relu.fused_into == "Conv" and relu.time_us is None
    assert linear.time_us == 3.0
    assert left.own == {"ReorderOutput": 5.0} and left.time_us == 15.0 and left.macs == 110


def test_quantized_nodes_keep_their_precision_and_the_reason_of_a_fallback():
    right = graph(INT8, INT8_KERNELS)
    quantize, conv, linear = right.nodes
    assert (quantize.precision, conv.kernel, conv.precision) == ("conversion", "QLinearConv", "int8")
    assert linear.reason == "no int8 kernel for Gemm"
    assert right.folded == 1  # the DequantizeLinear that no kernel computes by itself


def test_modules_stand_beside_each_other_and_gaps_where_one_is_alone():
    rows = aligned(graph(FLOAT, FLOAT_KERNELS), graph(INT8, INT8_KERNELS))
    assert [(left and left.op, right and right.op) for left, right in rows] == [
        (None, "QuantizeLinear"),
        ("Conv", "Conv"),
        ("Relu", None),
        ("Gemm", "Gemm"),
    ]


def test_without_a_profile_the_nodes_stand_without_times():
    plain = graph_of(FLOAT, None)
    assert not plain.measured and [node.time_us for node in plain.nodes] == [None] * 3


def test_a_file_says_modules_shapes_bits_zeros_and_levels(tmp_path):
    weight = np.repeat(np.array([[0, 0, 1, 2]], np.float32), 8, axis=0)
    rounded = numpy_helper.from_array(np.ones((4, 2), np.int8), "head.weight_quantized")
    scale = helper.make_tensor("s", TensorProto.FLOAT, [], [0.5])
    nodes = [
        helper.make_node("MatMul", ["x", "body.weight"], ["h"], "body"),
        helper.make_node("DequantizeLinear", ["head.weight_quantized", "s"], ["head_d"], "dequantize"),
        helper.make_node("MatMul", ["h", "head_d"], ["y"], "head"),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", [1, 8]), ("y", [1, 2]))]
    made = helper.make_graph(nodes, "g", values[:1], values[1:], [numpy_helper.from_array(weight, "body.weight"), rounded, scale])
    onnx.save(helper.make_model(made), tmp_path / "model.onnx")
    body, dequantize, head = graph_layers(tmp_path / "model.onnx")
    assert (body["module"], body["shape"], body["bits"], body["zeros"], body["levels"]) == ("body", [8, 4], 32, 0.5, 3)
    assert (head["module"], head["bits"], head["source"]) == ("head", 8, 0)
    assert "module" not in dequantize
