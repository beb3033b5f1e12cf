"""The judge: a small classifier of the data's classes, trained once (``kdui/bench/judge.py``), in whose features pictures meet.

A file and not a model of the store, because a distance in other features is another metric: everybody measures with the same
one. The task names its digest.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FILE = Path(__file__).with_name("judge.onnx")
_AT_ONCE = 500


class Judged(NamedTuple):
    """Features [n, k] and logits [n, classes], fp32."""

    features: np.ndarray
    logits: np.ndarray


def judge(pixels: np.ndarray) -> Judged:
    """Of pictures [n, height, width, channels]: levels uint8, or floats in 0..1."""
    scaled = pixels.astype(np.float32) / 255 if pixels.dtype.kind in "iu" else pixels.astype(np.float32)
    inputs = np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))
    parts = [_session().run(None, {"pixels": inputs[start : start + _AT_ONCE]}) for start in range(0, len(inputs), _AT_ONCE)]
    features, logits = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Judged(features, logits)


def digest() -> str:
    """The sha256 of the judge's file."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()


@lru_cache(maxsize=1)
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(FILE), options, providers=["CPUExecutionProvider"])
