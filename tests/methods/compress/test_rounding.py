"""Rounding to low bit-widths: the error stays within its bound, and packed codes come back as they were."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kdui.methods.compress.quantize.rounding import dequantize_channels, pack_codes, packed_bytes, quantize_channels, unpack_codes

BITS = st.integers(2, 8)
WEIGHTS = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=4, max_side=6), elements=st.floats(-8, 8, width=32, allow_subnormal=False)
)


@given(weight=WEIGHTS, bits=BITS, place=st.integers(0, 3))
def test_error_is_at_most_half_a_scale_plus_what_the_scales_own_rounding_adds(weight, bits, place):
    axis = place % weight.ndim
    codes, scales = quantize_channels(weight, bits, axis)
    back = dequantize_channels(codes, scales, weight.shape, axis)
    channels = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float64)
    errors = np.abs(channels - np.moveaxis(back, axis, 0).reshape(len(channels), -1)).max(axis=1)
    # fp16 has 11 significant bits, so a scale rounded up is at most 2^-10 larger; below its normal range steps are 2^-24.
    ideal = np.abs(channels).max(axis=1) / (2 ** (bits - 1) - 1)
    bound = 0.5 * np.maximum(ideal * (1 + 2.0**-10), ideal + 2.0**-23) + 1e-7
    assert (errors <= np.maximum(bound, 1e-7)).all()


@given(weight=WEIGHTS, bits=BITS)
def test_codes_use_the_symmetric_range_and_the_largest_weight_its_last_level(weight, bits):
    codes, scales = quantize_channels(weight, bits, 0)
    levels = 2 ** (bits - 1) - 1
    assert (codes.dtype, scales.dtype) == (np.int8, np.float16)
    assert np.abs(codes.astype(int)).max(initial=0) <= levels
    large = np.abs(weight.reshape(len(weight), -1)).max(axis=1) > 0.01
    assert (np.abs(codes.astype(int)).max(axis=1)[large] == levels).all()


def test_two_bits_are_three_levels_by_hand():
    codes, scales = quantize_channels(np.array([[-1.0, -0.4, 0.2, 0.6], [0.0, 0.0, 0.0, 0.0]], np.float32), 2, 0)
    assert codes.tolist() == [[-1, 0, 0, 1], [0, 0, 0, 0]]
    assert float(scales[0]) == 1.0


def test_each_bit_halves_the_error():
    weight = np.random.default_rng(0).normal(size=(16, 400)).astype(np.float32)
    errors = []
    for bits in range(2, 9):
        codes, scales = quantize_channels(weight, bits, 0)
        errors.append(float(np.abs(weight - dequantize_channels(codes, scales, weight.shape, 0)).mean()))
    ratios = [errors[place] / errors[place + 1] for place in range(1, 6)]
    assert all(1.8 < ratio < 2.5 for ratio in ratios), ratios


@given(bits=BITS, data=st.data())
def test_packed_codes_come_back(bits, data):
    levels = 2 ** (bits - 1) - 1
    codes = data.draw(hnp.arrays(np.int8, st.integers(1, 60), elements=st.integers(-levels, levels)))
    packed = pack_codes(codes, bits)
    assert len(packed) == math.ceil(len(codes) * bits / 8)
    assert np.array_equal(unpack_codes(packed, bits, len(codes)), codes)


@pytest.mark.parametrize(("count", "channels", "bits", "expected"), [(100, 10, 4, 50 + 20), (3, 1, 3, 2 + 2), (9, 3, 8, 9 + 6)])
def test_packed_size_by_hand(count, channels, bits, expected):
    assert packed_bytes(count, channels, bits) == expected


def test_packing_order_is_the_one_that_is_documented():
    # 3-bit two's complement, most significant bit first: 1 = 001, -1 = 111, 2 = 010, then padding zeros.
    assert pack_codes(np.array([1, -1, 2], np.int8), 3) == bytes([0b00111101, 0b00000000])
