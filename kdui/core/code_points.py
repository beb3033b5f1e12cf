"""Texts as arrays of numbers, so that a task whose answer is a text can have targets [n, length]: a code point each, then −1."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

AFTER = -1  # in every place after a text's end


def code_points(texts: Sequence[str]) -> "np.ndarray":
    """The texts' Unicode code points, int64 [n, longest]; one place at least."""
    import numpy as np

    longest = max([1, *map(len, texts)])
    points = np.full((len(texts), longest), AFTER, dtype=np.int64)
    for row, text in zip(points, texts, strict=True):
        row[: len(text)] = [ord(letter) for letter in text]
    return points


def text_of(points: Iterable[int]) -> str:
    """The text of one row."""
    return "".join(chr(point) for point in points if point != AFTER)
