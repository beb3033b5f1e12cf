"""Reads Reuters-R8 from Orange's tab-separated files."""

from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples, first_of_each, stratified_split

# In the order of the labels in spec.py.
_CATEGORIES = {"acq": 0, "crude": 1, "earn": 2, "grain": 3, "interest": 4, "money-fx": 5, "ship": 6, "trade": 7}
_HEADER_LINES = 3  # names, types, roles
_SHARES = {"validation": 0.1}
_SEED = 21578


def load(folder: Path) -> dict[Split, Examples]:
    """The standard test texts whole; of the training texts one copy each, none that is a test text, a tenth for validation."""
    training, test = _read(folder / "reuters-r8-train.tab"), _read(folder / "reuters-r8-test.tab")
    kept = training.take(first_of_each(training.inputs, training.targets, without=test.inputs))
    parts = stratified_split(kept.targets, _SHARES, rest="train", seed=_SEED)
    return {"train": kept.take(parts["train"]), "validation": kept.take(parts["validation"]), "test": test}


def _read(path: Path) -> Examples:
    lines = path.read_text(encoding="utf-8").split("\n")[_HEADER_LINES:]
    rows = [line.split("\t") for line in lines if line]
    texts = [text.strip() for _, text in rows]
    return Examples(texts, np.array([_CATEGORIES[category] for category, _ in rows], dtype=np.int64))
