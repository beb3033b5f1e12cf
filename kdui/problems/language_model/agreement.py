"""How far a model's next-token distributions are from its teacher's: divergence, and how often both prefer the same token.

Sums of texts, from graphs' logits a batch at a time and a chunk of rows at a time, so nothing wider than a chunk is computed in
double precision. Only models of one tokenizer compare so: their rows must be of the same tokens.
"""

from collections.abc import Mapping

import numpy as np

from kdui.core.statistics.ratios import ratio_interval
from kdui.problems.language_model.measures import AGREEMENT, DIVERGENCE, Figure

CHUNK_VALUES = 1 << 20  # logits of a chunk: 8 MB in double precision


def agreement_sums(ours: np.ndarray, theirs: np.ndarray, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """For each text [batch, 3]: KL(theirs ‖ ours) of its tokens in nats, how many have the same first choice, how many there are.

    Logits [batch, length, vocabulary] each; rows are those that predict a real token.
    """
    mask = inputs["attention_mask"]
    sums = np.zeros((len(mask), 3), dtype=np.float64)
    size = max(1, CHUNK_VALUES // ours.shape[-1])
    for number in range(len(mask)):
        places = np.flatnonzero((mask[number, 1:] == 1) & (mask[number, :-1] == 1))
        for start in range(0, len(places), size):
            part = places[start : start + size]
            sums[number] += _of_rows(ours[number, part], theirs[number, part])
    return sums


def _of_rows(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, int, int]:
    log_q, log_p = _log_probabilities(ours), _log_probabilities(theirs)
    divergence = float((np.exp(log_p) * (log_p - log_q)).sum())
    return divergence, int((ours.argmax(-1) == theirs.argmax(-1)).sum()), len(ours)


def _log_probabilities(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    log_p: np.ndarray = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return log_p


def figures(sums: np.ndarray) -> list[Figure]:
    """Both quantities a token, over the ``agreement_sums`` [n, 3] of texts; their intervals are over texts."""
    divergences, alike, tokens = sums.T
    rows = []
    for metric, above in ((DIVERGENCE, divergences), (AGREEMENT, 100 * alike)):
        low, high = ratio_interval(above, tokens)
        value = float(above.sum() / tokens.sum())
        rows.append(Figure(metric, value, max(0.0, low), min(high, 100.0) if metric is AGREEMENT else high, len(sums)))
    return rows
