"""Which labels a training may see, and which examples its epochs draw from."""

from dataclasses import dataclass

import numpy as np

# The label of an example whose own is hidden: cross-entropy passes it over, so no loss can learn it by mistake.
HIDDEN = -100
_SEED = 1234


@dataclass(frozen=True)
class Labels:
    """Training labels ``targets`` [n], ``HIDDEN`` marks unlabelled examples; epochs draw from the indices ``drawn``."""

    targets: np.ndarray
    drawn: np.ndarray

    def among(self, known: np.ndarray) -> "Labels":
        """The same, drawing only from these examples."""
        return Labels(self.targets, np.intersect1d(self.drawn, known))


def labelled_examples(targets: np.ndarray, share: float) -> np.ndarray:
    """Sorted indices of the examples that keep their label: the share of every class, at least one of each.

    Decided by the data and the share alone, so a teacher, its student and the control see the same ones; a larger share holds
    those of a smaller one. The legacy generator is used because numpy promises that its stream never changes.
    """
    random = np.random.RandomState(_SEED)
    chosen = []
    for label in np.unique(targets):
        order = random.permutation(np.flatnonzero(targets == label))
        chosen.append(order[: max(1, round(share * len(order)))])
    return np.sort(np.concatenate(chosen)) if chosen else np.array([], dtype=np.int64)


def true_labels(targets: np.ndarray, share: float, draw_all: bool = False) -> Labels:
    """The ground-truth labels of the labelled share, the rest hidden; epochs draw from the labelled examples, or from all."""
    shown = labelled_examples(targets, share)
    visible = np.full(len(targets), HIDDEN, dtype=np.int64)
    visible[shown] = targets[shown]
    return Labels(visible, np.arange(len(targets)) if draw_all else shown)
