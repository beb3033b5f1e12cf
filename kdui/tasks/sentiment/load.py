"""Reads the film review snippets and splits them once and for all."""

import bz2
import csv
import io
from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples, first_of_each, stratified_split
from kdui.tasks.sentiment.spec import FILE

# In the order of the labels in spec.py; the third category, "plot", is no review.
_CATEGORIES = {"rotten": 0, "fresh": 1}
_SHARES = {"test": 0.2, "validation": 0.1}
_SEED = 64


def load(folder: Path) -> dict[Split, Examples]:
    """One copy of each review snippet in three seeded stratified splits."""
    text = bz2.decompress((folder / FILE).read_bytes()).decode("utf-8")
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["category"] in _CATEGORIES]
    snippets = [row["text"].strip() for row in rows]
    whole = Examples(snippets, np.array([_CATEGORIES[row["category"]] for row in rows], dtype=np.int64))
    kept = whole.take(first_of_each(whole.inputs, whole.targets))
    parts = stratified_split(kept.targets, _SHARES, rest="train", seed=_SEED)
    return {"train": kept.take(parts["train"]), "validation": kept.take(parts["validation"]), "test": kept.take(parts["test"])}
