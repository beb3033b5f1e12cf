"""Reads SQuAD and splits it by article."""

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kdui.core.contracts import Split
from kdui.modalities.passage.words import word_places
from kdui.problems.spans.targets import HIDDEN, Answered, pack
from kdui.tasks.examples import Examples
from kdui.tasks.squad.spec import FILE, WORDS

HELD_OUT: dict[Split, int] = {"test": 10, "validation": 4}  # articles
_SEED = 48
_GZIP = b"\x1f\x8b"


class Asked(NamedTuple):
    """A question about a paragraph of an article, with its true answers as they stand in it."""

    article: str
    question: str
    passage: str
    answers: tuple[str, ...]


def load(folder: Path) -> dict[Split, Examples]:
    """All questions about the held-out articles; about the others those that can be learned from (see ``usable``)."""
    asked = read_questions(folder / FILE)
    parts = articles_of({each.article for each in asked})
    splits: dict[Split, Examples] = {}
    for split, titles in parts.items():
        own = [each for each in asked if each.article in titles]
        splits[split] = examples_of(own if split == "test" else [each for each in own if usable(each)], split)
    return splits


def read_questions(path: Path) -> list[Asked]:
    """Every question of a file in SQuAD's form, be it packed by gzip or not."""
    data = path.read_bytes()
    return list(_questions(json.loads(gzip.decompress(data) if data[:2] == _GZIP else data)))


def _questions(whole: dict[str, Any]) -> Iterator[Asked]:
    """With its answers in their order, each once; spaces are single ones, as editions of the file differ in them."""
    for article in whole["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                answers = tuple(dict.fromkeys(" ".join(answer["text"].split()) for answer in asked["answers"]))
                question, passage = (" ".join(text.split()) for text in (asked["question"], paragraph["context"]))
                yield Asked(article["title"], question, passage, answers)


def articles_of(titles: set[str]) -> dict[Split, set[str]]:
    """Which articles are in which split: drawn by a generator whose stream numpy promises never to change."""
    order = [sorted(titles)[place] for place in np.random.RandomState(_SEED).permutation(len(titles))]
    test, validation = HELD_OUT["test"], HELD_OUT["test"] + HELD_OUT["validation"]
    return {"train": set(order[validation:]), "validation": set(order[test:validation]), "test": set(order[:test])}


def usable(each: Asked) -> bool:
    """Whether a question can be learned from: its first answer stands at one place, among words that a model has outputs for."""
    first, last = place_of(each)
    return first != HIDDEN and last < WORDS


def place_of(each: Asked) -> tuple[int, int]:
    """First and last word of the first answer; ``HIDDEN`` where it occurs more than once, so that nothing says which is meant."""
    answer, passage = each.answers[0], each.passage
    begin = passage.find(answer)
    if begin < 0 or passage.find(answer, begin + 1) >= 0:
        return HIDDEN, HIDDEN
    return words_between(passage, begin, begin + len(answer))


def words_between(passage: str, begin: int, stop: int) -> tuple[int, int]:
    """The first and the last word of which characters between ``begin`` and ``stop`` are a part."""
    touched = [number for number, (start, end) in enumerate(word_places(passage)) if end > begin and start < stop]
    return touched[0], touched[-1]


def examples_of(asked: Sequence[Asked], split: str) -> Examples:
    """Pairs of question and passage with their targets; training questions in a mixed order, so that a part of them is of all
    articles."""
    if split == "train":
        asked = [asked[place] for place in np.random.RandomState(_SEED).permutation(len(asked))]
    answered = []
    for each in asked:
        first, last = place_of(each)
        within = last < WORDS
        answered.append(Answered(each.passage, each.answers, first if within else HIDDEN, last if within else HIDDEN))
    return Examples([(each.question, each.passage) for each in asked], pack(answered, WORDS))
