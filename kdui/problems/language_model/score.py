"""How a language model is judged: by the bits that it needs for a byte of text.

Unlike the perplexity of a token, that is the same quantity for every tokenizer, so models with different vocabularies compare.
``values`` [n, 3] are those of ``learn.text_sums``; ``targets`` [n] are the UTF-8 bytes of the texts.
"""

import math
from collections.abc import Mapping

import numpy as np

from kdui.core.metric import BITS_PER_BYTE, PERPLEXITY, Metric

TOKEN_ACCURACY = Metric(name="token_accuracy", title="Next-token accuracy", unit="%")
BYTES_PER_TOKEN = Metric(name="bytes_per_token", title="Bytes per token", unit="bytes")


def array_sums(logits: np.ndarray, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """``learn.text_sums`` [batch, 3] of the logits [batch, length, vocabulary] of a graph, text by text to save memory."""
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    sums = np.zeros((len(ids), 3), dtype=np.float64)
    for number, own in enumerate(logits):
        places = np.flatnonzero((mask[number, 1:] == 1) & (mask[number, :-1] == 1))
        rows, target = own[places].astype(np.float32), ids[number, places + 1]  # a copy, so it can be computed in place
        right = int((rows.argmax(-1) == target).sum()) if len(places) else 0
        rows -= rows.max(-1, initial=-np.inf, keepdims=True)
        chosen = rows[np.arange(len(places)), target].astype(np.float64)
        total = np.log(np.exp(rows, out=rows).sum(-1, dtype=np.float64))
        sums[number] = (total - chosen).sum(), right, len(places)
    return sums


def loss(values: np.ndarray) -> float:
    """Mean cross-entropy of a token, in nats."""
    nats, _, tokens = values.sum(0, dtype=np.float64)
    return float(nats / tokens)


def bits_per_byte(values: np.ndarray, targets: np.ndarray) -> float:
    """Bits that the texts take, divided by their bytes."""
    return float(values[:, 0].sum(dtype=np.float64) / math.log(2) / targets.sum())


def perplexity(values: np.ndarray) -> float:
    """Of a token."""
    return math.exp(min(loss(values), 700.0))


def figures(values: np.ndarray, targets: np.ndarray) -> list[tuple[Metric, float]]:
    """Bits per byte, and what holds for this tokenizer alone: perplexity, accuracy of the first choice, bytes of a token."""
    _, right, tokens = values.sum(0, dtype=np.float64)
    return [
        (BITS_PER_BYTE, bits_per_byte(values, targets)),
        (PERPLEXITY, perplexity(values)),
        (TOKEN_ACCURACY, float(100 * right / tokens)),
        (BYTES_PER_TOKEN, float(targets.sum() / tokens)),
    ]
