"""Questions with four answers out of held-out text itself: how a passage goes on, and how three other passages do.

A language model answers by the likelihood of each continuation after the passage's beginning, for each byte of it, so longer ones
are at no disadvantage (the normalized accuracy of multiple-choice benchmarks). Nobody wrote these questions: the wrong answers
are real text of other places in the same test data, which says what the score means and what not.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kdui.core.statistics.intervals import wilson
from kdui.problems.language_model.measures import CHOSEN, Figure

ANSWERS = 4
READ, CONTINUED = 40, 12  # words of a passage that are read, and of each continuation
SEED = 1817


class Question(NamedTuple):
    """The beginning of a passage, continuations that each begin with a space, and which of them is its own."""

    beginning: str
    answers: tuple[str, ...]
    right: int


def questions(texts: Sequence[str], count: int) -> list[Question]:
    """At most ``count`` questions, always the same of the same texts; none where fewer than four are long enough."""
    split = [_split(text) for text in texts]
    pairs = [pair for pair in split if pair is not None]
    if len(pairs) < ANSWERS:
        return []
    random = np.random.RandomState(SEED)
    built = []
    for own in random.permutation(len(pairs))[:count]:
        others = random.choice(len(pairs) - 1, ANSWERS - 1, replace=False)
        answers = [pairs[other + (other >= own)][1] for other in others]
        right = int(random.randint(ANSWERS))
        answers.insert(right, pairs[own][1])
        built.append(Question(pairs[own][0], tuple(answers), right))
    return built


def _split(text: str) -> tuple[str, str] | None:
    """Beginning and continuation; None for a passage that is too short to have both."""
    words = text.split()
    if len(words) < READ + CONTINUED:
        return None
    return " ".join(words[:READ]), " " + " ".join(words[READ : READ + CONTINUED])


def continuation_nats(logits: np.ndarray, ids: np.ndarray, mask: np.ndarray, begin: int) -> float:
    """Cross-entropy in nats of one text's tokens from place ``begin`` on; logits [length, vocabulary], ids and mask [length]."""
    end = int(mask.sum())
    rows, target = logits[begin - 1 : end - 1].astype(np.float64), ids[begin:end]
    largest = rows.max(-1, initial=-np.inf)
    total = largest + np.log(np.exp(rows - largest[:, None]).sum(-1))
    return float((total - rows[np.arange(len(target)), target]).sum())


def chosen(nats: Sequence[float], answers: Sequence[str]) -> int:
    """The answer that takes the fewest nats a byte."""
    return int(np.argmin([each / len(answer.encode()) for each, answer in zip(nats, answers, strict=True)]))


def figure(right: Sequence[bool]) -> Figure:
    """The share of questions that are answered rightly, in %."""
    share, n = float(np.mean(right)), len(right)
    low, high = wilson(share, n)
    note = (
        f"the true continuation ({CONTINUED} words after {READ}) among those of three other passages of the test data, by "
        f"likelihood per byte; chance is {100 // ANSWERS} %"
    )
    return Figure(CHOSEN, 100 * share, 100 * low, 100 * high, n, note)
