"""Whether a classifier's probabilities mean what they say: reliability bins, expected calibration error, temperature scaling.

Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of Modern Neural Networks", sections 2 (ECE) and 4.2 (temperature scaling).
Pure numpy over outputs [n, labels] (logits) and targets [n].
"""

import numpy as np

from kdui.core.plain import Frozen
from kdui.problems.softmax import log_softmax, softmax

BINS = 15
COLDEST, HOTTEST, STEPS = 0.05, 20.0, 60


class Bin(Frozen):
    """Examples whose highest probability lies in one part of 0..1: how confident the model was, and how often it was right."""

    confidence: float
    accuracy: float
    count: int


def reliability(outputs: np.ndarray, targets: np.ndarray, bins: int = BINS, temperature: float = 1.0) -> list[Bin]:
    """The bins that hold examples, the least sure first; bin m covers the confidences in ((m − 1)/bins, m/bins]."""
    probabilities = softmax(outputs, temperature)
    confidence, right = probabilities.max(-1), probabilities.argmax(-1) == targets
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return [
        Bin(
            confidence=float(confidence[place == at].mean()),
            accuracy=float(right[place == at].mean()),
            count=int((place == at).sum()),
        )
        for at in np.unique(place)
    ]


def expected_calibration_error(outputs: np.ndarray, targets: np.ndarray, bins: int = BINS, temperature: float = 1.0) -> float:
    """Mean of |accuracy − confidence| over the bins, weighted by their examples; 0..1 (equation 3)."""
    reliability_bins = reliability(outputs, targets, bins, temperature)
    return sum(each.count * abs(each.accuracy - each.confidence) for each in reliability_bins) / len(targets)


def fitted_temperature(outputs: np.ndarray, targets: np.ndarray) -> float:
    """The T that gives outputs ÷ T the lowest cross-entropy, by golden-section search over log T in 0.05 … 20.

    The loss has one minimum in 1/T, so the search finds it; where every prediction is right it ends at the coldest T.
    """
    golden = (np.sqrt(5) - 1) / 2
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(STEPS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if _cross_entropy(outputs, targets, np.exp(left)) < _cross_entropy(outputs, targets, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _cross_entropy(outputs: np.ndarray, targets: np.ndarray, temperature: float) -> float:
    return float(-log_softmax(outputs, temperature)[np.arange(len(targets)), targets].mean())


def calibrated_error(outputs: np.ndarray, targets: np.ndarray) -> float:
    """ECE after temperature scaling, with T fitted on one half of the examples and the error taken on the other, both ways.

    Fitted and judged on the same examples it would look better than it is.
    """
    halves = [np.arange(start, len(targets), 2) for start in (0, 1)]
    errors = [
        expected_calibration_error(
            outputs[judged], targets[judged], temperature=fitted_temperature(outputs[fitted], targets[fitted])
        )
        for fitted, judged in (halves, halves[::-1])
    ]
    return float(np.mean(errors))
