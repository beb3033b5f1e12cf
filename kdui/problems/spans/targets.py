"""What a question's true answers are, as one row of integers, and how long they may be.

A row [3 + words + answers · longest] holds the first and the last word of the answer that is learned from (``HIDDEN`` where none
is), how many words an answer of the split has at most, the passage's words as numbers (see ``squad_rule``), and every answer.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kdui.problems.spans.squad_rule import EMPTY, FILL, numbers, rows_of, word_number

HIDDEN = -100  # cross-entropy passes it over
HEAD = 3


class Answered(NamedTuple):
    """A passage with the true answers to one question about it."""

    passage: str
    answers: tuple[str, ...]
    first: int = HIDDEN  # number of the answer's first word, to learn from
    last: int = HIDDEN


def pack(examples: Sequence[Answered], words: int) -> np.ndarray:
    """Rows of these examples, int64; of a passage its first ``words`` words."""
    answers = [[numbers(answer) for answer in example.answers] for example in examples]
    most = max((len(each) for each in answers), default=1)
    longest = max((len(row) for each in answers for row in each), default=0) + 1
    rows = np.full((len(examples), HEAD + words + most * longest), FILL, dtype=np.int64)
    texts = {example.passage for example in examples}
    passages = {text: [word_number(word) for word in text.split()[:words]] for text in texts}
    for row, example, own in zip(rows, examples, answers, strict=True):
        row[:HEAD] = example.first, example.last, longest
        known = passages[example.passage]
        row[HEAD : HEAD + len(known)] = known
        blocks = row[HEAD + words :].reshape(most, longest)
        blocks[:, 0] = EMPTY
        for block, answer in zip(blocks, own, strict=False):
            block[:] = FILL
            block[: len(answer)] = answer
    return rows


def bounds(targets: np.ndarray) -> np.ndarray:
    """First and last word [n, 2] to learn from, ``HIDDEN`` where there is none."""
    return targets[:, :2]


def spoken(target: np.ndarray, first: int, last: int) -> list[int]:
    """The numbers of the passage's words from ``first`` to ``last``."""
    return [int(number) for number in target[HEAD + first : HEAD + last + 1] if number > 0]


def true_answers(target: np.ndarray, words: int) -> list[list[int]]:
    """Every true answer as the numbers of its words."""
    return rows_of(target[HEAD + words :].reshape(-1, int(target[2])))
