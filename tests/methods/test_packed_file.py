"""Simulated bit-widths: the float graph holds what the packed file holds, and the file has the size that is promised."""

import json
import struct

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from kdui.methods.quantize.rounding import packed_bytes
from kdui.methods.quantize.simulated import MAGIC, read_packed, simulate, weight_axes

SHAPES = {"kernel": (6, 1, 3, 3), "gemm": (4, 96), "matrix": (4, 5)}
BIASES = {"kernel_bias": (6,), "gemm_bias": (4,)}
AXES = {"kernel": 0, "gemm": 0, "matrix": 1}


@pytest.fixture
def graph(tmp_path):
    """Convolution, Gemm with transposed weight, MatMul: each with its own channel axis; biases and a shape stay as they are."""
    random = np.random.default_rng(1)
    values = {name: random.normal(size=shape).astype(np.float32) for name, shape in (SHAPES | BIASES).items()}
    constants = [numpy_helper.from_array(value, name) for name, value in values.items()]
    constants.append(numpy_helper.from_array(np.array([0, 96], np.int64), "shape"))
    nodes = [
        helper.make_node("Conv", ["pixels", "kernel", "kernel_bias"], ["a"]),
        helper.make_node("Reshape", ["a", "shape"], ["b"]),
        helper.make_node("Gemm", ["b", "gemm", "gemm_bias"], ["c"], transB=1),
        helper.make_node("MatMul", ["c", "matrix"], ["outputs"]),
    ]
    built = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 1, 6, 6])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", 5])],
        constants,
    )
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "float.onnx")
    return tmp_path / "float.onnx", values


def test_each_operator_has_the_axis_of_its_output_channels(graph):
    assert weight_axes(onnx.load(graph[0])) == AXES


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8])
def test_file_size_is_the_sum_of_its_parts(graph, tmp_path, bits):
    facts = simulate(graph[0], tmp_path / "rounded.onnx", tmp_path / "weights.packed", bits)
    data = (tmp_path / "weights.packed").read_bytes()
    (header,) = struct.unpack_from("<I", data, len(MAGIC))
    rounded = sum(packed_bytes(int(np.prod(shape)), shape[AXES[name]], bits) for name, shape in SHAPES.items())
    floats = 4 * (6 + 4) + 2 * 8  # biases in fp32, the target shape of Reshape in int64
    assert len(data) == facts["packed_bytes"] == len(MAGIC) + 4 + header + rounded + floats
    assert facts["rounded_weights"] == 54 + 384 + 20
    assert json.loads(data[len(MAGIC) + 4 : len(MAGIC) + 4 + header])[0]["bits"] == bits


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_reading_the_file_gives_exactly_the_weights_of_the_graph(graph, tmp_path, bits):
    simulate(graph[0], tmp_path / "rounded.onnx", tmp_path / "weights.packed", bits)
    found = read_packed(tmp_path / "weights.packed")
    used = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(tmp_path / "rounded.onnx").graph.initializer}
    assert found.keys() == used.keys()
    for name, value in used.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape)
        assert np.array_equal(found[name], value), name
    assert np.array_equal(found["gemm_bias"], graph[1]["gemm_bias"])
    assert len(np.unique(found["kernel"][0])) <= 2**bits - 1


def test_the_rounded_graph_runs_and_comes_close_with_more_bits(graph, tmp_path):
    pixels = {"pixels": np.random.default_rng(2).normal(size=(3, 1, 6, 6)).astype(np.float32)}
    exact = onnxruntime.InferenceSession(graph[0], providers=["CPUExecutionProvider"]).run(None, pixels)[0]
    errors = []
    for bits in (2, 4, 8):
        simulate(graph[0], tmp_path / "rounded.onnx", tmp_path / "weights.packed", bits)
        found = onnxruntime.InferenceSession(tmp_path / "rounded.onnx", providers=["CPUExecutionProvider"]).run(None, pixels)[0]
        errors.append(float(np.abs(found - exact).mean() / np.abs(exact).mean()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.03
