"""Thrift's compact protocol, as far as Parquet's headers are written in it: structures as dictionaries by field number."""

import struct
from typing import Any

MOST_ITEMS = 1_000_000  # of one list: more than the columns and row groups of any file that is taken
_DEEPEST = 16


class CompactReader:
    """Reads structures one after the other; raises ValueError or IndexError where the bytes are none."""

    def __init__(self, data: bytes, at: int = 0):
        self.data, self.at = data, at

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number without end")

    def structure(self, depth: int = 0) -> dict[int, Any]:
        """Field number -> value; texts are bytes, lists are lists."""
        if depth > _DEEPEST:
            raise ValueError("structures without end")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            kind = head & 0x0F
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2, 3):  # a switch in a list has a byte of its own
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 7:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind == 8:
            return self._bytes(self.varint())
        if kind in (9, 10):
            head = self._byte()
            return [
                self._value(head & 0x0F, depth + 1) for _ in range(self._count(head >> 4 if head >> 4 < 15 else self.varint()))
            ]
        if kind == 11:
            count = self._count(self.varint())
            kinds = self._byte() if count else 0
            return [(self._value(kinds >> 4, depth + 1), self._value(kinds & 0x0F, depth + 1)) for _ in range(count)]
        if kind == 12:
            return self.structure(depth + 1)
        raise ValueError(f"a field of an unknown kind {kind}")

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _bytes(self, count: int) -> bytes:
        found = self.data[self.at : self.at + count]
        if len(found) < count:
            raise ValueError("it ends too early")
        self.at += count
        return found

    def _signed(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    @staticmethod
    def _count(count: int) -> int:
        if count > MOST_ITEMS:
            raise ValueError("a list without end")
        return count
