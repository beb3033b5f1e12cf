"""Writes a GGUF file (ggml's docs/gguf.md, version 3): facts as key-value pairs, tensors in F32, F16, Q8_0 or Q4_0.

Blocks as ``quantize_row_q8_0_ref`` and ``quantize_row_q4_0_ref`` of ggml-quants.c make them: 32 weights share a scale in fp16.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

Kind = Literal["F32", "F16", "Q4_0", "Q8_0"]
KINDS: dict[Kind, int] = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8}
BLOCK = 32
_ALIGNMENT = 32
_UINT32, _FLOAT32, _BOOL, _TEXT, _LIST, _INT32 = 4, 6, 7, 8, 9, 5


def write_gguf(path: Path, facts: Mapping[str, Any], tensors: Mapping[str, tuple[np.ndarray, Kind]]) -> None:
    """``facts``: texts, whole numbers from 0, fractions, booleans, and lists of texts or whole numbers; ``tensors``: fp32 values
    by name with the kind in which they are stored, those in blocks with rows of whole blocks."""
    pairs = [_text(name) + _pair(value) for name, value in facts.items()]
    infos, start = [], 0
    for name, (values, kind) in tensors.items():
        axes = struct.pack(f"<I{values.ndim}Q", values.ndim, *values.shape[::-1])  # the file counts from the fastest axis
        infos.append(_text(name) + axes + struct.pack("<IQ", KINDS[kind], start))
        start += _padded(stored_bytes(values.size, kind))
    head = b"".join([b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(facts)), *pairs, *infos])
    with path.open("wb") as file:
        file.write(head.ljust(_padded(len(head)), b"\0"))
        for values, kind in tensors.values():
            data = _WRITE[kind](np.ascontiguousarray(values, np.float32))
            file.write(data.ljust(_padded(len(data)), b"\0"))


def stored_bytes(count: int, kind: Kind) -> int:
    """Bytes of this many weights."""
    return {"F32": 4 * count, "F16": 2 * count, "Q4_0": count // BLOCK * 18, "Q8_0": count // BLOCK * 34}[kind]


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _pair(value: Any) -> bytes:
    if isinstance(value, list):
        kind, items = (
            (_TEXT, map(_text, value)) if isinstance(value[0], str) else (_INT32, (struct.pack("<i", one) for one in value))
        )
        return struct.pack("<IIQ", _LIST, kind, len(value)) + b"".join(items)
    if isinstance(value, str):
        return struct.pack("<I", _TEXT) + _text(value)
    if isinstance(value, bool):
        return struct.pack("<I?", _BOOL, value)
    return struct.pack("<If", _FLOAT32, value) if isinstance(value, float) else struct.pack("<II", _UINT32, value)


def _q8_0(values: np.ndarray) -> bytes:
    rows = values.reshape(-1, BLOCK)
    scale = np.abs(rows).max(1, keepdims=True) / 127
    codes = np.rint(rows * _inverse(scale)).astype(np.int8)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), codes.view(np.uint8)], axis=1).tobytes()


def _q4_0(values: np.ndarray) -> bytes:
    """The weight of the largest magnitude gets the code 0, that is −8: it is kept exactly, on either side of zero."""
    rows = values.reshape(-1, BLOCK)
    largest = np.take_along_axis(rows, np.abs(rows).argmax(1)[:, None], axis=1)
    scale = largest / -8
    codes = np.minimum(15, (rows * _inverse(scale) + 8.5).astype(np.int8)).astype(np.uint8)
    packed = codes[:, : BLOCK // 2] | codes[:, BLOCK // 2 :] << 4
    return np.concatenate([scale.astype(np.float16).view(np.uint8), packed], axis=1).tobytes()


def _inverse(scale: np.ndarray) -> np.ndarray:
    inverse: np.ndarray = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale != 0)
    return inverse


_WRITE = {
    "F32": lambda values: values.tobytes(),
    "F16": lambda values: values.astype(np.float16).tobytes(),
    "Q4_0": _q4_0,
    "Q8_0": _q8_0,
}
