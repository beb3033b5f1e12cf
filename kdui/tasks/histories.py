"""Interactions with times as examples of a ranking task: a global split by time, in which nothing that is learned lies after
what is predicted.

Two moments divide all interactions. Models learn from those before the first; the validation data lie between the two, and the
test data after the second. Of each person who was active in a part there is one example: what they had watched before it, and
what they watched in it. Whoever first appears there gives the earlier half of it as a history. See Ji et al. 2023, "A critical
study on data leakage in recommender system offline evaluation", arXiv:2010.11060, sections 3 and 6.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kdui.core.contracts import Split
from kdui.tasks.examples import Examples

MOMENTS = (0.7, 0.8)  # shares of all interactions that lie before the validation and the test data
LEARNED = 50  # items of a history that models learn from: the latest
NEXT, EVERY = 10, 10  # items to predict in a training example, and after how many items the next example begins
FEWEST = 2  # items of a history, and items to predict: of whoever has fewer there is no example
HIDDEN = -100  # what stands in the targets after the last item


class Interaction(NamedTuple):
    """Who took what, and when; ``time`` in any unit."""

    person: int
    item: str
    time: float


def by_time(interactions: Iterable[Interaction], moments: tuple[float, float] = MOMENTS) -> dict[Split, Examples]:
    """The three splits. Inputs are tuples of items, the latest first; targets [n, most] the numbers of items, from 0.

    Items are numbered by how many people took them before the first moment, the most popular first; items that nobody had taken
    by then cannot be predicted by any model here and are left out. Of an item that somebody took twice the first time counts.
    """
    ordered = _once(sorted(interactions, key=lambda each: (each.time, each.person, each.item)))
    first, second = (ordered[int(share * len(ordered))].time for share in moments)
    counts = Counter(each.item for each in ordered if each.time < first)
    items = sorted(counts, key=lambda item: (-counts[item], item))
    known = [each for each in ordered if each.item in counts]
    numbers = {item: number for number, item in enumerate(items)}
    past = _by_person(each for each in known if each.time < first)
    middle = _by_person(each for each in known if first <= each.time < second)
    last = _by_person(each for each in known if each.time >= second)
    before = {person: [*past.get(person, ()), *middle.get(person, ())] for person in {*past, *middle}}
    pairs = {
        "train": [pair for person in sorted(past) for pair in _training(past[person])],
        "validation": [pair for person in sorted(middle) if (pair := _judged(past.get(person, ()), middle[person]))],
        "test": [pair for person in sorted(last) if (pair := _judged(before.get(person, ()), last[person]))],
    }
    return {split: _examples(pairs[split], numbers, tuple(items) if split == "train" else ()) for split in _SPLITS}


_SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Pair = tuple[Sequence[str], Sequence[str]]  # what was taken before, and what then


def _once(ordered: list[Interaction]) -> list[Interaction]:
    first = {(each.person, each.item): each for each in reversed(ordered)}
    return [each for each in ordered if first[each.person, each.item] is each]


def _by_person(interactions: Iterable[Interaction]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for each in interactions:
        found.setdefault(each.person, []).append(each.item)
    return found


def _training(items: Sequence[str]) -> Iterable[Pair]:
    """From a person's second item on, every few items: the latest ones before, and the next few."""
    for place in range(1, len(items), EVERY):
        yield items[max(0, place - LEARNED) : place], items[place : place + NEXT]


def _judged(before: Sequence[str], then: Sequence[str]) -> Pair | None:
    """All that a person took before and then; the earlier half of what there is where nothing was before."""
    if len(before) < FEWEST:
        whole = [*before, *then]
        before, then = whole[: len(whole) // 2], whole[len(whole) // 2 :]
    return (before, then) if len(before) >= FEWEST and len(then) >= FEWEST else None


def _examples(pairs: Sequence[Pair], numbers: Mapping[str, int], names: tuple[str, ...]) -> Examples:
    targets = np.full((len(pairs), max((len(then) for _, then in pairs), default=1)), HIDDEN, dtype=np.int64)
    for row, (_, then) in enumerate(pairs):
        targets[row, : len(then)] = [numbers[item] for item in then]
    return Examples([tuple(reversed(before)) for before, _ in pairs], targets, names)
