"""A stream of symbols, written the shortest of three ways: one constant, bits of a fixed width, canonical Huffman codes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bitarray import bitarray
from bitarray.util import canonical_decode, canonical_huffman

from kdui.core.errors import ContainerCorrupt
from kdui.kdz.byte_reader import Reader, varint
from kdui.kdz.packing import CHUNK, WIDEST, pack_bits, packed_size, unpacked_chunks

PACKED, HUFFMAN, CONSTANT = 0, 1, 2
LONGEST_CODE = 24  # bits; what would be longer is flattened, which costs next to nothing
MOST_SYMBOLS = 1 << 16


def entropy_bits(counts: np.ndarray) -> float:
    """Σ −n·log2(n/N) over how often each symbol occurs: what no code without memory can go below (Shannon 1948)."""
    found = counts[counts > 0].astype(np.float64)
    return float(-(found * np.log2(found / found.sum())).sum()) if found.size else 0.0


@dataclass(frozen=True)
class StreamPlan:
    """How a stream will be written; ``size`` is exact, in bytes. ``order`` lists Huffman's symbols in canonical order."""

    mode: int
    size: int
    bits: int = 0
    symbol: int = 0
    codes: dict[int, Any] = field(default_factory=dict)
    lengths: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    wide: bool = False

    @property
    def ordered(self) -> bool:
        """Whether the symbols need no list, because they are 0, 1, 2 … in canonical order."""
        return self.order == tuple(range(len(self.order)))

    def renumbered(self) -> "StreamPlan":
        """The same codes for symbols that were numbered anew in canonical order: the list falls away."""
        codes = {place: self.codes[symbol] for place, symbol in enumerate(self.order)}
        saved = 0 if self.ordered else len(self.order) * (2 if self.wide else 1)
        values = {**vars(self), "codes": codes, "order": tuple(range(len(self.order))), "size": self.size - saved}
        return StreamPlan(**values)


def plan_stream(counts: np.ndarray) -> StreamPlan:
    """The shortest way to write symbols 0 … len(counts) − 1 that occur so often."""
    total, present = int(counts.sum()), np.flatnonzero(counts)
    if len(present) <= 1:
        return StreamPlan(CONSTANT, 3, symbol=int(present[0]) if len(present) else 0)
    bits = max(1, int(present[-1]).bit_length())
    packed = StreamPlan(PACKED, 2 + packed_size(total, bits), bits=bits)
    if entropy_bits(counts) / 8 + 4 >= packed.size:
        return packed
    coded = _plan_huffman(counts, present)
    return coded if coded.size < packed.size else packed


def _plan_huffman(counts: np.ndarray, present: np.ndarray) -> StreamPlan:
    frequencies: dict[Any, int | float] = {int(symbol): int(counts[symbol]) for symbol in present}
    while True:
        codes, lengths, order = canonical_huffman(frequencies)
        if len(lengths) - 1 <= LONGEST_CODE:
            break
        # Rare symbols are made less rare until no code is too long (as bzip2 does); the counts stay in their order.
        frequencies = {symbol: count // 2 + 1 for symbol, count in frequencies.items()}
    coded_bits = sum(len(codes[int(symbol)]) * int(counts[symbol]) for symbol in present)
    wide = len(counts) > 256
    plan = StreamPlan(HUFFMAN, 0, codes=codes, lengths=tuple(lengths[1:]), order=tuple(order), wide=wide)
    size = 1 + len(_table(plan)) + len(varint((coded_bits + 7) // 8)) + (coded_bits + 7) // 8
    return StreamPlan(**{**vars(plan), "size": size})


def _table(plan: StreamPlan) -> bytes:
    """Longest code, how many codes of each length, and the symbols in canonical order unless they are 0, 1, 2 …"""
    head = bytes([len(plan.lengths)]) + b"".join(varint(number) for number in plan.lengths)
    if plan.ordered:
        return head + b"\x00"
    return head + b"\x01" + np.array(plan.order, "<u2" if plan.wide else np.uint8).tobytes()


def write_stream(plan: StreamPlan, symbols: np.ndarray) -> bytes:
    """The symbols as the plan says."""
    if plan.mode == CONSTANT:
        return bytes([CONSTANT]) + plan.symbol.to_bytes(2, "little")
    if plan.mode == PACKED:
        return bytes([PACKED, plan.bits]) + pack_bits(symbols, plan.bits)
    coded = bitarray(endian="big")
    for start in range(0, len(symbols), CHUNK):
        coded.encode(plan.codes, symbols[start : start + CHUNK].tolist())
    payload = coded.tobytes()
    return bytes([HUFFMAN]) + _table(plan) + varint(len(payload)) + payload


def read_stream(reader: Reader, count: int, alphabet: int) -> np.ndarray:
    """``count`` symbols below ``alphabet``, uint16, all at once."""
    return np.concatenate([np.empty(0, np.uint16), *open_stream(reader, count, alphabet)])


def open_stream(reader: Reader, count: int, alphabet: int) -> Iterator[np.ndarray]:
    """``count`` symbols below ``alphabet``, uint16, ``CHUNK`` at a time: a stream of a few bytes may stand for very many.

    The reader is behind the stream at once. Raises ContainerCorrupt, at once or with the chunk at fault, before it takes memory
    for what cannot be there.
    """
    mode = reader.byte()
    if mode == CONSTANT:
        symbol = int.from_bytes(reader.take(2), "little")
        _check_symbols(symbol, alphabet)
        return (np.full(min(CHUNK, count - start), symbol, np.uint16) for start in range(0, count, CHUNK))
    if mode == PACKED:
        bits = reader.byte()
        if not 1 <= bits <= WIDEST:
            raise ContainerCorrupt(f"A stream says that its numbers have {bits} bits; 1 to {WIDEST} are possible.")
        return _checked(unpacked_chunks(reader.take(packed_size(count, bits)), bits, count), alphabet)
    if mode == HUFFMAN:
        lengths, order = _read_table(reader, alphabet)
        payload = reader.take(reader.varint())
        if count > 8 * len(payload):  # a code has at least one bit
            raise ContainerCorrupt(f"{count:,} Huffman codes cannot stand in {len(payload):,} bytes.")
        return _huffman_chunks(payload, count, lengths, order)
    raise ContainerCorrupt(f"A stream is written in a way {mode} that this version does not know.")


def _checked(parts: Iterator[np.ndarray], alphabet: int) -> Iterator[np.ndarray]:
    for part in parts:
        _check_symbols(int(part.max(initial=0)), alphabet)
        yield part


def _check_symbols(highest: int, alphabet: int) -> None:
    if highest >= alphabet:
        raise ContainerCorrupt(f"An index points to entry {highest} of a table of {alphabet}.")


def _huffman_chunks(payload: memoryview, count: int, lengths: list[int], order: np.ndarray) -> Iterator[np.ndarray]:
    coded = bitarray(endian="big")
    coded.frombytes(bytes(payload))
    widths, used = np.repeat(np.arange(1, len(lengths) + 1), lengths), 0
    symbols = canonical_decode(coded, [0, *lengths], range(len(order)))
    for start in range(0, count, CHUNK):
        try:
            found = np.fromiter(symbols, np.uint16, min(CHUNK, count - start))
        except ValueError:
            raise ContainerCorrupt(
                "A stream of Huffman codes ends in the middle of a symbol or holds a code that is none."
            ) from None
        used += int((np.bincount(found, minlength=len(order)) * widths).sum())
        yield order[found]
    if (used + 7) // 8 != len(payload) or coded[used:].any():
        raise ContainerCorrupt("A stream of Huffman codes holds more than its symbols.")


def _read_table(reader: Reader, alphabet: int) -> tuple[list[int], np.ndarray]:
    """Codes of each length and the symbols in canonical order; raises ContainerCorrupt where that is no complete prefix code."""
    longest = reader.byte()
    if not 1 <= longest <= LONGEST_CODE:
        raise ContainerCorrupt(f"A Huffman table has codes of {longest} bits; 1 to {LONGEST_CODE} are possible.")
    lengths = [reader.varint() for _ in range(longest)]
    if sum(lengths) > min(alphabet, MOST_SYMBOLS):
        raise ContainerCorrupt(f"A Huffman table has {sum(lengths):,} codes for {alphabet:,} symbols.")
    # Kraft's sum: above 1 two codes begin alike, below 1 some bits mean nothing.
    if sum(number << (longest - place) for place, number in enumerate(lengths, 1)) != 1 << longest:
        raise ContainerCorrupt("A Huffman table is no complete prefix code.")
    if reader.byte() == 0:
        return lengths, np.arange(sum(lengths), dtype=np.uint16)
    kind = np.dtype("<u2") if alphabet > 256 else np.dtype(np.uint8)
    order = np.frombuffer(reader.take(sum(lengths) * kind.itemsize), kind).astype(np.uint16)
    _check_symbols(int(order.max(initial=0)), alphabet)
    if len(np.unique(order)) != len(order):
        raise ContainerCorrupt("A Huffman table names a symbol twice.")
    return lengths, order
