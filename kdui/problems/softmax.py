"""Softmax of logits in numpy, in double precision and safe from overflow."""

import numpy as np


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """softmax(logits / T) over the last axis of logits [..., classes]; float64 of the same shape."""
    probabilities: np.ndarray = np.exp(log_softmax(logits, temperature))
    return probabilities


def log_softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """log softmax(logits / T) over the last axis of logits [..., classes], in nats; float64 of the same shape."""
    scaled = logits.astype(np.float64) / temperature
    shifted = scaled - scaled.max(-1, keepdims=True)
    normalized: np.ndarray = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return normalized
