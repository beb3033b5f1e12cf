"""Texts in the data file of an R package: zlib blocks, each an R vector of strings in the XDR format (R Internals, section 1.8).

Nothing is evaluated: of all that R can store, a vector of strings is read and the rest is refused.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

_STRINGS, _STRING, _MISSING = 16, 9, 0xFFFFFFFF
_HEADER = 14  # the letter X, a new line, and three numbers: the format's version and two of R
MOST_BYTES = 16 << 20  # of a vector once it is unpacked; a long novel has one million


def string_vectors(path: Path) -> Iterator[list[str]]:
    """The lines of each vector, in the file's order; raises ValueError where the file is something else."""
    data, place = path.read_bytes(), 0
    while place < len(data):
        (size,) = struct.unpack_from(">I", data, place)
        if size > MOST_BYTES:
            raise ValueError(f"a vector of {size:,} bytes is announced; at most {MOST_BYTES:,} are taken")
        machine = zlib.decompressobj()
        unpacked = machine.decompress(data[place + 4 :], size + 1)
        if len(unpacked) != size or not machine.eof:
            raise ValueError("a vector is not as long as the file says")
        yield _strings(unpacked)
        place = len(data) - len(machine.unused_data)


def _strings(data: bytes) -> list[str]:
    version = struct.unpack_from(">I", data, 2)[0]
    if data[:2] != b"X\n" or version not in (2, 3):
        raise ValueError("it is no R data in the XDR format")
    place = _HEADER
    if version == 3:  # the name of the encoding follows
        place += 4 + struct.unpack_from(">I", data, place)[0]
    kind, count = struct.unpack_from(">II", data, place)
    if kind & 0xFF != _STRINGS:
        raise ValueError("it holds something else than texts")
    place += 8
    found = []
    for _ in range(count):
        kind, size = struct.unpack_from(">II", data, place)
        if kind & 0xFF != _STRING:
            raise ValueError("a text is something else")
        place += 8
        size = 0 if size == _MISSING else size
        found.append(data[place : place + size].decode("utf-8"))
        place += size
    return found
