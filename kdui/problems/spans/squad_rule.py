"""When two answers are the same, by SQuAD's rule, and how many words they share (Rajpurkar et al. 2016, section 6.1).

Case, punctuation and articles do not count. What is left of a word is a number, so that whole splits are compared as arrays: a
span of words is normalized as its words are, because the rule never joins two of them or cuts one in two.
"""

import hashlib
import re
import string
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

NOTHING = 0  # the number of a word of which nothing is left
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalized(text: str) -> list[str]:
    """What the rule compares: lower case, no punctuation, no articles, by spaces."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


@lru_cache(maxsize=1 << 16)
def word_number(word: str) -> int:
    """A positive number of 62 bits for what the rule leaves of a word, the same on every machine; ``NOTHING`` for nothing."""
    left = " ".join(normalized(word))
    return int.from_bytes(hashlib.blake2b(left.encode(), digest_size=8).digest(), "little") >> 2 or 1 if left else NOTHING


def numbers(text: str) -> list[int]:
    """The numbers of what the rule leaves of a text's words."""
    return [number for word in text.split() if (number := word_number(word)) != NOTHING]


def compared(predicted: Sequence[int], truths: Sequence[Sequence[int]]) -> tuple[float, float]:
    """F1 and exact match, both 0 to 1: the best over the true answers, each the numbers of its words."""
    best = exact = 0.0
    for truth in truths:
        exact = max(exact, float(list(predicted) == list(truth)))
        shared = sum((Counter(predicted) & Counter(truth)).values())
        if shared:
            best = max(best, 2 * shared / (len(predicted) + len(truth)))
    return best, exact


def rows_of(padded: np.ndarray) -> list[list[int]]:
    """The numbers of each row [m, k] without what fills it up, negative numbers."""
    return [[int(number) for number in row if number > NOTHING] for row in padded if row[0] != EMPTY]


EMPTY, FILL = -2, -1  # a row that is no answer, and what stands behind the last word of one
