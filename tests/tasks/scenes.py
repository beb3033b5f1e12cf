"""The four files of Fashion-MNIST, small: scikit-learn's digits in their place, and the task of scenes made of them."""

import gzip
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from kdui.tasks.fashion_mnist.spec import FILES

PER_CLASS = 12


def write_items(folder: Path) -> Path:
    """Ten classes of 28 × 28 grey images: 120 to train and validate with, and 120 others to test with."""
    folder.mkdir(parents=True, exist_ok=True)
    digits, targets = load_digits(return_X_y=True)
    pictures = np.stack([enlarged(each.reshape(8, 8)) for each in digits[: 40 * PER_CLASS]])
    places = [np.flatnonzero(targets[: len(pictures)] == label) for label in range(10)]
    for first, names in ((0, FILES[:2]), (PER_CLASS, FILES[2:])):
        chosen = np.concatenate([found[first : first + PER_CLASS] for found in places])
        for name, array in zip(names, (pictures[chosen], targets[chosen].astype(np.uint8)), strict=True):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
            (folder / name).write_bytes(gzip.compress(header + array.tobytes(), 1))
    return folder


def enlarged(levels: np.ndarray) -> np.ndarray:
    """A digit of 8 × 8 levels up to 16 as 28 × 28 bytes."""
    picture = Image.fromarray(np.clip(levels * 16, 0, 255).astype(np.uint8))
    return np.asarray(picture.resize((28, 28), Image.Resampling.BILINEAR))
