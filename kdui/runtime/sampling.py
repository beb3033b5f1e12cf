"""From logits to the next token: temperature, then the nucleus, then one draw. Pure numpy over one row [vocabulary]."""

import numpy as np

from kdui.core.sampling import Sampling
from kdui.problems.softmax import softmax

COLDEST = 1e-3  # temperatures below are the limit 0: logits divided by them leave one token in double precision


def distribution(logits: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Probabilities [vocabulary] that the next token is drawn from, float64, their sum 1; one-hot at temperature 0."""
    if sampling.temperature < COLDEST:
        return np.eye(1, len(logits), int(logits.argmax()))[0]
    return nucleus(softmax(logits, sampling.temperature), sampling.top_p)


def nucleus(probabilities: np.ndarray, top_p: float) -> np.ndarray:
    """The fewest most probable tokens whose probabilities sum to ``top_p`` or more, renormalized; the others become 0.

    Of equally probable tokens the first ones are kept (Holtzman et al. 2020, section 3.1).
    """
    if top_p >= 1:
        return probabilities
    order = np.argsort(-probabilities, kind="stable")
    kept = order[: int(np.searchsorted(np.cumsum(probabilities[order]), top_p - 1e-12)) + 1]
    truncated = np.zeros_like(probabilities)
    truncated[kept] = probabilities[kept]
    normalized: np.ndarray = truncated / truncated.sum()
    return normalized


def draw(probabilities: np.ndarray, random: np.random.Generator) -> int:
    """A token drawn by inversion of the cumulative distribution: one uniform number a token, so a seed names the text."""
    cumulative = np.cumsum(probabilities)
    return int(np.searchsorted(cumulative, random.random() * cumulative[-1], side="right"))
