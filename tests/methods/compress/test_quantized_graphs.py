"""Graphs that run in low precision: blocks against the same weights in float, half precision, weights beside large graphs."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType

from kdui.core.errors import StageFailed
from kdui.methods.compress.quantize.activations import input_moments, layer_inputs
from kdui.methods.compress.quantize.grids import GridChoice
from kdui.methods.compress.quantize.half import to_half
from kdui.methods.compress.quantize.int8 import write_dynamic, write_static
from kdui.methods.compress.quantize.scaled_inputs import divide_inputs, divisible
from kdui.methods.compress.quantize.simulated import Awq, Gptq, Rounded, round_weights
from kdui.methods.compress.quantize.weight_only import pack_bytes, storable, write_blocks
from kdui.methods.compress.sensitivity.weights import weights_of
from kdui.runtime.graph_files import data_file, external_files, graph_bytes, load_graph, save_graph

WORDS = 11


def reader(width: int, outputs: int, seed: int = 0) -> onnx.ModelProto:
    """Embeddings, a product over tokens, the largest of each, and a head with a bias; masked tokens count as others here."""
    random = np.random.default_rng(seed)
    values = {
        "table": random.normal(size=(WORDS, width)),
        "matrix": random.normal(size=(width, outputs)),
        "head": random.normal(size=(5, outputs)),
        "bias": random.normal(size=5),
    }
    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in values.items()]
    constants.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["embedded"], name="look"),
        helper.make_node("MatMul", ["embedded", "matrix"], ["inner"], name="product"),
        helper.make_node("ReduceMax", ["inner", "axis"], ["pooled"], keepdims=0, name="pool"),
        helper.make_node("Gemm", ["pooled", "head", "bias"], ["outputs"], transB=1, name="head"),
    ]
    built = helper.make_graph(
        nodes,
        "reader",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "length"])],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", 5])],
        constants,
    )
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


IDS = np.random.default_rng(4).integers(0, WORDS, (6, 7))


def answers(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input_ids": IDS})[0]


def in_float(model: onnx.ModelProto, rounded: list[Rounded]) -> onnx.ModelProto:
    """The same graph with the rounded weights as float initializers."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    values = {each.weight.name: each.values for each in rounded}
    for tensor in result.graph.initializer:
        if tensor.name in values:
            tensor.CopyFrom(numpy_helper.from_array(values[tensor.name], tensor.name))
    return result


@pytest.mark.parametrize("width", [64, 48, 20])
@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_blocks_answer_as_the_same_weights_in_float(width, bits, symmetric):
    model = reader(width, 24)
    rounded = round_weights(
        storable(model, weights_of(model)), dict.fromkeys(("table", "matrix", "head"), GridChoice(bits, symmetric, "group", 16))
    )
    expected = answers(in_float(model, rounded))
    fast = onnx.ModelProto()
    fast.CopyFrom(model)
    assert write_blocks(model, rounded, accuracy_level=0) == 3
    assert np.abs(answers(model) - expected).max() <= 1e-5 * np.abs(expected).max()
    write_blocks(fast, rounded)
    # Inputs are rounded to int8 for each block: 1 part in 254 of the largest of a block, summed over two layers.
    assert np.abs(answers(fast) - expected).max() <= 0.03 * np.abs(expected).max()
    assert [node.op_type for node in model.graph.node] == [
        "GatherBlockQuantized",
        "MatMulNBits",
        "ReduceMax",
        "MatMulNBits",
        "Add",
    ]
    kept = {tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) > 1}
    assert kept == {"table_table_scales"}  # scales of products are flat; no float weight is left


def test_blocks_of_four_bits_are_six_times_smaller():
    model = reader(512, 512)
    before = model.ByteSize()
    rounded = round_weights(
        storable(model, weights_of(model)), dict.fromkeys(("table", "matrix", "head"), GridChoice(4, granularity="group"))
    )
    write_blocks(model, rounded)
    assert before > 6 * model.ByteSize()


@pytest.mark.parametrize("width", [64, 48])  # rows of whole groups stand in the file once, others for each reader
@pytest.mark.parametrize("symmetric", [True, False])
def test_a_table_that_is_also_the_head_is_stored_in_blocks(width, symmetric):
    model = reader(width, width)
    del model.graph.node[3]
    model.graph.node.append(helper.make_node("Transpose", ["table"], ["turned"], perm=[1, 0]))
    model.graph.node.append(helper.make_node("MatMul", ["pooled", "turned"], ["outputs"]))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = WORDS
    weights = storable(model, weights_of(model))
    assert [weight.name for weight in weights] == ["table", "matrix"]
    rounded = round_weights(weights, dict.fromkeys(("table", "matrix"), GridChoice(4, symmetric, "group", 32)))
    expected = answers(in_float(model, rounded))
    assert write_blocks(model, rounded, accuracy_level=0) == 3
    assert np.abs(answers(model) - expected).max() <= 1e-5 * np.abs(expected).max()
    codes = [tensor for tensor in model.graph.initializer if tensor.name.startswith("table") and "codes" in tensor.name]
    assert sum(tensor.data_type == TensorProto.UINT8 for tensor in codes) == (1 if width == 64 else 2)


def test_what_is_read_in_another_way_stays_in_float():
    model = reader(18, 6)  # rows of 18 codes end within a byte at 2 bits
    model.graph.node.append(helper.make_node("Add", ["head", "head"], ["twice"], name="other"))
    assert [weight.name for weight in storable(model, weights_of(model))] == ["matrix"]


def test_packed_bytes_by_hand():
    assert pack_bytes(np.array([[1, 2, 3]]), 4).tolist() == [[0x21, 0x03]]
    assert pack_bytes(np.array([[1, 2, 3, 0, 1]]), 2).tolist() == [[0b00111001, 0b01]]
    assert pack_bytes(np.array([[7, 255]]), 8).tolist() == [[7, 255]]


def test_moments_leave_padding_out_and_gptq_uses_them():
    model = reader(16, 12)
    mask = np.ones_like(IDS)
    mask[:, 5:] = 0
    arrays = {"input_ids": IDS, "attention_mask": mask}
    model.graph.input.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["n", "length"]))
    inputs = layer_inputs(model)
    assert inputs == {"matrix": ["embedded"], "head": ["pooled"]}
    moments = input_moments(model, arrays, ["embedded", "pooled"])
    table = next(weight.values for weight in weights_of(model) if weight.name == "table")
    seen = table[IDS[:, :5]].reshape(-1, 16)
    np.testing.assert_allclose(moments["embedded"], seen.T @ seen, rtol=1e-4, atol=1e-4)
    by_input = {name: moments[each[0]] for name, each in inputs.items()}
    rounded = round_weights(weights_of(model), dict.fromkeys(("table", "matrix", "head"), GridChoice(3)), Gptq(by_input))
    assert {each.weight.name: each.rounding for each in rounded} == {"table": "nearest", "matrix": "gptq", "head": "gptq"}


@pytest.mark.parametrize("bits", [3, 4])
def test_scaled_weights_answer_by_divided_inputs_in_float_and_in_blocks(bits):
    model = reader(64, 24)
    inputs = layer_inputs(model)
    assert divisible(model, {"table", "matrix", "head"}) == {"matrix", "head"}  # a table is looked up
    sizes = np.exp(np.random.default_rng(0).normal(size=64)).astype(np.float32)
    moments = input_moments(model, {"input_ids": IDS}, ["embedded", "pooled"])
    moments["embedded"] *= np.outer(sizes, sizes)
    choices = dict.fromkeys(("matrix", "head"), GridChoice(bits, granularity="group", group_size=16))
    rounded = round_weights(weights_of(model), choices, Awq({name: moments[each[0]] for name, each in inputs.items()}))
    assert {each.weight.name: each.rounding for each in rounded} == {"matrix": "awq", "head": "awq"}
    assert np.ptp(rounded[0].divisors) > 0.5  # the inputs differ in size, so they are scaled
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    for tensor in plain.graph.initializer:
        for each in rounded:
            if tensor.name == each.weight.name:  # the same weights, unscaled again
                values = each.weight.restored(each.grid.values(each.codes) / each.divisors)
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    expected = answers(plain)
    divide_inputs(model, {each.weight.name: each.divisors for each in rounded})
    assert np.abs(answers(in_float(model, rounded)) - expected).max() <= 1e-5 * np.abs(expected).max()
    if bits == 4:
        assert write_blocks(model, rounded, accuracy_level=0) == 2
        assert np.abs(answers(model) - expected).max() <= 1e-5 * np.abs(expected).max()


def test_half_precision_is_near_the_identity_and_half_the_size():
    model = reader(64, 64)
    exact, size = answers(model), model.ByteSize()
    halved = to_half(model)
    result = answers(halved)
    assert result.dtype == np.float32
    assert 0 < np.abs(result - exact).max() < 4e-3 * np.abs(exact).max()
    assert halved.ByteSize() < 0.6 * size


def test_a_mask_of_the_lowest_number_still_hides_in_half_precision():
    constants = [numpy_helper.from_array(np.array(np.finfo(np.float32).min, np.float32), "lowest")]
    constants.append(numpy_helper.from_array(np.array(0, np.float32), "nothing"))
    nodes = [
        helper.make_node("Where", ["seen", "nothing", "lowest"], ["mask"], name="where"),
        helper.make_node("Add", ["scores", "mask"], ["masked"], name="add"),
        helper.make_node("Softmax", ["masked"], ["outputs"], name="softmax"),
    ]
    given = [helper.make_tensor_value_info("seen", TensorProto.BOOL, ["n", 3])]
    given.append(helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3]))
    built = helper.make_graph(
        nodes, "mask", given, [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, ["n", 3])], constants
    )
    model = to_half(helper.make_model(built, opset_imports=[helper.make_opsetid("", 20)], ir_version=10))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    seen, scores = np.array([[True, True, False]]), np.array([[2.0, 2.0, -9.0]], np.float32)
    assert session.run(None, {"seen": seen, "scores": scores})[0].tolist() == [[0.5, 0.5, 0.0]]


def test_values_beyond_half_precision_are_refused():
    model = reader(8, 8)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((WORDS, 8), 1e6, np.float32), "table"))
    with pytest.raises(StageFailed, match="largest of fp16"):
        to_half(model)


# --- weights beside the graph -------------------------------------------------------------------------------------------


@pytest.fixture
def small_limit(monkeypatch):
    """Graphs of 10 kB count as large."""
    monkeypatch.setattr("kdui.runtime.graph_files.LARGEST", 10_000)


def test_large_graphs_keep_their_weights_beside_them(tmp_path, small_limit, monkeypatch):
    model = reader(64, 64)
    exact, path = answers(model), tmp_path / "model.onnx"
    for _ in range(2):  # writing again must not append
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        save_graph(copy, path)
    assert {each.name for each in tmp_path.iterdir()} == {"model.onnx", "model.onnx.data"}
    assert path.stat().st_size < 5000 < data_file(path).stat().st_size
    assert graph_bytes(path) == path.stat().st_size + data_file(path).stat().st_size
    assert np.array_equal(answers(load_graph(path)), exact)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert np.array_equal(session.run(None, {"input_ids": IDS})[0], exact)
    monkeypatch.undo()
    save_graph(load_graph(path), path)
    assert {each.name for each in tmp_path.iterdir()} == {"model.onnx"}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("location", "../secret", "outside the model's folder"),
        ("location", "/etc/hostname", "outside the model's folder"),
        ("location", "gone.data", "are missing"),
        ("length", "99999999999", "are missing"),
        ("offset", "-4", "cannot be found"),
    ],
)
def test_graphs_that_point_elsewhere_are_refused(tmp_path, small_limit, key, value, words):
    folder = tmp_path / "artifact"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(100_000))
    save_graph(reader(64, 64), folder / "model.onnx")
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    entry = next(each for tensor in model.graph.initializer for each in tensor.external_data if each.key == key)
    entry.value = value
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(StageFailed, match=words):
        load_graph(folder / "model.onnx")


def test_a_link_out_of_the_folder_and_a_broken_file_are_refused(tmp_path, small_limit):
    path = tmp_path / "artifact" / "model.onnx"
    path.parent.mkdir()
    save_graph(reader(64, 64), path)
    data_file(path).rename(tmp_path / "elsewhere")
    data_file(path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StageFailed, match="outside the model's folder"):
        external_files(onnx.load(path, load_external_data=False), path.parent)
    path.write_bytes(b"no graph at all")
    with pytest.raises(StageFailed, match="cannot be read as an ONNX graph"):
        load_graph(path)


@pytest.mark.parametrize("scheme", ["dynamic", "static"])
def test_gelu_of_an_int8_graph_is_its_tanh_form_and_within_half_a_thousandth(tmp_path, scheme):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 64]) for name in ("x", "out")]
    built = helper.make_graph([helper.make_node("Gelu", ["x"], ["out"], name="gelu")], "curve", ends[:1], ends[1:])
    onnx.save(helper.make_model(built, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "fp32.onnx")
    sample = {"x": np.linspace(-8, 8, 64 * 200, dtype=np.float32).reshape(200, 64)}
    if scheme == "dynamic":
        write_dynamic(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", False)
    else:
        write_static(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", sample, QuantType.QUInt8, False)
    (curve,) = [node for node in load_graph(tmp_path / "int8.onnx").graph.node if node.op_type == "Gelu"]
    assert helper.get_node_attr_value(curve, "approximate") == b"tanh"
    exact, result = [
        onnxruntime.InferenceSession(tmp_path / f"{name}.onnx", providers=["CPUExecutionProvider"]).run(None, sample)[0]
        for name in ("fp32", "int8")
    ]
    assert 1e-4 < np.abs(result - exact).max() < 5e-4
