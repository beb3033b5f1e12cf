"""Containers of random graphs come back byte for byte; what is damaged, cut off or hostile is refused in words."""

import hashlib
import lzma
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import numpy_helper

from kdui.core.errors import ContainerCorrupt, KduiError
from kdui.kdz.byte_reader import varint
from kdui.kdz.container import FILTERS, HEAD, pack, tail_of, unpack, with_tail
from kdui.kdz.on_disk import pack_file, unpack_file
from kdui.kdz.scaled import scaled_rows, scales_between
from kdui.kdz.tensors import CODINGS, code_tensor, read_tensor
from tests.kdz.graphs import model_of, model_with_inner_graph

KINDS = ["float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"]


def packed_model(weights):
    model = model_of(weights)
    packed = pack({"model.onnx": model})
    assert unpack(packed.data) == {"model.onnx": model}
    return packed


def weights_with(distinct: int, zeros: float, count: int = 20_000) -> np.ndarray:
    generator = np.random.default_rng(1)
    chosen = (
        np.minimum(generator.geometric(0.3, count) - 1, distinct - 1)
        if distinct < 100
        else generator.integers(0, distinct, count)
    )
    values = generator.normal(size=distinct).astype(np.float32)[chosen]
    return np.where(generator.random(count) < zeros, np.float32(0), values)


# --- what comes out is what went in -------------------------------------------------------------------------------


@st.composite
def any_bits(draw) -> np.ndarray:
    """An array of any type and shape made of any bits: subnormal numbers, infinities and every NaN among them."""
    kind = np.dtype(draw(st.sampled_from(KINDS)))
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9))
    numbers = draw(arrays.arrays(f"u{kind.itemsize}", shape))
    return (numbers & 1).astype(bool) if kind.kind == "b" else numbers.view(kind)


@given(any_bits())
def test_any_array_of_any_type_and_shape_comes_back(array):
    packed = packed_model({"weight": array})
    tensor = onnx.load_from_string(unpack(packed.data)["model.onnx"]).graph.initializer[0]
    again = numpy_helper.to_array(tensor)
    assert (tensor.name, again.dtype, again.shape) == ("weight", array.dtype, array.shape)
    assert again.tobytes() == array.tobytes()


@given(st.sampled_from([1, 2, 4, 8]), st.lists(st.integers(0, 5), max_size=400), st.integers(0, 2**60))
def test_any_few_values_come_back(size, numbers, scale):
    data = (np.array(numbers, np.uint64) * np.uint64(scale)).astype(f"<u{size}").tobytes()
    coded = code_tensor(data, size)
    assert read_tensor(coded.coding, size, len(numbers), memoryview(coded.data)).tobytes() == data
    assert len(coded.data) <= len(data)


@pytest.mark.parametrize(
    ("array", "coding"),
    [
        (weights_with(16, 0.0), "codebook, Huffman"),
        (weights_with(16, 0.95), "runs of zeros, codebook, Huffman"),
        (weights_with(20_000, 0.9), "runs of zeros, Huffman"),
        (weights_with(20_000, 0.0), "byte planes, Huffman"),
        (np.random.default_rng(0).integers(0, 2**32, 5000, dtype=np.uint32), "raw"),
        (np.tile(np.random.default_rng(0).normal(size=16), 500), "codebook"),
        (np.zeros(5000, np.float32), "codebook"),
    ],
)
def test_each_kind_of_weights_has_its_coding(array, coding):
    packed = packed_model({"weight": array})
    assert packed.rows[0].coding == coding
    assert packed.rows[0].coded_bytes <= array.nbytes


def test_long_runs_are_cut_and_zeros_may_stand_at_the_end():
    array = np.zeros(100_000, np.float32)
    array[[3, 70_000]] = 1.5, -2.5
    row = packed_model({"weight": array}).rows[0]
    assert row.coding.startswith("runs of zeros") and row.coded_bytes < 120


def test_negative_zero_and_the_payloads_of_nans_are_kept():
    bits = np.array([0x00000000, 0x80000000, 0x7FC00001, 0x7FC00002, 0xFFC12345, 0x7F800001] * 50, np.uint32)
    packed = packed_model({"weight": bits.view(np.float32)})
    assert packed.rows[0].distinct == 6
    again = numpy_helper.to_array(onnx.load_from_string(unpack(packed.data)["model.onnx"]).graph.initializer[0])
    assert np.array_equal(again.view(np.uint32), bits)


def test_the_entropy_bound_is_below_what_is_kept_and_close_to_it():
    row = packed_model({"weight": weights_with(32, 0.0, 200_000)}).rows[0]
    assert row.entropy_bytes < row.coded_bytes < 1.01 * row.entropy_bytes + 200


def test_weights_in_inner_graphs_constants_and_typed_fields_are_coded():
    model = model_with_inner_graph(weights_with(4, 0.5, 600).reshape(20, 30))
    packed = pack({"model.onnx": model})
    assert unpack(packed.data)["model.onnx"] == model
    assert len(packed.rows) == 4 and len(packed.data) < len(model) / 5


def test_external_data_comes_back_beside_the_model(tmp_path):
    weight = weights_with(8, 0.8, 4000).reshape(40, 100)
    model = onnx.load_from_string(model_of({"a": weight, "b": np.arange(300, dtype=np.int64)}))
    onnx.save(model, tmp_path / "big.onnx", save_as_external_data=True, location="big.data", size_threshold=64)
    packed = pack_file(tmp_path / "big.onnx", tmp_path / "big.kdz")
    assert [row.name for row in packed.rows] == ["a", "b"] and len(packed.data) < weight.nbytes / 5
    (tmp_path / "out").mkdir()
    written = unpack_file(tmp_path / "big.kdz", tmp_path / "out" / "other.onnx")
    assert [path.name for path in written] == ["other.onnx", "big.data"]
    assert (tmp_path / "out" / "big.data").read_bytes() == (tmp_path / "big.data").read_bytes()
    assert np.array_equal(numpy_helper.to_array(onnx.load(tmp_path / "out" / "other.onnx").graph.initializer[0]), weight)
    (tmp_path / "out" / "big.data").write_bytes(b"somebody else's")
    with pytest.raises(KduiError, match="in the way"):
        unpack_file(tmp_path / "big.kdz", tmp_path / "out" / "other.onnx")


def test_data_outside_the_folder_or_missing_is_refused(tmp_path):
    model = onnx.load_from_string(model_of({"a": np.arange(300, dtype=np.int64)}))
    onnx.save(model, tmp_path / "big.onnx", save_as_external_data=True, location="big.data", size_threshold=64)
    whole = (tmp_path / "big.onnx").read_bytes()
    (tmp_path / "big.onnx").write_bytes(whole.replace(b"big.data", b"../b.bin"))
    with pytest.raises(KduiError, match="outside its folder"):
        pack_file(tmp_path / "big.onnx", tmp_path / "big.kdz")
    (tmp_path / "big.onnx").write_bytes(whole)
    (tmp_path / "big.data").write_bytes(b"short")
    with pytest.raises(KduiError, match="too short"):
        pack_file(tmp_path / "big.onnx", tmp_path / "big.kdz")
    (tmp_path / "big.onnx").write_bytes(b"this is a text, not a model")
    with pytest.raises(KduiError, match="not an ONNX file"):
        pack_file(tmp_path / "big.onnx", tmp_path / "big.kdz")


def test_a_tail_is_put_behind_the_model_and_can_be_changed():
    model = model_of({"weight": weights_with(8, 0.5)})
    packed = pack({"model.onnx": model})
    other = with_tail(packed.data, b"what it claims")
    assert tail_of(packed.data) == (b"", len(packed.data)) and tail_of(other) == (b"what it claims", len(packed.data))
    assert unpack(other)["model.onnx"] == model + b"what it claims"
    assert with_tail(other, b"") == packed.data


@settings(max_examples=30)
@given(arrays.arrays(np.float32, 12, elements=st.floats(-8, 8, width=32, allow_subnormal=False)), st.integers(0, 3))
def test_rows_that_were_scaled_come_back_bit_for_bit(scales, zero_rows):
    base = weights_with(8, 0.7, 12 * 90).reshape(12, 10, 9)
    base[:zero_rows] = 0
    weight = scaled_rows(base, scales)
    model = model_of({"weight": weight})
    packed = pack({"model.onnx": model}, bases={"weight": base})
    assert unpack(packed.data)["model.onnx"] == model
    if (scales[zero_rows:] != 0).all() and len(np.unique(np.abs(scales[zero_rows:]))) > 6 and np.abs(scales).min() > 1e-30:
        assert packed.rows[0].coding.startswith("scaled rows") and packed.rows[0].distinct <= 9


def test_scaled_rows_stay_clear_of_numbers_that_some_processes_flush_to_zero():
    base = np.full((4, 64), 1.0, np.float32)
    for strange in (0x00000001, 0x807FFFFF, 0x7F800000, 0x7FC00001):
        weights = (base * np.float32(3)).view(np.uint32)
        weights[2, 5] = strange
        assert scales_between(base, weights.view(np.float32)) is None
    assert scales_between(base, base * np.float32(3)).tolist() == [3.0] * 4


def test_a_base_of_other_weights_is_left_alone():
    weight, other = (np.random.default_rng(seed).normal(size=(8, 40)).astype(np.float32) for seed in (0, 1))
    for base in (other, other[:4], weight.astype(np.float64)):
        packed = pack({"model.onnx": model_of({"weight": weight})}, bases={"weight": base})
        assert packed.rows[0].coding.startswith("byte planes")


# --- what is hostile ----------------------------------------------------------------------------------------------


def sealed(body: bytes) -> bytes:
    """A body with a head that is right: what a hostile writer would do."""
    head = b"\x89KDZ\r\n\x1a\n" + (1).to_bytes(2, "little") + bytes(2) + (HEAD + len(body)).to_bytes(8, "little")
    return head + hashlib.sha256(body).digest() + body


def written(first: bytes, blobs: bytes = b"", announced: int | None = None) -> bytes:
    """A container whose first part is this; ``announced``: how long it says that the first part is."""
    inner = lzma.compress(first, format=lzma.FORMAT_RAW, filters=FILTERS)
    return sealed(varint(len(inner)) + varint(len(first) if announced is None else announced) + inner + blobs)


def directory(length: int, holes: list[tuple[int, int, int, int, int]], name: bytes = b"m.onnx", rest: bytes = b"") -> bytes:
    """One file; each hole is gap, size, count, coded bytes, coding."""
    head = b"\x01" + varint(len(name)) + name + varint(length) + bytes(32) + varint(len(holes))
    return head + b"".join(b"".join(map(varint, hole[:4])) + bytes([hole[4]]) for hole in holes) + rest


SOUND = pack({"model.onnx": model_of({"a": weights_with(16, 0.9, 3000), "b": weights_with(3000, 0.0, 3000)})}).data


@given(st.integers(0, len(SOUND) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place, change):
    damaged = bytearray(SOUND)
    damaged[place] ^= change
    with pytest.raises(ContainerCorrupt):
        unpack(bytes(damaged))


@given(st.integers(0, len(SOUND) - 1))
def test_a_file_that_is_cut_off_is_noticed(length):
    with pytest.raises(ContainerCorrupt):
        unpack(SOUND[:length])


@settings(max_examples=300)
@given(st.integers(HEAD, len(SOUND) - 1), st.binary(min_size=1, max_size=4))
def test_a_change_under_a_right_checksum_is_noticed_or_changes_nothing(place, change):
    body = bytearray(SOUND[HEAD:])
    body[place - HEAD : place - HEAD + len(change)] = change
    try:
        unpacked = unpack(sealed(bytes(body)))
    except ContainerCorrupt:
        return
    assert unpacked == unpack(SOUND)  # the last bits of an LZMA stream do not matter


@settings(max_examples=200)
@given(st.binary(max_size=300), st.sampled_from([0, 1, 2, 3, 4]), st.sampled_from([1, 2, 4, 8]), st.integers(0, 2**20))
def test_any_bytes_as_a_tensor_are_read_or_refused(data, coding, size, count):
    try:
        decoded = read_tensor(coding, size, count, memoryview(data))
    except ContainerCorrupt:
        return
    assert (decoded.size, decoded.itemsize) == (count, size)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a .kdz file"),
        (b"\x08\x07 an onnx file perhaps", "not a .kdz file"),
        (SOUND[:20], "cut off"),
        (SOUND.replace(b"\r\n", b"\n", 1), "not a .kdz file"),
        (SOUND[:8] + b"\x02\x00" + SOUND[10:], "version 2"),
        (SOUND[:10] + b"\x01\x00" + SOUND[12:], "flags 1"),
        (SOUND + b"more", "should have"),
        (SOUND[:-9], "should have"),
        (sealed(b""), "ends too early"),
        (sealed(varint(5) + varint(10) + b"trash"), "cannot be decompressed|does not decompress"),
        (sealed(varint(2**63) + varint(10)), "ends too early"),
        (written(bytes(1 << 20), announced=100), "does not decompress to the 100 bytes"),
        (written(bytes(100), announced=1 << 62), "says that it unpacks to"),
        (written(varint(0)), "holds 0 files"),
        (written(varint(2**40)), "1 to 64 are possible"),
        (written(directory(10, [], name=b"../m.onnx")), "no plain name"),
        (written(directory(10, [], name=b"..")), "no plain name"),
        (written(directory(10, [])), "ends too early"),
        (written(directory(1 << 50, [(0, 4, 1 << 48, 0, 0)])), "says that it unpacks to"),
        (written(directory(1 << 50, [])), "says that it unpacks to"),
        (written(directory(10, [(0, 8, 1 << 60, 3, 0)])), "larger than the file itself"),
        (written(directory(10, [(11, 1, 0, 0, 0)])), "larger than the file itself"),
        (written(directory(12, [(0, 3, 4, 12, 0)]), bytes(12)), "elements of 3 bytes"),
        (written(directory(16, [(0, 4, 4, 15, 0)]), bytes(15)), "kept raw in 15"),
        (written(directory(16, [(0, 4, 4, 16, 0)]), bytes(15)), "15 are there"),
        (written(directory(16, [(0, 4, 4, 16, 0)]), bytes(16)), "does not match its checksum"),
        (written(directory(16, [(0, 4, 4, 9, 7)]), bytes(9)), "does not know"),
        (written(directory(0, [], rest=b"unexplained")), "nothing explains"),
        (written(directory(0, [])[:-1] + varint(1 << 40)), "announces"),
        (written(directory(8, [(0, 4, 2, 5, 2)]), varint(1 << 30)), "at most 65,536"),
        (written(directory(8, [(0, 4, 2, 5, 2)]), b"\xff\xff\xff\xff\x00"), "at most 65,536"),
        (written(directory(8, [(0, 4, 2, 8, 2)]), b"\x01" + bytes(4) + b"\x02\x01\x00"), "entry 1 of a table of 1"),
        (written(directory(8, [(0, 4, 2, 6, 3)]), b"\x03\x04" + bytes(4)), "3 values are announced for a tensor of 2"),
        (written(directory(8, [(0, 4, 2, 5, 3)]), b"\x01\x20" + bytes(3)), "32 bits"),
        (
            written(directory(8, [(0, 4, 2, 13, 3)]), b"\x01\x04\x02\x02\x00\x01" + bytes(4) + b"\x02\x00\x00"),
            "lead to element 2",
        ),
        (written(directory(8, [(0, 4, 2, 6, 3)]), b"\x01\x04\x02\x00\x00\x00"), "the codebook is empty"),
        (written(directory(8, [(0, 4, 2, 1, 5)]), b"\x00"), "cannot be 0 rows"),
        (written(directory(8, [(0, 4, 2, 1, 5)]), b"\x03"), "cannot be 3 rows"),
        (written(directory(8, [(0, 8, 1, 1, 5)]), b"\x01"), "of 8 bytes"),
        (written(directory(8, [(0, 4, 2, 6, 5)]), b"\x01" + bytes(4) + b"\x05"), "does not know"),
        (written(directory(8, [(0, 4, 2, 9, 2)]), b"\x01" + bytes(4) + b"\x02\x00\x00\x00"), "nothing explains"),
    ],
)
def test_hostile_containers_are_refused_in_words(data, words):
    with pytest.raises(ContainerCorrupt, match=words):
        unpack(data)


FREE = 32 << 20
CONSTANT_RUNS = varint(FREE) + bytes([4, 2, 0, 0]) + varint(1) + bytes([7, 2, 0, 0])  # every element once, by runs of nothing
BOMBS = {
    "zeros in the directory": written(bytes(16 << 20), announced=100),
    "Huffman codes that are not there": written(directory(FREE, [(0, 1, FREE, 5, 1)]), bytes([1, 1, 2, 0, 0])),
    "an empty codebook": written(directory(FREE, [(0, 1, FREE, 2, 0)]), bytes(2)),
    "constant runs": written(directory(FREE, [(0, 1, FREE, len(CONSTANT_RUNS), 3)]), CONSTANT_RUNS),
    "constant planes": written(directory(FREE, [(0, 8, FREE >> 3, 24, 1)]), bytes([2, 0, 0]) * 8),
    "a constant codebook": written(directory(FREE, [(0, 1, FREE, 5, 2)]), bytes([1, 7, 2, 0, 0])),
    "a constant base of scaled rows": written(
        directory(FREE, [(0, 4, FREE >> 2, 18, 5)]), bytes([1]) + bytes(4) + bytes([1]) + bytes([2, 0, 0]) * 4
    ),
    "four times the limit": written(directory(FREE << 2, [(0, 1, FREE << 2, len(CONSTANT_RUNS), 3)]), CONSTANT_RUNS),
    "tensors of nothing": written(b"\x01\x01m" + varint(1) + bytes(32) + varint(6 << 20) + bytes([0, 1, 0, 0, 0]) * (6 << 20)),
    "a name without end": written(b"\x01" + varint(16 << 20) + b"n" * (16 << 20)),
    "a tail": sealed(SOUND[HEAD:] + varint(40) + varint(1 << 40) + bytes(40)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_container_takes_little_memory_and_is_refused(name):
    """Of 100 bytes that stand for 32 MB no more is made than these and what a checksum needs."""
    assert len(BOMBS[name]) < 40_000
    tracemalloc.start()
    try:
        with pytest.raises(ContainerCorrupt):
            unpack(BOMBS[name])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < FREE + (64 << 20)


def test_a_person_may_set_a_limit_of_their_own(tmp_path):
    model = model_of({"weight": np.concatenate([np.zeros(FREE + 1, np.uint8), np.arange(256, dtype=np.uint8).repeat(64)])})
    with pytest.raises(KduiError, match="nearly all zero"):
        pack({"model.onnx": model})
    data = weights_with(16, 0.9, 3000)
    whole = pack({"model.onnx": model_of({"a": data})}).data
    (tmp_path / "small.kdz").write_bytes(whole)
    with pytest.raises(ContainerCorrupt, match=r"1,000 are allowed .* --most-mb"):
        unpack_file(tmp_path / "small.kdz", tmp_path / "out.onnx", 1000)
    assert unpack_file(tmp_path / "small.kdz", tmp_path / "out.onnx", 10**6)[0].read_bytes() == model_of({"a": data})


def test_a_file_that_never_ends_is_not_read(tmp_path):
    with pytest.raises(KduiError, match="no file /dev/zero"):
        unpack_file(Path("/dev/zero"), tmp_path / "out.onnx")
    with (tmp_path / "sparse.kdz").open("wb") as file:
        file.truncate(300 << 30)
    with pytest.raises(KduiError, match="files up to"):
        unpack_file(tmp_path / "sparse.kdz", tmp_path / "out.onnx")


def test_a_caller_may_allow_less():
    with pytest.raises(ContainerCorrupt, match="1,000 are allowed"):
        unpack(SOUND, most_bytes=1000)


def test_what_would_look_like_a_bomb_is_not_written(monkeypatch):
    monkeypatch.setattr("kdui.kdz.container.FREE_BYTES", 1 << 20)
    with pytest.raises(KduiError, match="nearly all zero"):
        pack({"model.onnx": model_of({"weight": np.zeros(8 << 20, np.uint8)})})


def test_codings_have_names():
    assert len(set(CODINGS)) == 5
