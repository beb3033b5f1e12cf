"""Parquet files as tables: columns of texts, numbers and switches, plain or by dictionary, uncompressed, Snappy or gzip.

That is what the Hugging Face Hub and pandas write. A reader of our own, because the usual one takes 40 MB, works in the process
that serves the page, and changes how pandas keeps texts. Format: https://parquet.apache.org/docs/file-format.
"""

import json
import struct
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kdui.core.errors import RecipeError
from kdui.tasks.own_texts.tables import MOST_ROWS, Table
from kdui.tasks.own_texts.thrift import CompactReader

MARK = b"PAR1"
MOST_PAGE = 64 << 20  # bytes of a page, unpacked
MOST_UNPACKED = 256 << 20  # of all pages
_BOOLEAN, _INT32, _INT64, _FLOAT, _DOUBLE, _BYTES = 0, 1, 2, 4, 5, 6
_NUMBERS = {_INT32: "<i4", _INT64: "<i8", _FLOAT: "<f4", _DOUBLE: "<f8"}
_CODECS = {0: "none", 1: "Snappy", 2: "gzip", 3: "LZO", 4: "Brotli", 5: "LZ4", 6: "Zstandard", 7: "LZ4"}
_PLAIN, _DICTIONARIES = 0, (2, 8)
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_WRONG = (ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error, zlib.error)


class Leaf(NamedTuple):
    """A column that is read: its kind of values, and whether cells may be empty."""

    name: str
    kind: int
    optional: bool


def parquet_table(name: str, data: bytes) -> Table:
    """The columns of a file; those that hold lists or structures are left out. Raises RecipeError in words."""
    try:
        return _table(name, data)
    except _WRONG as error:
        raise RecipeError(f"{name} cannot be read as Parquet ({error}). Save it again, or as CSV or JSON lines.") from error


def _table(name: str, data: bytes) -> Table:
    if data[:4] != MARK or data[-4:] != MARK:
        raise ValueError("it has not the format's marks")
    length = int.from_bytes(data[-8:-4], "little")
    footer = CompactReader(data[-8 - length : -8]).structure()
    if footer[3] > MOST_ROWS:
        raise RecipeError(f"{name} has {footer[3]:,} rows; at most {MOST_ROWS:,} are taken. Name a part of it.")
    leaves, nested = _leaves(footer[2])
    names = _class_names(footer)
    cells: dict[str, list[str]] = {leaf.name: [] for leaf in leaves}
    budget = [MOST_UNPACKED]
    for group in footer.get(4, []):
        for chunk in group[1]:
            about = chunk[3]
            path = [part.decode() for part in about[3]]
            leaf = next((leaf for leaf in leaves if [leaf.name] == path), None)
            if leaf is not None:
                cells[leaf.name] += [_text(value, names.get(leaf.name)) for value in _chunk(name, data, about, leaf, budget)]
    if len({len(column) for column in cells.values()}) > 1 or any(len(column) != footer[3] for column in cells.values()):
        raise ValueError("its columns differ in length")
    columns = tuple(cells)
    problems = (f"Left out: {len(nested):,} columns of {name} that hold lists or structures.",) if nested else ()
    return Table(columns, list(zip(*cells.values(), strict=True)), {"format": "Parquet"}, problems)


def _leaves(schema: list[dict[int, Any]]) -> tuple[list[Leaf], list[str]]:
    """The plain columns of a schema, which is written depth first, and the names of the others."""
    leaves, nested, at = [], [], 1
    for _ in range(schema[0].get(5, 0)):
        element = schema[at]
        text = element[4].decode()
        if element.get(5) or element.get(3) == 2 or element[1] not in (_BOOLEAN, *_NUMBERS, _BYTES):
            nested.append(text)
        else:
            leaves.append(Leaf(text, element[1], element.get(3) == 1))
        at = _behind(schema, at)
    return leaves, nested


def _behind(schema: list[dict[int, Any]], at: int) -> int:
    """Where the next element of the same level stands."""
    waiting = 1
    while waiting:
        waiting += schema[at].get(5, 0) - 1
        at += 1
    return at


def _class_names(footer: dict[int, Any]) -> dict[str, list[str]]:
    """Names of classes that the library datasets writes beside columns of numbers."""
    for pair in footer.get(5, []):
        if pair.get(1) == b"huggingface":
            features = json.loads(pair[2]).get("info", {}).get("features", {})
            return {
                name: list(map(str, about["names"]))
                for name, about in features.items()
                if isinstance(about, dict) and "names" in about
            }
    return {}


def _text(value: Any, names: list[str] | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if names is not None and isinstance(value, int):
        return names[value] if 0 <= value < len(names) else ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- the pages of a column ----------------------------------------------------------------------------------------------------


def _chunk(name: str, data: bytes, about: dict[int, Any], leaf: Leaf, budget: list[int]) -> list[Any]:
    """All values of a column in one row group, None where a cell is empty."""
    codec, count = about[4], about[5]
    if codec not in (0, 1, 2):
        raise RecipeError(
            f"{name} is compressed with {_CODECS.get(codec, 'an unknown method')}, which is not read here. Save it with Snappy "
            "or gzip, or as CSV or JSON lines."
        )
    if count > MOST_ROWS:
        raise ValueError("more values than rows")
    at, end = min(place for place in (about.get(11), about[9]) if place), len(data)
    dictionary: list[Any] = []
    values: list[Any] = []
    while len(values) < count and at < end:
        reader = CompactReader(data, at)
        head = reader.structure()
        size, whole = head[3], head[2]
        page = data[reader.at : reader.at + size]
        if size < 0 or len(page) < size:
            raise ValueError("a page ends too early")
        budget[0] -= max(whole, 0)
        if not 0 <= whole <= MOST_PAGE or budget[0] < 0:
            raise RecipeError(f"{name} unpacks to more than {MOST_UNPACKED >> 20} MB. Name a part of it.")
        if head[1] == _DICTIONARY:
            dictionary = _plain(_unpacked(page, codec, whole), leaf.kind, min(head[7][1], whole))
        elif head[1] in (_DATA, _DATA_V2):
            values += _page(head, page, codec, leaf, dictionary)
        at = reader.at + size
    return values[:count]


def _page(head: dict[int, Any], page: bytes, codec: int, leaf: Leaf, dictionary: list[Any]) -> list[Any]:
    """The values of one page; its levels say which cells are filled."""
    if head[1] == _DATA_V2:
        about = head[8]
        count, encoding, levels, repeated = about[1], about[4], about[5], about[6]
        body = page[levels + repeated :]
        body = _unpacked(body, codec if about.get(7, True) else 0, head[2] - levels - repeated)
        filled = _hybrid(page[repeated : repeated + levels], 1, _few(count)) if leaf.optional else None
    else:
        about, body = head[5], _unpacked(page, codec, head[2])
        count, encoding, filled = about[1], about[2], None
        if leaf.optional:
            length = int.from_bytes(body[:4], "little")
            filled, body = _hybrid(body[4 : 4 + length], 1, _few(count)), body[4 + length :]
    there = _few(count) if filled is None else int(filled.sum())
    if encoding == _PLAIN:
        values = _plain(body, leaf.kind, there)
    elif encoding in _DICTIONARIES:
        values = [dictionary[place] for place in _hybrid(body[1:], body[0], there)] if there else []
    elif encoding == 3 and leaf.kind == _BOOLEAN:
        values = [bool(value) for value in _hybrid(body[4:], 1, there)]
    else:
        raise ValueError(f"values in encoding {encoding}, which is not read here")
    if len(values) < there:
        raise ValueError("a page holds fewer values than it says")
    if filled is None:
        return values
    each = iter(values)
    return [next(each) if here else None for here in filled]


def _few(count: int) -> int:
    """The number of values in a page, before room is made for them."""
    if not 0 <= count <= MOST_ROWS:
        raise ValueError("a page says that it holds more values than rows")
    return count


def _plain(body: bytes, kind: int, count: int) -> list[Any]:
    if kind == _BYTES:
        values, at = [], 0
        for _ in range(count):
            length = int.from_bytes(body[at : at + 4], "little")
            if at + 4 + length > len(body) or at + 4 > len(body):
                raise ValueError("a text ends too early")
            values.append(body[at + 4 : at + 4 + length])
            at += 4 + length
        return values
    if kind == _BOOLEAN:
        bits = np.unpackbits(np.frombuffer(body, np.uint8), bitorder="little")[:count]
        return [bool(bit) for bit in bits]
    return [value.item() for value in np.frombuffer(body, _NUMBERS[kind], count)]


def _hybrid(body: bytes, width: int, count: int) -> np.ndarray:
    """``count`` numbers of ``width`` bits in runs and packed groups of eight (RLE / bit-packing hybrid)."""
    if width > 32:
        raise ValueError("numbers of more than 32 bits")
    found = np.zeros(count, dtype=np.int64)
    reader, have = CompactReader(body), 0
    while have < count:
        head = reader.varint()
        if head & 1:
            size = (head >> 1) * width
            packed = body[reader.at : reader.at + size]
            reader.at += size
            bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
            numbers = bits[: len(bits) // max(width, 1) * width].reshape(-1, width) @ (1 << np.arange(width, dtype=np.int64))
            if width and not len(numbers):
                raise ValueError("numbers end too early")
            part = numbers[: count - have] if width else np.zeros(min(8 * (head >> 1), count - have), dtype=np.int64)
        else:
            size = -(-width // 8)
            part = np.full(
                min(head >> 1, count - have), int.from_bytes(body[reader.at : reader.at + size], "little"), dtype=np.int64
            )
            reader.at += size
        if not len(part):
            raise ValueError("an empty run")
        found[have : have + len(part)] = part
        have += len(part)
    return found


# --- compression --------------------------------------------------------------------------------------------------------------


def _unpacked(page: bytes, codec: int, size: int) -> bytes:
    unpack: Callable[[bytes, int], bytes] = {0: lambda data, _: data, 1: snappy, 2: _gunzip}[codec]
    body = unpack(page, size)
    if len(body) != size:
        raise ValueError("a page has another size than it says")
    return body


def _gunzip(data: bytes, size: int) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(data, size + 1)


def snappy(data: bytes, size: int) -> bytes:
    """The bytes of one Snappy block; raises ValueError where they are more than ``size``."""
    reader, out = CompactReader(data), bytearray()
    if reader.varint() != size:
        raise ValueError("a page has another size than it says")
    at = reader.at
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = (tag >> 2) + 1
            if length > 60:
                extra = length - 60
                length = int.from_bytes(data[at : at + extra], "little") + 1
                at += extra
            out += data[at : at + length]
            at += length
        else:
            if tag & 3 == 1:
                length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
                at += 1
            else:
                width = 2 if tag & 3 == 2 else 4
                length, offset = (tag >> 2) + 1, int.from_bytes(data[at : at + width], "little")
                at += width
            if not 0 < offset <= len(out):
                raise ValueError("a copy from before the beginning")
            start = len(out) - offset
            out += (out[start:] * -(-length // offset))[:length] if offset < length else out[start : start + length]
        if len(out) > size:
            raise ValueError("a page is larger than it says")
    return bytes(out)
