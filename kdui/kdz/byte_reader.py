"""A cursor over bytes that somebody else wrote: every read is checked against what is there."""

from kdui.core.errors import ContainerCorrupt

LONGEST_VARINT = 10  # bytes; 64 bits


class Reader:
    """Reads from the front; raises ContainerCorrupt where the bytes end too early."""

    def __init__(self, data: bytes | memoryview, what: str = "the container"):
        self.data, self.what, self.place = memoryview(data), what, 0

    @property
    def left(self) -> int:
        """Bytes that have not been read."""
        return len(self.data) - self.place

    def take(self, count: int) -> memoryview:
        """The next ``count`` bytes; nothing is copied."""
        if not 0 <= count <= self.left:
            raise ContainerCorrupt(
                f"{self.what.capitalize()} ends too early: {count:,} bytes are announced where {self.left:,} are left."
            )
        self.place += count
        return self.data[self.place - count : self.place]

    def byte(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def varint(self) -> int:
        """An unsigned LEB128 number of at most 64 bits, as in protobuf."""
        value = 0
        for place in range(LONGEST_VARINT):
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                if value >= 1 << 64:
                    break
                return value
        raise ContainerCorrupt(f"{self.what.capitalize()} holds a number of more than 64 bits.")

    def end(self) -> None:
        """Raise ContainerCorrupt where bytes are left that nothing explains."""
        if self.left:
            raise ContainerCorrupt(f"{self.what.capitalize()} holds {self.left:,} bytes that nothing explains.")


def varint(value: int) -> bytes:
    """A number as unsigned LEB128."""
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
