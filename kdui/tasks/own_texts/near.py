"""Texts that are nearly the same: those that share most of their runs of words."""

import hashlib
import heapq
from collections.abc import Sequence

from kdui.tasks.examples import text_key

ALIKE = 0.7  # of the runs that occur in either text (Jaccard)
RUN = 3  # words
LEAST_WORDS = 8  # shorter texts share runs by chance
SKETCH = 32  # smallest hashes of a text's runs, of which its similarity is estimated (Broder 1997); exact up to so many runs
KEYS = 4  # of them by which candidates are found: texts that are alike mostly share one
MOST = 20_000  # texts: some seconds
_MOST_WORDS, _MOST_CANDIDATES = 500, 20  # read of a text; looked at for one hash: a run that occurs everywhere tells nothing


def near_groups(texts: Sequence[str]) -> list[str]:
    """A name for each text: the same for those that are nearly the same."""
    parent = list(range(len(texts)))
    sketches: list[list[int]] = []
    seen: dict[int, list[int]] = {}
    for index, text in enumerate(texts):
        sketches.append(_sketch(text))
        for value in sketches[index][:KEYS]:
            others = seen.setdefault(value, [])
            for other in others:
                if _root(parent, other) != _root(parent, index) and _likeness(sketches[other], sketches[index]) >= ALIKE:
                    parent[_root(parent, index)] = _root(parent, other)
            if len(others) < _MOST_CANDIDATES:
                others.append(index)
    return [str(_root(parent, index)) for index in range(len(texts))]


def _sketch(text: str) -> list[int]:
    """The smallest hashes of the runs of words; none for a short text."""
    words = text_key(text).split(" ")[:_MOST_WORDS]
    if len(words) < LEAST_WORDS:
        return []
    runs = {" ".join(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}
    return heapq.nsmallest(
        SKETCH, (int.from_bytes(hashlib.blake2b(run.encode(), digest_size=8).digest(), "little") for run in runs)
    )


def _likeness(first: list[int], second: list[int]) -> float:
    """The share of runs that both have, of those of either, estimated from the smallest hashes of both."""
    both, either = set(first) & set(second), heapq.nsmallest(SKETCH, set(first) | set(second))
    return sum(value in both for value in either) / len(either)


def _root(parent: list[int], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = parent[index]
    return index
