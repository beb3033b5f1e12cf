"""Texts by topic as the wheel of Orange's text add-on holds them (Cardoso-Cachopo 2007): tables of category and text."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples, first_of_each, stratified_split

_HEADER_LINES = 3  # names, types, roles
_SHARES = {"validation": 0.1}


def topic_splits(folder: Path, stem: str, categories: Mapping[str, int], seed: int) -> dict[Split, Examples]:
    """The standard test texts whole; of the training texts one copy each, none that is a test text, a tenth for validation.

    ``categories``: what the files call the labels, and their numbers. Raises KeyError for another one; a row that has a text
    without a category is left out.
    """
    training, test = (_read(folder / f"{stem}-{part}.tab", categories) for part in ("train", "test"))
    kept = training.take(first_of_each(training.inputs, training.targets, without=test.inputs))
    parts = stratified_split(kept.targets, _SHARES, rest="train", seed=seed)
    return {"train": kept.take(parts["train"]), "validation": kept.take(parts["validation"]), "test": test}


def _read(path: Path, categories: Mapping[str, int]) -> Examples:
    lines = path.read_text(encoding="utf-8").split("\n")[_HEADER_LINES:]
    rows = [line.split("\t") for line in lines if line]
    found = [(categories[category], text.strip()) for category, text in rows if category]
    return Examples([text for _, text in found], np.array([number for number, _ in found], dtype=np.int64))
