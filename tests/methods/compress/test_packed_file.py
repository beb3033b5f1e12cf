"""Simulated bit-widths: the float graph holds what the packed file holds, and the file has the size that is promised."""

import json
import struct

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from kdui.core.errors import StoreError
from kdui.methods.compress.quantize.activations import input_ranges, layer_inputs
from kdui.methods.compress.quantize.grids import GridChoice
from kdui.methods.compress.quantize.packed import MAGIC, read_packed
from kdui.methods.compress.quantize.rounding import packed_bytes
from kdui.methods.compress.quantize.simulated import round_inputs, round_weights, write_simulated
from kdui.methods.compress.sensitivity.weights import weights_of

SHAPES = {"kernel": (6, 1, 3, 3), "gemm": (4, 96), "matrix": (4, 5)}
BIASES = {"kernel_bias": (6,), "gemm_bias": (4,)}
AXES = {"kernel": 0, "gemm": 0, "matrix": 1}


def made(random: np.random.Generator) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Convolution, Gemm with transposed weight, MatMul: each with its own channel axis; biases and a shape stay as they are."""
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
    return model, values


@pytest.fixture
def graph():
    return made(np.random.default_rng(1))


def simulate(model: onnx.ModelProto, folder, choices: GridChoice | dict[str, GridChoice]) -> dict[str, int]:
    """Round the graph's weights and write both files into the folder."""
    weights = weights_of(model)
    if isinstance(choices, GridChoice):
        choices = {weight.name: choices for weight in weights}
    rounded = round_weights(weights, choices)
    return write_simulated(model, rounded, folder / "rounded.onnx", folder / "weights.packed")


def answers(path, pixels: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"pixels": pixels})[0]


def same_as_the_graph(folder) -> dict[str, np.ndarray]:
    """What the packed file gives back, after a check that it is the graph's to the bit."""
    decoded = read_packed(folder / "weights.packed")
    used = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(folder / "rounded.onnx").graph.initializer}
    assert decoded.keys() == used.keys()
    for name, value in used.items():
        assert (decoded[name].dtype, decoded[name].shape) == (value.dtype, value.shape)
        assert np.array_equal(decoded[name], value), name
    return decoded


def test_each_operator_has_the_axis_of_its_output_channels(graph):
    assert {weight.name: weight.axis for weight in weights_of(graph[0])} == AXES


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8])
def test_file_size_is_the_sum_of_its_parts(graph, tmp_path, bits):
    facts = simulate(graph[0], tmp_path, GridChoice(bits))
    data = (tmp_path / "weights.packed").read_bytes()
    (header,) = struct.unpack_from("<I", data, len(MAGIC))
    rounded = sum(packed_bytes(int(np.prod(shape)), shape[AXES[name]], bits) for name, shape in SHAPES.items())
    floats = 4 * (6 + 4) + 2 * 8  # biases in fp32, the target shape of Reshape in int64
    assert len(data) == facts["packed_bytes"] == len(MAGIC) + 4 + header + rounded + floats
    assert json.loads(data[len(MAGIC) + 4 : len(MAGIC) + 4 + header])[0]["bits"] == bits


def test_reading_the_file_gives_exactly_the_weights_of_the_graph(graph, tmp_path):
    simulate(graph[0], tmp_path, GridChoice(5))
    result = same_as_the_graph(tmp_path)
    assert np.array_equal(result["gemm_bias"], graph[1]["gemm_bias"])
    assert len(np.unique(result["kernel"][0])) <= 2**5 - 1


CHOICES = st.builds(
    GridChoice,
    bits=st.integers(2, 8),
    symmetric=st.booleans(),
    granularity=st.sampled_from(["tensor", "channel", "group"]),
    group_size=st.sampled_from([2, 7, 32]),
    calibration=st.sampled_from(["min-max", "percentile"]),
)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), choices=st.fixed_dictionaries({name: CHOICES for name in SHAPES}))
def test_groups_zero_points_and_mixed_bits_come_back_to_the_bit(tmp_path_factory, seed, choices):
    folder = tmp_path_factory.mktemp("packed")
    simulate(made(np.random.default_rng(seed))[0], folder, choices)
    same_as_the_graph(folder)


def test_the_rounded_graph_runs_and_comes_close_with_more_bits(graph, tmp_path):
    pixels = np.random.default_rng(2).normal(size=(3, 1, 6, 6)).astype(np.float32)
    onnx.save(graph[0], tmp_path / "float.onnx")
    exact = answers(tmp_path / "float.onnx", pixels)
    errors = []
    for bits in (2, 4, 8):
        simulate(onnx.load(tmp_path / "float.onnx"), tmp_path, GridChoice(bits))
        errors.append(float(np.abs(answers(tmp_path / "rounded.onnx", pixels) - exact).mean() / np.abs(exact).mean()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.03


def test_rounded_inputs_are_a_step_away_at_most(graph, tmp_path):
    model = graph[0]
    pixels = np.random.default_rng(3).uniform(-1, 1, (5, 1, 6, 6)).astype(np.float32)
    onnx.save(model, tmp_path / "float.onnx")
    names = [name for names in layer_inputs(model, linear=False).values() for name in names]
    assert sorted(names) == ["b", "c", "pixels"]
    seen = input_ranges(model, {"pixels": pixels}, names)
    assert seen["pixels"].range("min-max") == (pytest.approx(pixels.min()), pytest.approx(pixels.max()))
    assert round_inputs(model, {name: seen[name].range("min-max") for name in ("pixels", "b")}) == 2
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "both.onnx")
    float_answers, result = (answers(tmp_path / name, pixels) for name in ("float.onnx", "both.onnx"))
    assert 0 < np.abs(result - float_answers).max() < 0.05 * np.abs(float_answers).max()
    read = {node.op_type: node.input[0] for node in model.graph.node}
    assert (read["Conv"], read["Gemm"], read["MatMul"]) == ("pixels_rounded", "b_rounded", "c")


# --- files that nobody should trust ---------------------------------------------------------------------------------------


def written(folder, header, blobs: bytes = b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = folder / "weights.packed"
    path.write_bytes(MAGIC + struct.pack("<I", len(text)) + text + blobs)
    return path


FLOATS = {"name": "a", "shape": [2], "dtype": "float32"}


@pytest.mark.parametrize(
    ("header", "blobs", "words"),
    [
        (b"{", b"", "no JSON"),
        ({"name": "a"}, b"", "no list of tensors"),
        ([{"shape": [1]}], b"", "no name of its own"),
        ([FLOATS, FLOATS], bytes(16), "no name of its own"),
        ([FLOATS], bytes(7), "ends too early"),
        ([FLOATS], bytes(9), "1 bytes at its end"),
        ([{**FLOATS, "shape": [2**31, 2**31, 2**31]}], b"", "larger than the file"),
        ([{**FLOATS, "shape": [2**62, 4, 0]}], b"", "no list of sizes"),
        ([{**FLOATS, "shape": [-1]}], bytes(8), "no list of sizes"),
        ([{**FLOATS, "shape": [True]}], bytes(4), "no list of sizes"),
        ([{**FLOATS, "shape": "2"}], bytes(8), "no list of sizes"),
        ([{**FLOATS, "dtype": "object"}], bytes(16), "no type of numbers"),
        ([{**FLOATS, "dtype": "f4,f4"}], bytes(16), "no type of numbers"),
        ([{**FLOATS, "bits": 9, "axis": 0}], bytes(16), "'bits' of a tensor"),
        ([{**FLOATS, "bits": 4, "axis": 1}], bytes(16), "'axis' of a tensor"),
        ([{**FLOATS, "bits": 4, "axis": 0, "group": 0}], bytes(16), "'group' of a tensor"),
        ([{**FLOATS, "bits": 4, "axis": 0}], bytes(4), "ends too early"),
        (b"[" * 100_000, b"", "no JSON"),
    ],
)
def test_headers_that_lie_are_refused_in_words(tmp_path, header, blobs, words):
    with pytest.raises(StoreError, match=words) as refused:
        read_packed(written(tmp_path, header, blobs))
    assert "Run its recipe again" in str(refused.value)


def test_a_file_cut_anywhere_is_refused(graph, tmp_path):
    simulate(graph[0], tmp_path, GridChoice(3, symmetric=False, granularity="group", group_size=8))
    path = tmp_path / "weights.packed"
    data = path.read_bytes()
    for length in [0, 5, len(MAGIC), len(MAGIC) + 3, *range(len(MAGIC) + 4, len(data), 37)]:
        path.write_bytes(data[:length])
        with pytest.raises(StoreError):
            read_packed(path)
    path.write_bytes(b"PK\x03\x04" + data[4:])
    with pytest.raises(StoreError, match="does not begin"):
        read_packed(path)
