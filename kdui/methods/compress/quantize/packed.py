"""The packed file: every tensor of a graph, rounded ones as codes of their true bits, and a reader that trusts nothing.

Layout: magic, header length (uint32, little endian), JSON header, then the tensors in the header's order. A rounded tensor is its
fp16 scales, its zero-points where it has them (unsigned), and its codes (two's complement, or unsigned beside zero-points), both
packed most significant bit first and filled up to whole bytes. What was not rounded follows as it is.
"""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from kdui.core.errors import StoreError
from kdui.methods.compress.quantize.grids import Grid
from kdui.methods.compress.quantize.rounding import pack_codes, unpack_codes

PACKED_FILE = "weights.packed"
MAGIC = b"KDUIPK1\n"
MOST_AXES, MOST_BYTES = 32, 2**40
NUMBERS = ("bool", "float16", "float32", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))


class PackedWriter:
    """Collects tensors in the order in which they are read back."""

    def __init__(self) -> None:
        self._header: list[dict[str, Any]] = []
        self._blobs: list[bytes] = []

    def add(self, name: str, values: np.ndarray) -> None:
        """A tensor that stays as it is."""
        self._header.append({"name": name, "shape": list(values.shape), "dtype": str(values.dtype)})
        self._blobs.append(np.ascontiguousarray(values).tobytes())

    def add_rounded(self, name: str, shape: tuple[int, ...], axis: int, grid: Grid, codes: np.ndarray) -> None:
        """Codes [channels, rest] of a fp32 tensor whose channels lie on ``axis``."""
        entry: dict[str, Any] = {"name": name, "shape": list(shape), "dtype": "float32", "bits": grid.bits, "axis": axis}
        if grid.group:
            entry["group"] = grid.group
        elif len(grid.scales) != len(codes):
            entry["scales"] = "tensor"
        self._blobs.append(np.ascontiguousarray(grid.scales).tobytes())
        if grid.zeros is not None:
            entry["zeros"] = True
            self._blobs.append(pack_codes(grid.zeros, grid.bits))
        self._header.append(entry)
        self._blobs.append(pack_codes(codes, grid.bits))

    def write(self, path: Path) -> int:
        """Returns the bytes of the file."""
        text = json.dumps(self._header, separators=(",", ":")).encode()
        path.write_bytes(MAGIC + struct.pack("<I", len(text)) + text + b"".join(self._blobs))
        return path.stat().st_size


def read_packed(path: Path) -> dict[str, np.ndarray]:
    """All tensors of a packed file as the graph holds them, by name; raises StoreError in words where the file is not whole."""
    return _Reader(path.read_bytes(), path.name).tensors()


class _Reader:
    def __init__(self, data: bytes, name: str):
        self.data, self.name = data, name

    def tensors(self) -> dict[str, np.ndarray]:
        if not self.data.startswith(MAGIC):
            raise self._refused("it does not begin as a packed file does")
        self.place = len(MAGIC)
        (length,) = struct.unpack("<I", self._take(4))
        try:
            header = json.loads(self._take(length))
        except (ValueError, RecursionError):
            raise self._refused("its header is no JSON") from None
        if not isinstance(header, list):
            raise self._refused("its header is no list of tensors")
        tensors: dict[str, np.ndarray] = {}
        for entry in header:
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str) or name in tensors:
                raise self._refused("a tensor has no name of its own")
            tensors[name] = self._rounded(entry) if "bits" in entry else self._plain(entry)
        if self.place != len(self.data):
            raise self._refused(f"{len(self.data) - self.place} bytes at its end belong to no tensor")
        return tensors

    def _plain(self, entry: dict[str, Any]) -> np.ndarray:
        shape, kind = self._shape(entry), self._kind(entry)
        count = math.prod(shape)
        return np.frombuffer(self._take(count * kind.itemsize), kind).reshape(shape)

    def _rounded(self, entry: dict[str, Any]) -> np.ndarray:
        shape = self._shape(entry)
        axis, bits = self._whole(entry, "axis", 0, len(shape) - 1), self._whole(entry, "bits", 1, 8)
        if self._kind(entry) != np.float32:
            raise self._refused("a rounded tensor must have been fp32")
        rows, count = shape[axis], math.prod(shape)
        columns = count // rows if rows else 0
        group = self._whole(entry, "group", 1, MOST_BYTES) if "group" in entry else 0
        scales_shape = (rows, -(-columns // group) if group else 1)
        if entry.get("scales") == "tensor":
            scales_shape = (1, 1)
        scales = np.frombuffer(self._take(2 * math.prod(scales_shape)), np.float16).reshape(scales_shape)
        zeros = self._codes(math.prod(scales_shape), bits, True).reshape(scales_shape) if entry.get("zeros") else None
        codes = self._codes(count, bits, zeros is not None).reshape(rows, columns)
        moved = (rows, *(size for place, size in enumerate(shape) if place != axis))
        return np.moveaxis(Grid(bits, scales, zeros, group).values(codes).reshape(moved), 0, axis)

    def _codes(self, count: int, bits: int, unsigned: bool) -> np.ndarray:
        codes = unpack_codes(self._take((count * bits + 7) // 8), bits, count).astype(np.int16)
        return codes & (2**bits - 1) if unsigned else codes

    def _shape(self, entry: dict[str, Any]) -> tuple[int, ...]:
        shape = entry.get("shape")
        sizes = shape if isinstance(shape, list) else [-1]
        if len(sizes) > MOST_AXES or not all(type(size) is int and 0 <= size <= MOST_BYTES for size in sizes):
            raise self._refused("a tensor's shape is no list of sizes")
        if math.prod(sizes) > 8 * len(self.data):  # a code takes at least one bit; Python's integers do not overflow
            raise self._refused("a tensor claims to be larger than the file")
        return tuple(sizes)

    def _kind(self, entry: dict[str, Any]) -> np.dtype[Any]:
        """Only the names of plain numbers: numpy would also understand structures and objects."""
        name = entry.get("dtype")
        if name not in NUMBERS:
            raise self._refused(f"'{name}' is no type of numbers")
        kind: np.dtype[Any] = np.dtype(name)
        return kind

    def _whole(self, entry: dict[str, Any], name: str, low: int, high: int) -> int:
        value = entry.get(name)
        if type(value) is not int or not low <= value <= high:
            raise self._refused(f"'{name}' of a tensor is out of its bounds")
        return value

    def _take(self, count: int) -> bytes:
        if count > len(self.data) - self.place:
            raise self._refused("it ends too early")
        taken = self.data[self.place : self.place + count]
        self.place += count
        return taken

    def _refused(self, why: str) -> StoreError:
        return StoreError(f"{self.name} cannot be read: {why}. Run its recipe again to make it anew.")
