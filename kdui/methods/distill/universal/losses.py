"""The distance of distributions over different tokens, and where two tokenizations of a text have read the same of it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional


def sorted_distance(student_logits: torch.Tensor, teacher_logits: torch.Tensor, temperature: float) -> torch.Tensor:
    """Sum of |p − q| [m] over the probabilities of each sorted from the largest, in 0..2.

    Logits are [m, choices] of any two numbers of choices; the shorter list ends in zeros. It is the Wasserstein distance where it
    costs the same to move probability between any two tokens (Boizard et al. 2024, equations 4 and 5).
    """
    ours, theirs = (
        (logits - logits.logsumexp(-1, keepdim=True)).exp().sort(dim=-1, descending=True).values
        for logits in (student_logits.float() / temperature, teacher_logits.float() / temperature)
    )
    more = ours.shape[-1] - theirs.shape[-1]
    return (functional.pad(ours, (0, max(0, -more))) - functional.pad(theirs, (0, max(0, more)))).abs().sum(-1)


def aligned_rows(ours: Sequence[tuple[int, int]], theirs: Sequence[tuple[int, int]]) -> np.ndarray:
    """For each of our rows of a text the row of theirs that has read as much of it, −1 where there is none: [tokens − 1].

    Both are the places (first and last letter) that each token has in the text; row i has read the tokens up to i. Several
    tokens may share one letter: it counts as read with the last of them.
    """
    read_by = {letters: row for row, letters in enumerate(_read(theirs))}
    last = {letters: row for row, letters in enumerate(_read(ours))}
    places = [read_by.get(letters, -1) if last[letters] == row else -1 for row, letters in enumerate(_read(ours))]
    return np.array(places, dtype=np.int64)


def _read(places: Sequence[tuple[int, int]]) -> list[int]:
    """Letters read by each row: all tokens but the last one have a row."""
    return np.maximum.accumulate([end for _, end in places[:-1]]).tolist() if len(places) > 1 else []
