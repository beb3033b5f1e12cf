"""Pairs of a sentence and its translation, split by the page that they stand on, none of them nearly the same as one of another
split."""

import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdui.core.code_points import code_points
from kdui.core.contracts import Split
from kdui.tasks.examples import Examples, text_key
from kdui.tasks.own_texts.near import near_groups

LONGEST = 160  # letters of either side: more than a sentence of 25 words
SHARES: dict[Split, float] = {"test": 0.06, "validation": 0.03}  # of the pages; the others are training pages
_SEED = 2016


class SentencePair(NamedTuple):
    """One row of the file."""

    page: str
    source: str
    target: str


def read_pairs(path: Path, longest: int = LONGEST) -> list[SentencePair]:
    """The rows of a gzipped table with the columns page, source and target; longer sentences are left out.

    Raises ValueError where a line has not three columns, or no pair is left.
    """
    with gzip.open(path, "rt", encoding="utf-8") as file:
        _, *lines = file.read().splitlines()
    rows = [line.split("\t") for line in lines]
    if wrong := next((number for number, row in enumerate(rows, 2) if len(row) != len(SentencePair._fields)), None):
        raise ValueError(f"line {wrong} has not the three columns page, source and target")
    pairs = [SentencePair(*row) for row in rows]
    kept = [pair for pair in pairs if 0 < len(pair.source) <= longest and 0 < len(pair.target) <= longest]
    if not kept:
        raise ValueError(f"no pair has at most {longest} letters on either side")
    return kept


def split_pairs(pairs: Sequence[SentencePair]) -> dict[Split, Examples]:
    """Pairs by split, each in one fixed random order. A pair that is like one of a measured split stays there alone."""
    same = alike(pairs)
    random = np.random.RandomState(_SEED)
    pages = random.permutation(sorted({pair.page for pair in pairs})).tolist()
    split_of: dict[str, Split] = {}
    start = 0
    for split, share in SHARES.items():
        end = start + max(1, round(share * len(pages)))
        split_of |= dict.fromkeys(pages[start:end], split)
        start = end
    taken: set[int] = set()
    parts: dict[Split, Examples] = {}
    order: tuple[Split, ...] = ("test", "validation", "train")
    for split in order:
        own = [
            place for place, pair in enumerate(pairs) if split_of.get(pair.page, "train") == split and same[place] not in taken
        ]
        taken.update(same[place] for place in own)
        chosen = [pairs[own[place]] for place in random.permutation(len(own))]
        parts[split] = Examples([pair.source for pair in chosen], code_points([pair.target for pair in chosen]))
    return parts


def alike(pairs: Sequence[SentencePair]) -> list[int]:
    """A number for each pair, the same for those that are alike: the same on either side but for case, punctuation and figures,
    or sources of eight words or more with mostly the same runs of words."""
    parent = list(range(len(pairs)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    sources = [pair.source for pair in pairs]
    for names in ([_plain(text) for text in sources], [_plain(pair.target) for pair in pairs], near_groups(sources)):
        first: dict[str, int] = {}
        for place, name in enumerate(names):
            parent[root(place)] = root(first.setdefault(name, place))
    return [root(place) for place in range(len(pairs))]


def _plain(text: str) -> str:
    """The words without figures; a text of nothing else as it is."""
    return re.sub(r"\d+", "", text_key(text)).strip() or text
