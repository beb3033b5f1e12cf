"""Which span a model predicts: the first and last word whose logits have the largest sum."""

import numpy as np

MOST_WORDS = 30  # of an answer: longer spans are not looked at (the longest true answer of SQuAD's development set has 29)


def best_spans(outputs: np.ndarray) -> np.ndarray:
    """First and last word [n, 2] of outputs [n, 2, words]: the largest sum of start and end logit, the end not before the start
    and at most ``MOST_WORDS`` words in all; of equals the shortest, then the first."""
    start, end = outputs[:, 0], outputs[:, 1]
    count, words = start.shape
    best, spans = np.full(count, -np.inf), np.zeros((count, 2), dtype=np.int64)
    for more in range(min(MOST_WORDS, words)):
        sums = start[:, : words - more] + end[:, more:]
        first = sums.argmax(1)
        value = sums[np.arange(count), first]
        better = value > best
        best[better] = value[better]
        spans[better] = np.stack([first, first + more], axis=1)[better]
    return spans
