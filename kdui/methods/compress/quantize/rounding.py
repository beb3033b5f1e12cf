"""Rounding weights to low bit-widths: symmetric, per channel, round to nearest. Pure numpy."""

import numpy as np

SCALE_BYTES = 2  # a scale is kept as fp16


def quantize_channels(weight: np.ndarray, bits: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Integer codes and fp16 scales of a weight tensor, one scale for each index along ``axis``.

    Symmetric: levels −L … L with L = 2^(bits−1) − 1, scale = max|w| / L (Jacob et al. 2018, section 3, zero-point 0).
    The error of a weight is at most half its channel's scale, plus what rounding the scale to fp16 adds.
    """
    levels = 2 ** (bits - 1) - 1
    moved = np.moveaxis(weight.astype(np.float64), axis, 0).reshape(weight.shape[axis], -1)
    largest = np.abs(moved).max(axis=1) if moved.size else np.zeros(len(moved))
    # Rounded up to fp16, so that the largest weight still fits the last level; never subnormal.
    scales = np.maximum(largest / levels, 1e-7).astype(np.float16)
    scales = np.where(scales.astype(np.float64) * levels < largest, np.nextafter(scales, np.float16(np.inf)), scales).astype(
        np.float16
    )
    codes = np.clip(np.rint(moved / scales.astype(np.float64)[:, None]), -levels, levels).astype(np.int8)
    return codes, scales


def dequantize_channels(codes: np.ndarray, scales: np.ndarray, shape: tuple[int, ...], axis: int) -> np.ndarray:
    """The fp32 weights that codes [channels, rest] and scales [channels] stand for, in the original shape."""
    values = codes.astype(np.float32) * scales.astype(np.float32)[:, None]
    moved_shape = (shape[axis], *(size for position, size in enumerate(shape) if position != axis))
    return np.moveaxis(values.reshape(moved_shape), 0, axis)


def pack_codes(codes: np.ndarray, bits: int) -> bytes:
    """Codes as a stream of ``bits``-bit two's complement integers, most significant bit first: ceil(n · bits / 8) bytes."""
    unsigned = (codes.astype(np.int16).ravel() & (2**bits - 1)).astype(np.uint8)
    spread = np.unpackbits(unsigned[:, None], axis=1)[:, 8 - bits :]
    return np.packbits(spread.ravel()).tobytes()


def unpack_codes(packed: bytes, bits: int, count: int) -> np.ndarray:
    """The first ``count`` codes of a packed stream, int8."""
    spread = np.unpackbits(np.frombuffer(packed, np.uint8))[: count * bits].reshape(count, bits)
    unsigned = np.packbits(np.concatenate([np.zeros((count, 8 - bits), np.uint8), spread], axis=1), axis=1)[:, 0].astype(np.int16)
    return np.where(unsigned >= 2 ** (bits - 1), unsigned - 2**bits, unsigned).astype(np.int8)


def packed_bytes(count: int, channels: int, bits: int) -> int:
    """Size of a packed tensor: its codes and one fp16 scale a channel."""
    return (count * bits + 7) // 8 + channels * SCALE_BYTES
