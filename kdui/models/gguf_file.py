"""Weights and facts of a GGUF file (ggml's docs/gguf.md, versions 2 and 3), of the kinds of tensors that are read here.

Blocks as in ggml-common.h: of Q4_0, Q4_1 and Q8_0, 32 weights share a scale, and of Q4_1 an offset too.
"""

import mmap
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kdui.core.errors import SourceError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_BLOCK = 32
_KINDS = {0: ("F32", 4, 1), 1: ("F16", 2, 1), 2: ("Q4_0", 18, _BLOCK), 3: ("Q4_1", 20, _BLOCK), 8: ("Q8_0", 34, _BLOCK)}
_MOST_ITEMS = 1_000_000


class Stored(NamedTuple):
    """Where a tensor lies: its kind, its shape with the rows first, and the bytes."""

    kind: str
    shape: tuple[int, ...]
    start: int
    bytes: int


class GgufFile:
    """``facts``: the file's key-value pairs; ``stored``: its tensors by name. Raises SourceError where it cannot be read."""

    def __init__(self, path: Path):
        self.path = path
        try:
            with path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.facts, self.stored = self._header()
        except (struct.error, KeyError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise SourceError(f"{path} is no GGUF file that can be read ({error}). Fetch it again.") from error

    def tensor(self, name: str) -> np.ndarray:
        """The weights in fp32, dequantized where they are stored in few bits."""
        kind, shape, start, size = self.stored[name]
        raw = np.frombuffer(self._data, np.uint8, size, start)
        return _READ[kind](raw).reshape(shape)

    def _header(self) -> tuple[dict[str, Any], dict[str, Stored]]:
        self._place = 0
        if self._data[:4] != b"GGUF" or self._numbers("4xI")[0] not in (2, 3):
            raise ValueError("another format or version")
        tensors, pairs = self._numbers("QQ")
        if max(tensors, pairs) > _MOST_ITEMS:
            raise ValueError("it announces too much")
        facts = {self._text(): self._value() for _ in range(pairs)}
        entries = [self._tensor_facts() for _ in range(tensors)]
        alignment = int(facts.get("general.alignment", 32))
        first = -(-self._place // alignment) * alignment
        for name, _, _, start, size in entries:
            if first + start + size > len(self._data):
                raise ValueError(f"it was cut off before {name}")
        return facts, {name: Stored(kind, shape, first + start, size) for name, kind, shape, start, size in entries}

    def _tensor_facts(self) -> tuple[str, str, tuple[int, ...], int, int]:
        name = self._text()
        (axes,) = self._numbers("I")
        if axes > 4:
            raise ValueError(f"{name} has {axes} axes")
        shape = self._numbers(f"{axes}Q")[::-1]  # the file counts from the fastest axis
        number, start = self._numbers("IQ")
        if number not in _KINDS:
            raise ValueError(f"{name} is of kind {number}; those read are {', '.join(kind for kind, _, _ in _KINDS.values())}")
        kind, block_bytes, block = _KINDS[number]
        count = int(np.prod([int(size) for size in shape], dtype=object))
        if count % block:
            raise ValueError(f"{name} is not made of whole blocks")
        return name, kind, tuple(map(int, shape)), start, count // block * block_bytes

    def _numbers(self, layout: str) -> tuple[Any, ...]:
        numbers = struct.unpack_from(f"<{layout}", self._data, self._place)
        self._place += struct.calcsize(f"<{layout}")
        return numbers

    def _text(self) -> str:
        (length,) = self._numbers("Q")
        if length > len(self._data) - self._place:
            raise ValueError("a text is longer than the file")
        self._place += length
        return self._data[self._place - length : self._place].decode("utf-8")

    def _value(self, kind: int | None = None) -> Any:
        kind = self._numbers("I")[0] if kind is None else kind
        if kind == _TEXT:
            return self._text()
        if kind == _LIST:
            inner, count = self._numbers("IQ")
            if count > _MOST_ITEMS:
                raise ValueError("a list is too long")
            return [self._value(inner) for _ in range(count)]
        return self._numbers(_SCALARS[kind])[0]


def _halves(blocks: np.ndarray, place: int) -> np.ndarray:
    """The fp16 number that stands at a place of each block [n, bytes], as fp32 [n, 1]."""
    return blocks[:, place : place + 2].copy().view(np.float16).astype(np.float32)


def _nibbles(blocks: np.ndarray, place: int) -> np.ndarray:
    """Codes [n, 32] of 4 bits: the low halves of 16 bytes are the first 16."""
    packed = blocks[:, place:]
    return np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32)


def _q4_0(raw: np.ndarray) -> np.ndarray:
    blocks = raw.reshape(-1, 18)
    return (_nibbles(blocks, 2) - 8) * _halves(blocks, 0)


def _q4_1(raw: np.ndarray) -> np.ndarray:
    blocks = raw.reshape(-1, 20)
    return _nibbles(blocks, 4) * _halves(blocks, 0) + _halves(blocks, 2)


def _q8_0(raw: np.ndarray) -> np.ndarray:
    blocks = raw.reshape(-1, 34)
    return blocks[:, 2:].copy().view(np.int8).astype(np.float32) * _halves(blocks, 0)


_READ = {
    "F32": lambda raw: raw.view(np.float32).copy(),
    "F16": lambda raw: raw.view(np.float16).astype(np.float32),
    "Q4_0": _q4_0,
    "Q4_1": _q4_1,
    "Q8_0": _q8_0,
}
