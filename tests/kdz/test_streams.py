"""Streams of symbols and packed bits: exact for every histogram, and never larger than what a fixed width takes."""

import numpy as np
import pytest
from bitarray import bitarray
from hypothesis import given, settings
from hypothesis import strategies as st

from kdui.core.errors import ContainerCorrupt
from kdui.kdz.byte_reader import Reader, varint
from kdui.kdz.packing import CHUNK, pack_bits, packed_size, unpack_bits
from kdui.kdz.streams import CONSTANT, HUFFMAN, LONGEST_CODE, PACKED, entropy_bits, plan_stream, read_stream, write_stream


def back_and_forth(symbols: np.ndarray, alphabet: int):
    plan = plan_stream(np.bincount(symbols, minlength=alphabet))
    data = write_stream(plan, symbols)
    assert len(data) == plan.size
    reader = Reader(data)
    decoded = read_stream(reader, len(symbols), alphabet)
    reader.end()
    assert decoded.dtype == np.uint16 and np.array_equal(decoded, symbols)
    return plan


@given(st.integers(1, 16), st.lists(st.integers(0, 2**16 - 1), max_size=100))
def test_bits_come_back(bits, numbers):
    values = np.array(numbers, np.uint16) & ((1 << bits) - 1)
    packed = pack_bits(values, bits)
    assert len(packed) == packed_size(len(values), bits)
    assert np.array_equal(unpack_bits(memoryview(packed), bits, len(values)), values)
    written = bitarray("".join(f"{value:0{bits}b}" for value in values.tolist()), endian="big")
    assert packed == written.tobytes()


def test_bits_come_back_across_chunks():
    values = np.random.default_rng(0).integers(0, 8, CHUNK + 5).astype(np.uint16)
    assert np.array_equal(unpack_bits(memoryview(pack_bits(values, 3)), 3, len(values)), values)


@given(st.lists(st.integers(0, 40), max_size=300), st.sampled_from([41, 256, 257, 65536]))
def test_any_symbols_come_back(numbers, alphabet):
    back_and_forth(np.array(numbers, np.uint16), alphabet)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 400), min_size=2, max_size=60), st.randoms(use_true_random=False))
def test_any_histogram_comes_back_within_a_bit_of_its_entropy(counts, random):
    symbols = np.repeat(np.arange(len(counts), dtype=np.uint16), counts)
    random.shuffle(order := list(range(len(symbols))))
    plan = back_and_forth(symbols[order], len(counts))
    table = 2 + 3 * len(counts) + 32
    assert plan.size <= (entropy_bits(np.array(counts)) + len(symbols)) / 8 + table


def test_one_symbol_takes_no_bits():
    plan = back_and_forth(np.full(100_000, 7, np.uint16), 16)
    assert (plan.mode, plan.size) == (CONSTANT, 3)


def test_fibonacci_counts_make_no_code_too_long():
    counts = [1, 1]
    while len(counts) < 34:
        counts.append(counts[-1] + counts[-2])
    plan = plan_stream(np.array(counts))
    assert plan.mode == HUFFMAN and len(plan.lengths) <= LONGEST_CODE  # Huffman's own would have 33 bits
    assert plan.size < 1.05 * entropy_bits(np.array(counts)) / 8 + 100
    symbols = np.repeat(np.arange(26, dtype=np.uint16), counts[:26])
    assert back_and_forth(symbols, 26).mode == HUFFMAN


def test_two_to_the_sixteenth_symbols():
    symbols = np.concatenate([np.arange(2**16), np.zeros(2**17)]).astype(np.uint16)
    plan = back_and_forth(symbols, 2**16)
    assert plan.mode == HUFFMAN
    assert back_and_forth(np.arange(2**16).astype(np.uint16), 2**16).mode == PACKED


def huffman(lengths, order=(), payload=b"\x00", longest=None):
    head = bytes([HUFFMAN, longest or len(lengths)]) + b"".join(varint(number) for number in lengths)
    return head + (b"\x01" + bytes(order) if order else b"\x00") + varint(len(payload)) + payload


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bytes([9]), "does not know"),
        (bytes([PACKED, 0]), "0 bits"),
        (bytes([PACKED, 17]), "17 bits"),
        (bytes([PACKED, 8, 1, 2]), "ends too early"),
        (bytes([PACKED, 8, 1, 2, 3, 200]), "entry 200 of a table of 4"),
        (bytes([PACKED, 3, 0, 1]), "not zero"),
        (bytes([CONSTANT, 4, 0]), "entry 4 of a table of 4"),
        (huffman([2, 1]), "no complete prefix code"),  # more codes than bits can distinguish
        (huffman([1]), "no complete prefix code"),  # a bit that means nothing
        (huffman([1, 1, 1]), "no complete prefix code"),
        (huffman([0] * 25), "codes of 25 bits"),
        (huffman([0], longest=255), "codes of 255 bits"),
        (huffman([0, 0, 8]), "8 codes for 4 symbols"),
        (huffman([0, 0, 2**60]), "codes for 4 symbols"),
        (huffman([1, 1, 2], order=(0, 1, 1, 2)), "twice"),
        (huffman([1, 1, 2], order=(0, 1, 2, 4)), "entry 4 of a table of 4"),
        (huffman([1, 1, 2], payload=b""), "cannot stand in 0 bytes"),
        (huffman([1, 1, 2], payload=b"\xff"), "in the middle"),
        (huffman([1, 1, 2], payload=b"\x00\x00"), "more than its symbols"),
        (huffman([1, 1, 2], payload=b"\x01"), "more than its symbols"),
    ],
)
def test_hostile_streams_are_refused(data, words):
    with pytest.raises(ContainerCorrupt, match=words):
        read_stream(Reader(data), 4, 4)


def test_numbers_of_more_than_64_bits_are_refused():
    for data in (b"\xff" * 9 + b"\x02", b"\xff" * 11, b"\x80" * 10):
        with pytest.raises(ContainerCorrupt, match="64 bits"):
            Reader(data).varint()
    assert Reader(varint(2**64 - 1)).varint() == 2**64 - 1
