"""Histories as counts, for models that are computed from the data at once and not trained step by step."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kdui.tasks.examples import Examples


class Learned(NamedTuple):
    """What such a model is made from: the training examples, and how well a module does on the validation data."""

    train: Examples
    judge: Callable[[], float]  # the headline of the module as it is, on the validation data
    better: Callable[[float, float], bool]
    log: Callable[[str], None]
    progress: Callable[[float], None]


def taken_by_person(train: Examples, items: int) -> np.ndarray:
    """0 or 1 [people, items] in fp32: who took what in the training data.

    Examples of one person follow each other, each with what went before it: a new person begins where a history is no longer
    the one before with something added.
    """
    rows: list[np.ndarray] = []
    numbers = {name: number for number, name in enumerate(train.names)}
    before: tuple[str, ...] = ()
    for history, targets in zip(train.inputs, train.targets, strict=True):
        if not rows or not _goes_on(before, history):
            rows.append(np.zeros(items, np.float32))
        rows[-1][[numbers[name] for name in history]] = 1
        rows[-1][targets[targets >= 0]] = 1
        before = history
    return np.stack(rows)


def _goes_on(before: tuple[str, ...], history: tuple[str, ...]) -> bool:
    """Whether a history, the latest first, holds the latest item of the one before it, which a new person's first one cannot."""
    return len(history) > 1 and bool(before) and before[0] in history[1:]
