"""How near a written text is to its reference: chrF (Popović 2015) and BLEU (Papineni et al. 2002), by sacrebleu's counts.

Both are scores of sums over sentences, so what is kept of a sentence are its counts [28]: for one to six letters how many
sequences the text has, the reference has and both have (18), then BLEU's two lengths, and matched and all word sequences (10).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from kdui.core.metric import Metric

BLEU = Metric(name="bleu", title="BLEU", unit="BLEU")
ORDERS, BETA = 6, 2  # sequences of letters that chrF counts, and how much more recall counts than precision
OF_CHRF = 3 * ORDERS
COUNTS = OF_CHRF + 10


def counts(written: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """The counts of each text against its reference, [n, 28]."""
    both = [scorer._extract_corpus_statistics(written, [references]) for scorer in _scorers()]
    return np.array([[*letters, *words] for letters, words in zip(*both, strict=True)], dtype=np.float64).reshape(-1, COUNTS)


def chrf(sums: np.ndarray) -> np.ndarray:
    """chrF of sums of counts [..., 28], 0 to 100, as sacrebleu has it: from means over the orders that occur."""
    written, references, both = np.moveaxis(sums[..., :OF_CHRF].reshape(*sums.shape[:-1], ORDERS, 3), -1, 0)
    occurs = (written > 0) & (references > 0)
    orders = np.maximum(occurs.sum(-1), 1)
    precision = np.where(occurs, both / np.maximum(written, 1), 0).sum(-1) / orders
    recall = np.where(occurs, both / np.maximum(references, 1), 0).sum(-1) / orders
    below = BETA**2 * precision + recall
    score: np.ndarray = 100 * (1 + BETA**2) * precision * recall / np.where(below > 0, below, 1)
    return score


def bleu(sums: np.ndarray) -> np.ndarray:
    """BLEU of sums of counts [..., 28], 0 to 100, of words as sacrebleu's default (13a) cuts them."""
    _, scorer = _scorers()
    flat = sums[..., OF_CHRF:].reshape(-1, COUNTS - OF_CHRF)
    return np.array([scorer._compute_score_from_stats(row.tolist()).score for row in flat]).reshape(sums.shape[:-1])


@cache
def _scorers() -> tuple[Any, Any]:
    """sacrebleu's chrF2 and BLEU; the package takes half a second to import. BLEU is told that no text here is tokenized."""
    from sacrebleu.metrics.bleu import BLEU as Words
    from sacrebleu.metrics.chrf import CHRF as Letters

    return Letters(char_order=ORDERS, beta=BETA), Words(force=True)
