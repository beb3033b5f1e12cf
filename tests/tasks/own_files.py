"""Small files of a person: labelled texts that differ, and real digits as images in a folder for each class."""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

_WORDS = ("apple", "river", "stone", "cloud", "lamp", "paper", "glass", "horse", "bread", "winter", "garden", "music")
_TELLING = {"good": ("lovely", "great", "superb"), "bad": ("awful", "dull", "broken")}


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of nine words with their label, two of which tell it; no two are alike."""
    random = np.random.RandomState(seed)
    rows = []
    for place in range(count):
        label = ("good", "bad")[place % 2]
        words = [*random.choice(_WORDS, 6), *random.choice(_TELLING[label], 2), f"n{seed}x{place}"]
        rows.append((" ".join(words[at] for at in random.permutation(9)), label))
    return rows


def digit_folder(folder: Path, classes: int = 3, each: int = 40) -> Path:
    """scikit-learn's handwritten digits as PNG files, ``folder/zero/12.png`` …"""
    digits = load_digits()
    for label, name in enumerate(("zero", "one", "two", "three")[:classes]):
        (folder / name).mkdir(parents=True)
        for index in np.flatnonzero(digits.target == label)[:each]:
            levels = (digits.images[index] * 255 / 16).astype(np.uint8)
            Image.fromarray(levels).save(folder / name / f"{index}.png")
    return folder
