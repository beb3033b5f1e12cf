"""The .kdz container: an ONNX file and its data files, each weight coded without loss, the rest of the bytes compressed.

``FORMAT.md`` beside this file says what stands where. What comes out is, byte for byte, what went in.
"""

import hashlib
import lzma
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kdui.core.errors import ContainerCorrupt, KduiError
from kdui.kdz.byte_reader import Reader, varint
from kdui.kdz.graph_bytes import Weights, weights_of
from kdui.kdz.scaled import SCALED, code_scaled, fill_scaled
from kdui.kdz.tensors import SIZES, Coded, code_tensor, fill_tensor

MAGIC = b"\x89KDZ\r\n\x1a\n"  # as PNG's: a transfer that changes line ends is noticed
VERSION = 1
HEAD = 52  # magic 8, version 2, flags 2, length 8, sha256 32
DICTIONARY = 1 << 23
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": DICTIONARY}]
SMALLEST_HOLE = 33  # bytes: fewer stay in the graph, where naming them costs nothing
MODEL = "model.onnx"
MOST_FILES, MOST_TENSORS, LONGEST_NAME = 64, 100_000, 1020
MOST_BYTES = 8 << 30  # of all files together, unless the caller sets a limit of its own
FREE_BYTES, MOST_RATIO = 32 << 20, 1000  # above this many bytes a container may hold at most this many times its own size
PLAIN_NAME = re.compile(r"[^/\\\x00-\x1f:]{1,255}")


@dataclass(frozen=True)
class TensorRow:
    """One coded tensor for a report; sizes in bytes."""

    name: str
    kind: str
    shape: tuple[int, ...]
    coding: str
    distinct: int
    raw_bytes: int
    coded_bytes: int
    entropy_bytes: float


@dataclass(frozen=True)
class Packed:
    """A container and what is known about it. ``graph_bytes``: what all that is no weight takes."""

    data: bytes
    rows: tuple[TensorRow, ...]
    graph_bytes: int

    @property
    def entropy_bytes(self) -> float:
        """Bound of all codes that know of a tensor only how often each value occurs; codebooks and graph come on top."""
        return sum(row.entropy_bytes for row in self.rows)


@dataclass(frozen=True)
class Hole:
    """Where a tensor's bytes were taken out: after this many bytes of what stays, counted from the hole before."""

    gap: int
    size: int
    count: int
    coding: int
    coded: int


@dataclass(frozen=True)
class Entry:
    """One file: its name, its bytes, their sha256, how many of them stay as they are, and the holes between those."""

    name: str
    length: int
    sha256: bytes
    kept: int
    holes: tuple[Hole, ...]


def pack(files: Mapping[str, bytes], tail: bytes = b"", bases: Mapping[str, np.ndarray] | None = None) -> Packed:
    """A container of an ONNX model, named first, and of the data files that it names.

    ``tail`` is put behind the model when it is unpacked. ``bases``: what weights may be scaled rows of, by name. Raises KduiError
    for a file that is no ONNX model or names data that is not there.
    """
    model, *_ = files
    weights = weights_of(files[model])
    _check_files(files, weights)
    entries, kept, blobs, rows = [], [], [], []
    for name, data in files.items():
        own = sorted((one for one in weights if (one.file or model) == name), key=lambda one: (one.offset, -one.length))
        holes, place, stays = [], 0, bytearray()
        for one in own:
            if one.length < SMALLEST_HOLE or one.offset < place:  # tensors may share bytes: they are coded once
                continue
            coded = _coded(memoryview(data)[one.offset : one.offset + one.length], one, (bases or {}).get(one.name))
            holes.append(Hole(one.offset - place, one.size, one.length // one.size, coded.coding, len(coded.data)))
            stays += data[place : one.offset]
            place = one.offset + one.length
            blobs.append(coded.data)
            rows.append(_row(one, coded))
        stays += data[place:]
        entries.append(Entry(name, len(data), hashlib.sha256(data).digest(), len(stays), tuple(holes)))
        kept.append(bytes(stays))
    first = _compressed(_directory(entries) + b"".join(kept))
    data, total = _sealed(first + b"".join(blobs) + _packed_tail(tail)), sum(map(len, files.values()))
    if total + len(tail) > _allowed(len(data)):
        raise KduiError(f"These {total:,} bytes are nearly all zero: packed they would look like a trap. Keep the plain file.")
    return Packed(data, tuple(rows), len(first))


def unpack(data: bytes, most_bytes: int | None = None) -> dict[str, bytes]:
    """The files of a container, the model first; raises ContainerCorrupt in words for whatever is not as ``pack`` writes it.

    ``most_bytes``: what they may take together; without it, what a container of its size is believed. All sizes are checked
    before anything is reserved, and weights are decoded in place: memory stays at about twice the announced bytes.
    """
    parts = _parsed(data, most_bytes)
    found = {}
    for number, entry in enumerate(parts.entries):
        whole = bytearray(entry.length)
        place = 0
        for hole in entry.holes:
            whole[place : place + hole.gap] = parts.kept.take(hole.gap)
            place += hole.gap
            blob = parts.blobs.take(hole.coded)
            values = np.frombuffer(whole, f"<u{hole.size}", hole.count, place)
            fill_scaled(values, blob) if hole.coding == SCALED else fill_tensor(values, hole.coding, blob)
            place += values.nbytes
            del values  # a view of ``whole``, which may have to grow
        whole[place:] = parts.kept.take(entry.length - place)
        if hashlib.sha256(whole).digest() != entry.sha256:
            raise ContainerCorrupt(f"{entry.name} does not match its checksum once it is unpacked. Fetch the file again.")
        if number == 0:
            whole += parts.tail
        found[entry.name] = bytes(whole)
    return found


def with_tail(data: bytes, tail: bytes) -> bytes:
    """The same container with other bytes to put behind the model; nothing else in it changes."""
    parts = _parsed(data, None)
    return _sealed(data[HEAD : parts.size] + _packed_tail(tail))


def tail_of(data: bytes) -> tuple[bytes, int]:
    """The bytes that are put behind the model, and how large the container is without them; weights are not decoded."""
    parts = _parsed(data, None)
    return parts.tail, parts.size


def is_container(data: bytes) -> bool:
    """Whether a file begins as a container does."""
    return data[: len(MAGIC)] == MAGIC


def _check_files(files: Mapping[str, bytes], weights: list[Weights]) -> None:
    for one in weights:
        if one.file and one.file not in files:
            raise KduiError(f"The model keeps '{one.name}' in '{one.file}', which is not there. Put that file beside the model.")
        if one.file and not 0 <= one.offset <= one.offset + one.length <= len(files[one.file]):
            raise KduiError(f"'{one.file}' is too short for '{one.name}'. Take the file that belongs to this model.")
    for name in files:
        if not PLAIN_NAME.fullmatch(name) or name in (".", ".."):
            raise KduiError(f"'{name}' is not the plain name of a file. Data must lie in the folder of its model.")


def _coded(data: memoryview, one: Weights, base: np.ndarray | None) -> Coded:
    """The smaller of the tensor as it is and as scaled rows of its base, if it has one."""
    plain = code_tensor(data, one.size)
    if base is None or base.shape != one.shape or one.kind != "float32":
        return plain
    scaled = code_scaled(data, base)
    return scaled if scaled and len(scaled.data) < len(plain.data) else plain


def _row(one: Weights, coded: Coded) -> TensorRow:
    size = len(coded.data)
    return TensorRow(one.name, one.kind, one.shape, coded.title, coded.distinct, one.length, size, coded.entropy_bytes)


# --- bytes --------------------------------------------------------------------------------------------------------


def _sealed(body: bytes) -> bytes:
    """Magic, version, flags, whole length, and the sha256 of all that follows."""
    length = (HEAD + len(body)).to_bytes(8, "little")
    return MAGIC + VERSION.to_bytes(2, "little") + bytes(2) + length + hashlib.sha256(body).digest() + body


def _directory(entries: list[Entry]) -> bytes:
    parts = [varint(len(entries))]
    for entry in entries:
        name = entry.name.encode()
        parts += [varint(len(name)), name, varint(entry.length), entry.sha256, varint(len(entry.holes))]
        for hole in entry.holes:
            parts += [*map(varint, (hole.gap, hole.size, hole.count, hole.coded)), bytes([hole.coding])]
    return b"".join(parts)


def _compressed(data: bytes) -> bytes:
    """Length compressed, length as it is, and a raw LZMA2 stream."""
    packed = lzma.compress(data, format=lzma.FORMAT_RAW, filters=FILTERS)
    return varint(len(packed)) + varint(len(data)) + packed


def _packed_tail(tail: bytes) -> bytes:
    return _compressed(tail) if tail else b""


@dataclass(frozen=True)
class _Parts:
    """What a container holds, its sizes checked; ``size``: its bytes without the tail."""

    entries: list[Entry]
    kept: Reader
    blobs: Reader
    tail: bytes
    size: int


def _parsed(data: bytes, limit: int | None) -> _Parts:
    """The directory, what stays and the coded weights, all sizes checked against each other before anything is decoded."""
    body = Reader(_checked_body(data))
    most_bytes = _allowed(len(data)) if limit is None else limit
    first = Reader(_inflated(body, most_bytes, "directory"), "the directory")
    entries = _entries(first)
    coded = sum(hole.coded for entry in entries for hole in entry.holes)
    if coded > body.left:
        raise ContainerCorrupt(f"The directory speaks of {coded:,} bytes of coded weights; {body.left:,} are there.")
    blobs, size = Reader(body.take(coded), "the coded weights"), HEAD + body.place
    tail = _inflated(body, most_bytes, "tail") if body.left else b""
    body.end()
    total = sum(entry.length for entry in entries) + len(tail)
    if total > most_bytes:
        raise ContainerCorrupt(_too_large(total, most_bytes))
    kept = Reader(first.take(sum(entry.kept for entry in entries)), "the graph")
    first.end()
    return _Parts(entries, kept, blobs, tail, size)


def _checked_body(data: bytes) -> memoryview:
    if not is_container(data):
        raise ContainerCorrupt("This is not a .kdz file: it does not begin as one.")
    if len(data) < HEAD:
        raise ContainerCorrupt("This .kdz file is cut off within its first bytes. Fetch it again.")
    version, flags = int.from_bytes(data[8:10], "little"), int.from_bytes(data[10:12], "little")
    if version != VERSION or flags:
        raise ContainerCorrupt(
            f"This .kdz file has version {version} and flags {flags}; this program reads version {VERSION} without flags. "
            "Update kdui, or pack the model again."
        )
    length = int.from_bytes(data[12:20], "little")
    if length != len(data):
        raise ContainerCorrupt(f"This .kdz file should have {length:,} bytes and has {len(data):,}. Fetch it again.")
    body = memoryview(data)[HEAD:]
    if hashlib.sha256(body).digest() != data[20:HEAD]:
        raise ContainerCorrupt("This .kdz file does not match its checksum: it was damaged or changed. Fetch it again.")
    return body


def _allowed(size: int) -> int:
    """How much a container of this size may unpack to: what is announced is believed only so far."""
    return min(MOST_BYTES, max(FREE_BYTES, MOST_RATIO * size))


def _too_large(length: int, most: int) -> str:
    return (
        f"This .kdz file says that it unpacks to {length:,} bytes; {most:,} are allowed for a container of its size. "
        "If you trust who made it, unpack it with a higher limit: 'python app.py decode FILE OUT --most-mb N'."
    )


def _inflated(reader: Reader, most_bytes: int, what: str) -> bytes:
    """What a compressed part holds: never more than it announces, and that no more than is allowed."""
    packed, length = reader.varint(), reader.varint()
    if length > most_bytes:
        raise ContainerCorrupt(_too_large(length, most_bytes))
    machine = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": DICTIONARY}])
    try:
        found = machine.decompress(reader.take(packed), max_length=length + 1)
    except lzma.LZMAError:
        raise ContainerCorrupt(f"The {what} of this .kdz file cannot be decompressed. Fetch the file again.") from None
    if len(found) != length or not machine.eof or machine.unused_data:
        raise ContainerCorrupt(f"The {what} of this .kdz file does not decompress to the {length:,} bytes that it announces.")
    return found


def _entries(reader: Reader) -> list[Entry]:
    """The files of the directory, each with sizes that add up."""
    number = reader.varint()
    if not 1 <= number <= MOST_FILES:
        raise ContainerCorrupt(f"This .kdz file says that it holds {number:,} files; 1 to {MOST_FILES} are possible.")
    found: dict[str, Entry] = {}
    tensors = 0
    for _ in range(number):
        letters = reader.varint()
        name = bytes(reader.take(min(letters, LONGEST_NAME + 1))).decode("utf-8", errors="replace")
        if letters > LONGEST_NAME or not PLAIN_NAME.fullmatch(name) or name in (".", "..") or name in found:
            raise ContainerCorrupt(f"A file of this container is called '{name[:80]}', which is no plain name or taken.")
        length, checksum = reader.varint(), bytes(reader.take(32))
        announced = reader.varint()
        tensors += announced
        if tensors > MOST_TENSORS:
            raise ContainerCorrupt(f"The directory announces {tensors:,} tensors; at most {MOST_TENSORS:,} are possible.")
        holes = tuple(_hole(reader) for _ in range(_bounded(announced, reader.left)))
        out = sum(hole.size * hole.count for hole in holes)
        if out + sum(hole.gap for hole in holes) > length:
            raise ContainerCorrupt(f"The weights of {name} are said to be larger than the file itself.")
        found[name] = Entry(name, length, checksum, length - out, holes)
    return list(found.values())


def _bounded(number: int, left: int) -> int:
    """This many holes take at least five bytes each."""
    if 5 * number > left:
        raise ContainerCorrupt(f"The directory announces {number:,} tensors and has {left:,} bytes for them.")
    return number


def _hole(reader: Reader) -> Hole:
    gap, size, count, coded = (reader.varint() for _ in range(4))
    if size not in SIZES:
        raise ContainerCorrupt(f"A tensor is said to have elements of {size} bytes; {', '.join(map(str, SIZES))} are possible.")
    return Hole(gap, size, count, reader.byte(), coded)
