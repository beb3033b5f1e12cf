"""Reads the digits out of scikit-learn and splits them once and for all."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples, stratified_split

_SHARES = {"test": 0.2, "validation": 0.1}
_SEED = 8


def load(folder: Path) -> dict[Split, Examples]:
    """The 1,797 digits in three seeded stratified splits; grey levels 0..16 become 0..255. The folder is not needed."""
    data = load_digits()
    pictures = np.rint(data.images * (255 / 16)).astype(np.uint8)[..., None]
    whole = Examples(pictures, data.target.astype(np.int64))
    parts = stratified_split(whole.targets, _SHARES, rest="train", seed=_SEED)
    return {"train": whole.take(parts["train"]), "validation": whole.take(parts["validation"]), "test": whole.take(parts["test"])}
