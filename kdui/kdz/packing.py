"""Numbers of a fixed width as a stream of bits, the most significant bit first. Pure numpy."""

from collections.abc import Iterator

import numpy as np

from kdui.core.errors import ContainerCorrupt

WIDEST = 16  # bits
CHUNK = 1 << 20  # numbers at a time; a multiple of eight, so that every chunk ends on a whole byte


def packed_size(count: int, bits: int) -> int:
    """Bytes of ``count`` numbers of ``bits`` bits."""
    return (count * bits + 7) // 8


def pack_bits(values: np.ndarray, bits: int) -> bytes:
    """Numbers below 2^bits (bits 1 to 16), one behind the other; zeros fill the last byte up."""
    parts = []
    for start in range(0, len(values), CHUNK):
        wide = values[start : start + CHUNK].astype(">u2").view(np.uint8).reshape(-1, 2)
        parts.append(np.packbits(np.unpackbits(wide, axis=1)[:, WIDEST - bits :].ravel()).tobytes())
    return b"".join(parts)


def unpack_bits(packed: memoryview, bits: int, count: int) -> np.ndarray:
    """The ``count`` numbers that ``pack_bits`` packed, uint16; raises ContainerCorrupt for another length or padding."""
    return np.concatenate([np.empty(0, np.uint16), *unpacked_chunks(packed, bits, count)])


def unpacked_chunks(packed: memoryview, bits: int, count: int) -> Iterator[np.ndarray]:
    """The same ``CHUNK`` numbers at a time; the length is checked by the first one."""
    if len(packed) != packed_size(count, bits):
        raise ContainerCorrupt(f"{count:,} numbers of {bits} bits do not take {len(packed):,} bytes.")
    data = np.frombuffer(packed, np.uint8)
    for start in range(0, count, CHUNK):
        number = min(CHUNK, count - start)
        first = start * bits // 8
        spread = np.unpackbits(data[first : first + packed_size(number, bits)])
        if spread[number * bits :].any():
            raise ContainerCorrupt("The bits that fill the last byte of packed numbers are not zero.")
        wide = np.zeros((number, WIDEST), np.uint8)
        wide[:, WIDEST - bits :] = spread[: number * bits].reshape(number, bits)
        yield np.packbits(wide, axis=1).view(">u2").ravel().astype(np.uint16)
