"""Paths through the frames of a recording: which transcript the most probable one spells, and how probable all of a transcript
are together (Graves et al. 2006, "Connectionist temporal classification", sections 3.2 and 4.1)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BLANK = 0  # the choice that emits nothing; symbol s of a task is choice s + 1
NONE = -1  # behind the last symbol of a target


class Emitted(NamedTuple):
    """A symbol of a transcript and the frame of the path that emits it."""

    frame: int
    symbol: int


def best_path(outputs: np.ndarray) -> list[Emitted]:
    """What the most probable choice of each frame spells, outputs [frames, choices]: repetitions are one symbol, blanks none."""
    path = outputs.argmax(-1)
    starts = np.flatnonzero((path != BLANK) & (path != np.concatenate([[BLANK], path[:-1]])))
    return [Emitted(int(frame), int(path[frame]) - 1) for frame in starts]


def symbols_of(target: Sequence[int] | np.ndarray) -> list[int]:
    """A target's symbols without what fills it up."""
    return [int(symbol) for symbol in target if symbol != NONE]


def transcript_nats(log_p: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """−log of the summed probability of all paths that spell each target, [n] in nats; infinite where none is short enough.

    ``log_p`` [n, frames, choices], targets [n, most] filled up with ``NONE``. Forward recursion of section 4.1 over the target
    with blanks around each symbol, in logarithms.
    """
    count, most = targets.shape
    choices = np.full((count, 2 * most + 1), BLANK)
    choices[:, 1::2] = np.where(targets == NONE, BLANK, targets + 1)
    skips = np.zeros(choices.shape, dtype=bool)  # a symbol may follow another one without a blank, the same one may not
    skips[:, 3::2] = (targets[:, 1:] != targets[:, :-1]) & (targets[:, 1:] != NONE)
    emitted = np.take_along_axis(log_p, np.broadcast_to(choices[:, None, :], (count, log_p.shape[1], choices.shape[1])), axis=2)
    alpha = np.full(choices.shape, -np.inf)
    alpha[:, :2] = emitted[:, 0, :2]
    for frame in range(1, log_p.shape[1]):
        stepped = np.full_like(alpha, -np.inf)
        stepped[:, 1:] = alpha[:, :-1]
        skipped = np.full_like(alpha, -np.inf)
        skipped[:, 2:] = np.where(skips[:, 2:], alpha[:, :-2], -np.inf)
        alpha = np.logaddexp(np.logaddexp(alpha, stepped), skipped) + emitted[:, frame]
    last = 2 * (targets != NONE).sum(1)  # the blank behind the last symbol
    ends = np.take_along_axis(alpha, np.stack([last, np.maximum(last - 1, 0)], axis=1), axis=1)
    ends[last == 0, 1] = -np.inf
    nats: np.ndarray = -np.logaddexp(ends[:, 0], ends[:, 1])
    return nats
