"""Outputs of cells as boxes: scores above a threshold, the best cells of an image, and non-maximum suppression a class.

The exported graph does the same in its own nodes (``graph_boxes``), with ONNX's operator.
"""

import numpy as np

from kdui.problems.softmax import softmax

CELL = 8  # pixels of a cell's side
SIDES = 4  # of a box: left, top, right, bottom, in this order
LEAST_SCORE = 0.05  # of a box that is kept at all: average precision reads uncertain ones, too
MOST_CELLS = 300  # of an image, by their best score, among which boxes suppress each other
OVERLAP = 0.5  # intersection over union beyond which the lesser of two boxes of one class goes
MOST = 64  # boxes of an image that are kept
COLUMNS = 6  # of a kept box: class from 1, score, left, top, right, bottom; a row of zeros where there is none


def kept_boxes(outputs: np.ndarray) -> np.ndarray:
    """[n, MOST, COLUMNS] by falling score, in pixels, of outputs [n, rows, columns, classes + 4]."""
    return np.stack([_of_image(each) for each in outputs])


def cell_middles(rows: int, columns: int) -> np.ndarray:
    """x, y, x, y of each cell's middle in pixels, row by row, [cells, 4]."""
    y, x = np.divmod(np.arange(rows * columns), columns)
    middles = (np.stack([x, y, x, y], axis=1) + 0.5) * CELL
    return middles.astype(np.float32)


def _of_image(outputs: np.ndarray) -> np.ndarray:
    rows, columns, _ = outputs.shape
    flat = outputs.reshape(rows * columns, -1).astype(np.float32)
    scores = softmax(flat[:, :-SIDES])[:, 1:]
    best = np.argsort(-scores.max(1), kind="stable")[:MOST_CELLS]
    best = best[scores[best].max(1) > LEAST_SCORE]
    distances = np.logaddexp(0, flat[best, -SIDES:]) * CELL  # softplus
    boxes = cell_middles(rows, columns)[best] + distances * np.array([-1, -1, 1, 1], np.float32)
    scores, overlap = scores[best], overlaps(boxes, boxes)
    found = [(label, cell) for label in range(scores.shape[1]) for cell in _not_suppressed(scores[:, label], overlap)]
    kept = np.zeros((MOST, COLUMNS), np.float32)
    found = sorted(found, key=lambda item: -scores[item[1], item[0]])[:MOST]
    for row, (label, cell) in zip(kept, found, strict=False):
        row[:2] = label + 1, scores[cell, label]
        row[2:] = boxes[cell]
    return kept


def _not_suppressed(scores: np.ndarray, overlap: np.ndarray) -> list[int]:
    """Greedy: the best box goes first and takes all away that overlap it too much."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > LEAST_SCORE]
    kept: list[int] = []
    while len(order) and len(kept) < MOST:
        first, order = order[0], order[1:]
        kept.append(int(first))
        order = order[overlap[first, order] <= OVERLAP]
    return kept


def overlaps(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes [n, 4] and [m, 4], [n, m]."""
    first = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    last = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    shared = np.clip(last - first, 0, None).prod(-1)
    area = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (ours, theirs)]
    union = area[0][:, None] + area[1][None] - shared
    found: np.ndarray = shared / np.maximum(union, np.finfo(np.float32).tiny)
    return found
