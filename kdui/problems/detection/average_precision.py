"""Average precision of matched boxes as COCO has it, over all images or over images that are drawn again.

The mean over classes that occur and over the thresholds 0.50, 0.55, …, 0.95 of the precision at 101 recalls (mAP), or at 0.50
alone (AP50). It is no mean over images, so intervals come from the bootstrap: images are drawn with replacement, for two models
the same ones. A match depends on its own image alone, so boxes are matched once.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from kdui.problems.detection.matches import THRESHOLDS

RECALLS = np.linspace(0, 1, 101)
AT_ONCE = 50  # draws that are computed together


class Scores(NamedTuple):
    """mAP and AP50 in %, [draws] each."""

    mean: np.ndarray
    at_half: np.ndarray


def average_precision(kept: Mapping[str, np.ndarray], drawn: np.ndarray) -> Scores:
    """``kept``: ``classes``, ``scores`` and ``hits`` [n, most] of the boxes, ``true`` [n, classes] how many there are;
    ``drawn`` [draws, n]: how often each image counts."""
    image, place = np.nonzero(kept["classes"])
    order = np.argsort(-kept["scores"][image, place], kind="stable")
    image, place = image[order], place[order]
    classes, hits = kept["classes"][image, place], kept["hits"][image, place]
    true = drawn @ kept["true"].astype(np.float64)  # [draws, classes]
    sums, halves = np.zeros(len(drawn)), np.zeros(len(drawn))
    for number in range(true.shape[1]):
        chosen = classes == number + 1
        of_class = _of_class(hits[chosen], image[chosen], drawn, true[:, number])
        sums += of_class.mean(0)
        halves += of_class[0]
    there = np.maximum((true > 0).sum(1), 1)
    return Scores(100 * sums / there, 100 * halves / there)


def _of_class(hits: np.ndarray, image: np.ndarray, drawn: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Average precision 0..1 of one class, [thresholds, draws]; 0 where a draw holds none of its objects."""
    found = np.zeros((len(THRESHOLDS), len(drawn)))
    if not len(hits):
        return found
    for start in range(0, len(drawn), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        weight = drawn[part][:, image]  # [draws, boxes]
        counted = np.maximum(weight.cumsum(1), np.finfo(np.float64).tiny)
        for threshold in range(len(THRESHOLDS)):
            at = np.flatnonzero(hits >> threshold & 1)  # between hits recall stays and precision falls
            if len(at):
                right = weight[:, at].cumsum(1)
                found[threshold, part] = _area(right, right / counted[:, at], true[part])
    return found


def _area(right: np.ndarray, precision: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean precision at the recalls, [draws], of cumulated hits and precisions [draws, hits] in the order of scores.

    The precision at a recall is the highest at that recall or a later one; 0 beyond the last.
    """
    draws, hits = right.shape
    highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = right / np.maximum(true, 1)[:, None]
    row = np.arange(draws)[:, None]
    # One search for all draws: each has its own stretch of the numbers, for a recall is at most 1.
    at = np.searchsorted((recall + 2 * row).ravel(), (RECALLS + 2 * row).ravel()).reshape(draws, -1) - hits * row
    inside = at < hits
    area: np.ndarray = (highest[row, np.minimum(at, hits - 1)] * inside).mean(1)
    return np.where(true > 0, area, 0)
