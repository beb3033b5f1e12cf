"""How a ranking of all items is judged: what of a person's next items stands among the first ten, without sampled candidates.

Metrics over sampled candidates order models otherwise than those over all items (Krichene and Rendle 2020, "On sampled metrics
for item recommendation", KDD).
"""

import numpy as np

from kdui.core.metric import Metric
from kdui.problems.softmax import log_softmax

FIRST = 10
HIT_RATE = Metric(name="hit_rate_at_10", title="HR@10", unit="%")
COVERAGE = Metric(name="coverage_at_10", title="Catalogue coverage@10", unit="%")
_DISCOUNTS = 1 / np.log2(np.arange(2, FIRST + 2))
# Columns of a person's values; behind them the items that stand first.
GAIN, HIT, LOSS, ITEMS = 0, 1, 2, 3


def values_of(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """NDCG@10, whether one of the first ten is right, cross-entropy in nats, and the numbers of the first ten: [n, 13].

    ``outputs`` [n, items] score all items, those already taken far below; ``targets`` [n, most] are the items taken then, −100
    behind the last. Equal scores go to the lower number, which is the more popular item.
    """
    first = np.argsort(-outputs, axis=-1, kind="stable")[:, :FIRST]
    known = targets >= 0
    relevant = (first[:, :, None] == np.where(known, targets, -1)[:, None, :]).any(-1)
    ideal = np.cumsum(_DISCOUNTS)[np.minimum(known.sum(1), FIRST) - 1]
    gain = (relevant * _DISCOUNTS[: first.shape[1]]).sum(1) / ideal
    losses = -np.take_along_axis(log_softmax(outputs), np.where(known, targets, 0), -1)
    loss = (losses * known).sum(1) / known.sum(1)
    return np.column_stack([gain, relevant.any(1), loss, first]).astype(np.float64)


def coverage(values: np.ndarray, items: int) -> float:
    """Share of the catalogue in % that stands among the first ten of at least one person."""
    return 100 * len(np.unique(values[:, ITEMS:])) / items


def coverage_interval(values: np.ndarray, items: int) -> tuple[float, float]:
    """Its 95 % interval over people by the jackknife: what is lost of it when one person is left out.

    Efron and Stein 1981, "The jackknife estimate of variance", Annals of Statistics 9, equation 1.3.
    """
    shown = values[:, ITEMS:].astype(np.int64)
    _, place, counts = np.unique(shown, return_inverse=True, return_counts=True)
    alone = (counts[place.reshape(shown.shape)] == 1).sum(1)  # items that nobody else is shown
    n = len(shown)
    error = 100 / items * float(np.sqrt((n - 1) / n * np.square(alone - alone.mean()).sum()))
    value = coverage(values, items)
    return max(0.0, value - 1.96 * error), min(100.0, value + 1.96 * error)
