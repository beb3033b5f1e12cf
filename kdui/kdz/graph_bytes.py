"""Where the weights' bytes lie in an ONNX file, read off protobuf's wire format: no library, nothing parsed twice.

Field numbers are those of onnx.proto3 (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kdui.core.errors import ContainerCorrupt, KduiError
from kdui.kdz.byte_reader import Reader

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
# message -> field -> message that it holds
INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
DEEPEST = 64  # graphs within graphs
# TensorProto: fields of packed little-endian numbers -> bytes of one; raw_data has the element size of the data type.
RAW_DATA, PACKED_FIELDS = 9, {4: 4, 10: 8}
DIMS, DATA_TYPE, NAME, EXTERNAL, LOCATION = 1, 2, 8, 13, 14
# TensorProto.DataType -> its name, bytes of one element (types of four bits stand two in a byte)
DATA_TYPES = {
    1: ("float32", 4),
    2: ("uint8", 1),
    3: ("int8", 1),
    4: ("uint16", 2),
    5: ("int16", 2),
    6: ("int32", 4),
    7: ("int64", 8),
    9: ("bool", 1),
    10: ("float16", 2),
    11: ("float64", 8),
    12: ("uint32", 4),
    13: ("uint64", 8),
    14: ("complex64", 4),
    15: ("complex128", 8),
    16: ("bfloat16", 2),
    17: ("float8", 1),
    18: ("float8", 1),
    19: ("float8", 1),
    20: ("float8", 1),
    21: ("uint4", 1),
    22: ("int4", 1),
    23: ("float4", 1),
}


@dataclass(frozen=True)
class Weights:
    """The bytes of one tensor: where they lie in the model file, or in the ``file`` beside it."""

    name: str
    kind: str
    shape: tuple[int, ...]
    size: int
    offset: int
    length: int
    file: str = ""


@dataclass(frozen=True)
class Field:
    """One field of a message: its number, its wire type, its number's value or where its bytes begin and how many they are."""

    number: int
    wire: int
    value: int
    start: int
    length: int


def fields(data: bytes | memoryview, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of a protobuf message that lies in data[start:end]; raises ContainerCorrupt where it is none."""
    view = memoryview(data)[start:end]
    reader = Reader(view, "the ONNX file")
    while reader.left:
        tag = reader.varint()
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            at, value = reader.place, reader.varint()
            yield Field(number, wire, value, start + at, reader.place - at)
        elif wire in (LENGTH, FIXED64, FIXED32):
            length = reader.varint() if wire == LENGTH else (8 if wire == FIXED64 else 4)
            at = reader.place
            reader.take(length)
            yield Field(number, wire, 0, start + at, length)
        else:
            raise ContainerCorrupt(f"The ONNX file holds a field of an unknown kind ({wire}).")


def weights_of(data: bytes | memoryview) -> list[Weights]:
    """All tensors with bytes of their own, in initializers, attributes and inner graphs, in the order of the file.

    Raises KduiError in words where the file is no ONNX model.
    """
    try:
        found = list(_walk(memoryview(data), "model", 0, len(data), 0))
    except ContainerCorrupt as error:
        raise KduiError(f"This is not an ONNX file that can be read ({error}). Give a file that ONNX Runtime runs.") from None
    return found


def _walk(data: memoryview, message: str, start: int, end: int, depth: int) -> Iterator[Weights]:
    if depth > DEEPEST:
        raise ContainerCorrupt(f"The ONNX file holds graphs within graphs, more than {DEEPEST} deep.")
    if message == "tensor":
        yield from _tensor(data, start, end)
        return
    for field in fields(data, start, end):
        inner = INSIDE[message].get(field.number)
        if inner and field.wire == LENGTH:
            yield from _walk(data, inner, field.start, field.start + field.length, depth + (inner == "graph"))


def _tensor(data: memoryview, start: int, end: int) -> Iterator[Weights]:
    name, kind, shape, external = "", ("bytes", 1), [], {}
    parts: list[tuple[Field, int]] = []
    for field in fields(data, start, end):
        if field.number == DIMS:
            shape += [field.value] if field.wire == VARINT else list(_numbers(data[field.start : field.start + field.length]))
        elif field.number == DATA_TYPE:
            kind = DATA_TYPES.get(field.value, kind)
        elif field.number == NAME:
            name = _text(data, field)
        elif field.number == EXTERNAL:
            entry = {part.number: _text(data, part) for part in fields(data, field.start, field.start + field.length)}
            external[entry.get(1, "")] = entry.get(2, "")
        elif field.wire == LENGTH and field.number == RAW_DATA:
            parts.append((field, 0))
        elif field.wire == LENGTH and field.number in PACKED_FIELDS:
            parts.append((field, PACKED_FIELDS[field.number]))
    for field, size in parts:
        yield Weights(name, kind[0], tuple(shape), _fitting(size or kind[1], field.length), field.start, field.length)
    if external.get("location"):
        yield _outside(name, kind, tuple(shape), external)


def _outside(name: str, kind: tuple[str, int], shape: tuple[int, ...], external: dict[str, str]) -> Weights:
    """A tensor whose bytes lie in a file of their own; a length that is not given is told by the shape."""
    elements = 1
    for axis in shape:
        elements *= axis
    try:
        offset, length = int(external.get("offset") or 0), int(external.get("length") or elements * kind[1])
    except ValueError:
        raise ContainerCorrupt(f"The place of {name} in {external['location']} is no number.") from None
    return Weights(name, kind[0], shape, _fitting(kind[1], length), offset, length, external["location"])


def _fitting(size: int, length: int) -> int:
    return size if length % size == 0 else 1


def _numbers(data: memoryview) -> Iterator[int]:
    reader = Reader(data, "the ONNX file")
    while reader.left:
        yield reader.varint()


def _text(data: memoryview, field: Field) -> str:
    return bytes(data[field.start : field.start + field.length]).decode("utf-8", errors="replace")
