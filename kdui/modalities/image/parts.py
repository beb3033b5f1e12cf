"""A picture's squares as parts that can be covered, to see what a prediction hangs on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

MOST_SIDE = 8  # squares in a row and in a column, at most


def grid(shape: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of squares: one a pixel for the smallest pictures."""
    return min(MOST_SIDE, int(shape[0])), min(MOST_SIDE, int(shape[1]))


def parts(raw: Any) -> list[str]:
    """Each square as 'row, column', from 1."""
    rows, columns = grid(np.asarray(raw).shape)
    return [f"{row + 1}, {column + 1}" for row in range(rows) for column in range(columns)]


def without(raw: Any, left_out: Sequence[int]) -> np.ndarray:
    """The picture with these squares in the colour of its border: what was drawn there is gone."""
    picture = np.array(raw, np.uint8, copy=True)
    height, width = picture.shape[:2]
    rows, columns = grid(picture.shape)
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    cover = np.median(border, axis=0).astype(np.uint8)
    for place in left_out:
        row, column = divmod(int(place), columns)
        top, bottom = row * height // rows, (row + 1) * height // rows
        left, right = column * width // columns, (column + 1) * width // columns
        picture[top:bottom, left:right] = cover
    return picture
