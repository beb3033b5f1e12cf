"""Reads the four idx.gz files of Fashion-MNIST."""

import gzip
from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples, stratified_split

_SHARES = {"validation": 1 / 12}
_SEED = 28


def load(folder: Path) -> dict[Split, Examples]:
    """55,000 training, 5,000 validation (500 of each kind, off the training files) and the 10,000 test images."""
    training, test = _read(folder, "train"), _read(folder, "t10k")
    parts = stratified_split(training.targets, _SHARES, rest="train", seed=_SEED)
    return {"train": training.take(parts["train"]), "validation": training.take(parts["validation"]), "test": test}


def _read(folder: Path, part: str) -> Examples:
    pictures = read_idx(folder / f"{part}-images-idx3-ubyte.gz")[..., None]
    targets = read_idx(folder / f"{part}-labels-idx1-ubyte.gz").astype(np.int64)
    if len(pictures) != len(targets):
        raise ValueError(f"{part} has {len(pictures)} images but {len(targets)} labels")
    return Examples(pictures, targets)


def read_idx(path: Path) -> np.ndarray:
    """A gzipped idx file of unsigned bytes: two zero bytes, type 8, number of axes, their lengths (big-endian), the data."""
    data = gzip.decompress(path.read_bytes())
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name} is not an idx file of bytes")
    axes = data[3]
    shape = tuple(int(length) for length in np.frombuffer(data, ">u4", count=axes, offset=4))
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
