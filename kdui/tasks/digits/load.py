"""Reads the digits out of scikit-learn and splits them once and for all."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.core.errors import KduiError
from kdui.tasks.examples import Examples, stratified_split

_FILE = "datasets/data/digits.csv.gz"
_SHARES = {"test": 0.2, "validation": 0.1}
_SEED = 8


def load(folder: Path) -> dict[Split, Examples]:
    """The 1,797 digits in three seeded stratified splits; grey levels 0..16 become 0..255. The folder is not needed."""
    levels, labels = _read()
    pictures = np.rint(levels * (255 / 16)).astype(np.uint8)[..., None]
    whole = Examples(pictures, labels)
    parts = stratified_split(whole.targets, _SHARES, rest="train", seed=_SEED)
    return {"train": whole.take(parts["train"]), "validation": whole.take(parts["validation"]), "test": whole.take(parts["test"])}


def _read() -> tuple[np.ndarray, np.ndarray]:
    """Grey levels [n, 8, 8] in 0..16 and labels [n], as ``sklearn.datasets.load_digits`` gives them.

    Read out of the installed package's file: importing it would cost every process that looks at a digit a second.
    """
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise KduiError("The digits are a part of scikit-learn, which is not installed. Run pip install -r requirements.txt.")
    with gzip.open(Path(package.origin).parent / _FILE, "rt", encoding="utf-8") as rows:
        table = np.loadtxt(rows, delimiter=",")
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)
