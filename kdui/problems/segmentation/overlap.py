"""Intersection over union and Dice of classes, over all images of a split at once, and how they vary with the images.

Of each class the pixels that are predicted and true are summed over the images, as Pascal VOC does (Everingham et al. 2015,
section 4.3.1): a class of an image with few of its pixels counts little. The mean over classes takes the background with it.
"""

from typing import NamedTuple

import numpy as np

from kdui.core.statistics.paired import Difference
from kdui.core.statistics.ratios import over_ratios, ratio_interval


class Counts(NamedTuple):
    """Pixels of each image and class, [n, classes]: predicted rightly, predicted, and true."""

    shared: np.ndarray
    predicted: np.ndarray
    true: np.ndarray

    @property
    def joined(self) -> np.ndarray:
        """Pixels that are predicted or true."""
        joined: np.ndarray = self.predicted + self.true - self.shared
        return joined


def counts(predicted: np.ndarray, true: np.ndarray, classes: int) -> np.ndarray:
    """``Counts`` of class maps [n, height, width] side by side, [n, 3 · classes]."""
    rows = np.empty((len(true), 3 * classes), dtype=np.float64)
    for row, ours, theirs in zip(rows, predicted.reshape(len(true), -1), true.reshape(len(true), -1), strict=True):
        parts = (ours[ours == theirs], ours, theirs)
        row[:] = np.concatenate([np.bincount(part, minlength=classes)[:classes] for part in parts])
    return rows


def mean_iou(shared: np.ndarray, joined: np.ndarray) -> float:
    """Mean over classes that occur, in %, of pixels [n, classes] in the intersection and in the union."""
    there = joined.sum(0) > 0
    return 100 * float((shared.sum(0)[there] / joined.sum(0)[there]).mean())


def mean_dice(counted: Counts) -> float:
    """Mean Dice of the classes but the background (the first) that occur, in %."""
    total = (counted.predicted + counted.true).sum(0)[1:]
    there = total > 0
    return 100 * float((2 * counted.shared.sum(0)[1:][there] / total[there]).mean()) if there.any() else 0.0


def interval(shared: np.ndarray, joined: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the mean IoU over images, by its linear approximation."""
    return ratio_interval(mean_iou(shared, joined) + _influence(shared, joined), np.ones(len(shared)))


def difference(ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> Difference:
    """Mean IoU of one model minus another's in points, paired by image; each as (shared, joined) [n, classes]."""
    value = mean_iou(*ours) - mean_iou(*theirs)
    return over_ratios(value + _influence(*ours) - _influence(*theirs), np.ones(len(ours[0])), 1)


def _influence(shared: np.ndarray, joined: np.ndarray) -> np.ndarray:
    """What each image adds to the mean IoU in %, to first order, [n]; it sums to 0 (Cochran 1977, section 6.4, by class)."""
    there = joined.sum(0) > 0
    shared, joined = shared[:, there], joined[:, there]
    total = joined.sum(0)
    residuals = (shared - joined * (shared.sum(0) / total)) / total
    influence: np.ndarray = 100 * len(shared) * residuals.mean(1)
    return influence
