"""Boxes of images, as targets that all have the same shape."""

from collections.abc import Sequence

import numpy as np

Box = tuple[int, int, int, int, int]  # class from 1, left, top, right, bottom in pixels, right and bottom outside


def filled_up(boxes: Sequence[Sequence[Box]], most: int = 0) -> np.ndarray:
    """int64 [images, most, 5], rows of zeros after an image's own; ``most``: at least as many rows."""
    targets = np.zeros((len(boxes), max(most, *map(len, boxes)), 5), np.int64)
    for rows, own in zip(targets, boxes, strict=True):
        if own:
            rows[: len(own)] = own
    return targets
