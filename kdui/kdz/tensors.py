"""One tensor's bytes, coded without loss as the cheapest of: raw, byte planes, a codebook, runs of zeros.

Values are compared by their bits, so −0.0 differs from 0.0 and every NaN keeps its payload. Han, Mao and Dally 2016,
arXiv:1510.00149, sections 3 and 4: codebook indices, relative indices of what is not zero, Huffman codes of both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kdui.core.errors import ContainerCorrupt
from kdui.kdz.byte_reader import Reader, varint
from kdui.kdz.packing import WIDEST
from kdui.kdz.streams import HUFFMAN, MOST_SYMBOLS, StreamPlan, entropy_bits, open_stream, plan_stream, write_stream

RAW, PLANES, CODEBOOK, RUNS, RUNS_OF_VALUES = 0, 1, 2, 3, 4
CODINGS = ("raw", "byte planes", "codebook", "runs of zeros, codebook", "runs of zeros")
SIZES = (1, 2, 4, 8)  # bytes of one element
RUN_BITS = (2, 3, 4, 5, 6, 7, 8, 10, 12)


@dataclass(frozen=True)
class Coded:
    """A coded tensor: what the container keeps, and what a report says."""

    coding: int
    data: bytes
    distinct: int
    entropy_bytes: float
    huffman: bool
    name: str = ""

    @property
    def title(self) -> str:
        """As a table shows it, e.g. codebook, Huffman."""
        return self.name or CODINGS[self.coding] + (", Huffman" if self.huffman else "")


@dataclass(frozen=True)
class _Way:
    """One way to write a tensor, planned but not yet written."""

    coding: int
    size: int
    write: Callable[[], bytes]
    huffman: bool = False


def code_tensor(data: bytes | memoryview, size: int) -> Coded:
    """The cheapest coding of a tensor whose elements have ``size`` bytes; its length must be a multiple of that."""
    values = np.frombuffer(data, f"<u{size}")
    book, counts = np.unique(values, return_counts=True)
    ways = [_Way(RAW, len(data), values.tobytes), _planes(values, size)]
    if 0 < len(book) <= MOST_SYMBOLS and len(book) * size < len(data):
        indices = np.searchsorted(book, values).astype(np.uint16)
        ways.append(_codebook(book, counts, indices))
        if book[0] == 0 and counts[0] > 1:
            ways.append(_runs_of_indices(book, counts, indices))
    if len(book) > 1 and book[0] == 0 and counts[0] > len(values) / 8:
        ways.append(_runs_of_values(values, counts, size))
    best = min(ways, key=lambda way: way.size)
    return Coded(best.coding, best.write(), len(book), entropy_bits(counts) / 8, best.huffman)


def _planes(values: np.ndarray, size: int) -> _Way:
    """Each byte of the elements as a stream of its own: of floats, the one with sign and exponent has few values."""
    planes = values.view(np.uint8).reshape(-1, size)
    plans = [plan_stream(np.bincount(planes[:, place], minlength=256)) for place in range(size)]
    return _Way(
        PLANES,
        sum(plan.size for plan in plans),
        lambda: b"".join(write_stream(plan, planes[:, place]) for place, plan in enumerate(plans)),
        any(plan.mode == HUFFMAN for plan in plans),
    )


def _codebook(book: np.ndarray, counts: np.ndarray, indices: np.ndarray) -> _Way:
    """Distinct values once, and for each element the index of its own."""
    plan = plan_stream(counts)
    book, indices_of, plan = _in_code_order(book, plan)
    head = varint(len(book)) + book.tobytes()
    return _Way(CODEBOOK, len(head) + plan.size, lambda: head + write_stream(plan, indices_of(indices)), plan.mode == HUFFMAN)


def _in_code_order(book: np.ndarray, plan: StreamPlan) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray], StreamPlan]:
    """A codebook in the order of its Huffman codes, so that the table of codes needs no list of symbols."""
    if plan.mode != HUFFMAN or len(plan.order) != len(book):
        return book, lambda indices: indices, plan
    order = np.array(plan.order)
    places = np.empty(len(order), np.uint16)
    places[order] = np.arange(len(order))
    return book[order], lambda indices: places[indices], plan.renumbered()


@dataclass(frozen=True)
class _Runs:
    """Entries of (zeros before it, value); a longer run is cut by an entry that is itself a zero (Han 2016, figure 2)."""

    plan: StreamPlan
    head: bytes
    runs: np.ndarray
    places: np.ndarray
    ends: np.ndarray

    @property
    def cut(self) -> bool:
        """Whether there are such zeros among the entries."""
        return len(self.runs) > len(self.ends)

    def entries(self, values: np.ndarray) -> np.ndarray:
        """The entries' values, with zero where a run is cut."""
        found = np.zeros(len(self.runs), values.dtype)
        found[self.ends] = values[self.places]
        return found

    def write(self) -> bytes:
        return self.head + write_stream(self.plan, self.runs)


def _runs(nonzero: np.ndarray, counts: np.ndarray) -> _Runs:
    """Runs of zeros between elements that are not, cut at the length that costs least."""
    places = np.flatnonzero(nonzero)
    gaps = np.diff(places, prepend=-1) - 1
    lengths, often = np.unique(gaps, return_counts=True)
    bits = min(RUN_BITS, key=lambda bits: _run_cost(lengths, often, counts, bits))
    ends = np.cumsum((gaps >> bits) + 1) - 1
    runs = np.full(int(ends[-1]) + 1 if len(ends) else 0, (1 << bits) - 1, np.uint16)
    runs[ends] = gaps & ((1 << bits) - 1)
    plan = plan_stream(np.bincount(runs, minlength=1 << bits))
    return _Runs(plan, varint(len(runs)) + bytes([bits]), runs, places, ends)


def _runs_of_indices(book: np.ndarray, counts: np.ndarray, indices: np.ndarray) -> _Way:
    """Runs of zeros, and for each entry the index of its value in a codebook."""
    found = _runs(indices, counts)
    symbols = found.entries(indices)
    if not found.cut:  # then zero itself is not among the values
        book, symbols = book[1:], symbols - 1
    book, symbols_of, plan = _in_code_order(book, plan_stream(np.bincount(symbols, minlength=len(book))))
    head = varint(len(book)) + book.tobytes()
    return _Way(
        RUNS,
        len(found.head) + found.plan.size + len(head) + plan.size,
        lambda: found.write() + head + write_stream(plan, symbols_of(symbols)),
        HUFFMAN in (found.plan.mode, plan.mode),
    )


def _runs_of_values(values: np.ndarray, counts: np.ndarray, size: int) -> _Way:
    """Runs of zeros, and the entries' values as byte planes: for weights that were pruned and share no values."""
    found = _runs(values, counts)
    rest = _planes(found.entries(values), size)
    return _Way(
        RUNS_OF_VALUES,
        len(found.head) + found.plan.size + rest.size,
        lambda: found.write() + rest.write(),
        found.plan.mode == HUFFMAN or rest.huffman,
    )


def _run_cost(lengths: np.ndarray, often: np.ndarray, counts: np.ndarray, bits: int) -> float:
    """Bits that runs cut at 2^bits would take by their entropy: cheap to tell, and good enough to choose by."""
    fillers = int((often * (lengths >> bits)).sum())
    runs = np.bincount(lengths & ((1 << bits) - 1), often, minlength=1 << bits)
    runs[-1] += fillers
    return entropy_bits(runs) + entropy_bits(np.concatenate([[fillers], counts[1:]]))


# --- reading ------------------------------------------------------------------------------------------------------


def read_tensor(coding: int, size: int, count: int, data: memoryview) -> np.ndarray:
    """The elements [count] of a coded tensor, unsigned of ``size`` bytes; raises ContainerCorrupt for what is none."""
    found = np.zeros(count, np.dtype(f"<u{size}"))
    fill_tensor(found, coding, data)
    return found


def fill_tensor(out: np.ndarray, coding: int, data: memoryview) -> None:
    """Decode into ``out`` [count], zeros so far: beside it only a few megabytes are taken, whatever the data announce."""
    kind, count = out.dtype, len(out)
    if coding == RAW:
        if len(data) != count * kind.itemsize:
            raise ContainerCorrupt(f"A tensor of {count * kind.itemsize:,} bytes is kept raw in {len(data):,}.")
        out[:] = np.frombuffer(data, kind)
        return
    reader = Reader(data, "a coded tensor")
    if coding == PLANES:
        values = _open_planes(reader, kind, count)
    elif coding == CODEBOOK:
        values = _open_book(reader, kind, count)
    elif coding in (RUNS, RUNS_OF_VALUES):
        _fill_runs(out, reader, with_book=coding == RUNS)
        return
    else:
        raise ContainerCorrupt(f"A tensor is coded in a way {coding} that this version does not know.")
    reader.end()
    done = 0
    for part in values:
        out[done : done + len(part)] = part
        done += len(part)


def _open_planes(reader: Reader, kind: np.dtype, count: int) -> Iterator[np.ndarray]:
    planes = [open_stream(reader, count, 256) for _ in range(kind.itemsize)]
    return (
        np.stack([part.astype(np.uint8) for part in parts], axis=1).reshape(-1).view(kind) for parts in zip(*planes, strict=True)
    )


def _open_book(reader: Reader, kind: np.dtype, count: int) -> Iterator[np.ndarray]:
    book = _read_book(reader, kind)
    if count and not len(book):
        raise ContainerCorrupt(f"{count:,} values are announced, and the codebook is empty.")
    return (book[indices] for indices in open_stream(reader, count, max(1, len(book))))


def _read_book(reader: Reader, kind: np.dtype) -> np.ndarray:
    length = reader.varint()
    if length > MOST_SYMBOLS:
        raise ContainerCorrupt(f"A codebook has {length:,} values; at most {MOST_SYMBOLS:,} are possible.")
    return np.frombuffer(reader.take(length * kind.itemsize), kind)


def _fill_runs(out: np.ndarray, reader: Reader, with_book: bool) -> None:
    """Put the values where their runs of zeros lead."""
    entries, bits, count = reader.varint(), reader.byte(), len(out)
    if entries > count:
        raise ContainerCorrupt(f"{entries:,} values are announced for a tensor of {count:,}.")
    if not 1 <= bits <= WIDEST:
        raise ContainerCorrupt(f"Runs of zeros are said to have {bits} bits; 1 to {WIDEST} are possible.")
    runs = open_stream(reader, entries, 1 << bits)
    values = (_open_book if with_book else _open_planes)(reader, out.dtype, entries)
    reader.end()
    last = -1
    for run, part in zip(runs, values, strict=True):
        places = last + np.cumsum(run.astype(np.int64) + 1)
        last = int(places[-1])
        if last >= count:
            raise ContainerCorrupt(f"Runs of zeros lead to element {last:,} of a tensor of {count:,}.")
        out[places] = part
