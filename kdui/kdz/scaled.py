"""Rows of shared values, each row times a scale of its own: what is left of a codebook when batch normalisation is folded in.

Exporters multiply each output channel of a convolution by γ/√(σ²+ε) in fp32. Few shared values then become as many for every
channel; taken apart again, bit for bit, they are few as before.
"""

import numpy as np

from kdui.core.errors import ContainerCorrupt
from kdui.kdz.byte_reader import Reader, varint
from kdui.kdz.tensors import Coded, code_tensor, fill_tensor

SCALED = 5
NEAR = 4  # units in the last place: how far the true scale may lie from the quotient that rounding has moved


def scaled_rows(base: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Each row of the base [rows, ...] times its scale in fp32, rounded to nearest as IEEE 754 says."""
    with np.errstate(all="ignore"):
        product = base.reshape(len(scales), -1).astype(np.float32, copy=False) * scales.astype(np.float32, copy=False)[:, None]
    return product.reshape(base.shape)


def scales_between(base: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """The fp32 scale of each row with base · scale = weights, bit for bit; None where there are none."""
    if base.shape != weights.shape or base.dtype != np.float32 or weights.dtype != np.float32 or not weights.size:
        return None
    if not (_plain(base) and _plain(weights)):
        return None
    ours, theirs = (array.reshape(len(array), -1) for array in (base, weights))
    rows = np.arange(len(ours))
    largest = np.abs(ours).argmax(1)
    with np.errstate(all="ignore"):
        quotients = (theirs[rows, largest].astype(np.float64) / ours[rows, largest]).astype(np.float32)
    signs = np.where(np.signbit(theirs[:, 0]) != np.signbit(ours[:, 0]), np.float32(-1), np.float32(1))  # of rows of zeros
    quotients = np.where(ours[rows, largest] == 0, signs, quotients)
    found = np.full(len(ours), np.nan, np.float32)
    for step in range(-NEAR, NEAR + 1):
        tried = (quotients.view(np.int32) + np.int32(step)).view(np.float32)
        same = (scaled_rows(ours, tried).view(np.uint32) == theirs.view(np.uint32)).all(1)
        found = np.where(np.isnan(found) & same, tried, found)
    return None if np.isnan(found).any() or not _plain(found) else found


def _plain(values: np.ndarray) -> bool:
    """Whether all are zero or normal numbers: some processes flush subnormal ones, and a NaN's bits vary."""
    exponents = np.ascontiguousarray(values).view(np.uint32) & 0x7F800000
    zeros = (values.view(np.uint32) & 0x7FFFFFFF) == 0
    return bool((zeros | ((exponents != 0) & (exponents != 0x7F800000))).all())


def code_scaled(data: bytes | memoryview, base: np.ndarray) -> Coded | None:
    """The coding of fp32 weights as scaled rows of ``base``; None where they are no such thing."""
    weights = np.frombuffer(data, "<f4").reshape(base.shape)
    scales = scales_between(base, weights)
    if scales is None:
        return None
    inner = code_tensor(np.ascontiguousarray(base, "<f4").tobytes(), 4)
    head = varint(len(scales)) + scales.astype("<f4").tobytes() + bytes([inner.coding])
    return Coded(SCALED, head + inner.data, inner.distinct, inner.entropy_bytes, inner.huffman, f"scaled rows of {inner.title}")


def fill_scaled(out: np.ndarray, data: memoryview) -> None:
    """Decode scaled rows into ``out`` [count], unsigned numbers, zeros so far; raises ContainerCorrupt for what is none."""
    reader, count = Reader(data, "a coded tensor"), len(out)
    rows = reader.varint()
    if out.dtype.itemsize != 4 or rows == 0 or count % rows:
        raise ContainerCorrupt(f"{count:,} elements of {out.dtype.itemsize} bytes cannot be {rows:,} rows of fp32 weights.")
    scales = np.frombuffer(reader.take(4 * rows), "<f4")
    fill_tensor(out, reader.byte(), reader.take(reader.left))
    if count:
        weights = out.view("<f4").reshape(rows, -1)
        with np.errstate(all="ignore"):
            np.multiply(weights, scales[:, None], out=weights)
