"""Reads the novels, takes off what is not the author's, and cuts them into passages; a book stands in one split only."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from kdui.core.contracts import Split
from kdui.tasks.books.r_data import string_vectors
from kdui.tasks.books.spec import NOVELS
from kdui.tasks.examples import Examples
from kdui.tasks.passages import paragraphs, passages

_BOOKS: dict[Split, tuple[str, ...]] = {  # by the first line of each
    "train": ("EMMA", "MANSFIELD PARK", "PRIDE AND PREJUDICE", "SENSE AND SENSIBILITY"),
    "validation": ("NORTHANGER ABBEY",),
    "test": ("PERSUASION",),
}
_HEADING = re.compile(r"(CHAPTER|VOLUME) ([IVXLC]+|\d+)", re.IGNORECASE)
_ENDS = ("finis", "the end", "a note on the text")  # what follows them is by an editor
_SEED = 1811


def load(folder: Path) -> dict[Split, Examples]:
    """Passages of each split in one fixed random order, so that any beginning of it holds all its books; none occurs twice."""
    novels = {lines[0].upper(): lines for lines in string_vectors(folder / NOVELS)}
    if lost := [title for titles in _BOOKS.values() for title in titles if title not in novels]:
        raise ValueError(f"the file lacks {', '.join(lost)}")
    random, seen, found = np.random.RandomState(_SEED), set[str](), dict[Split, Examples]()
    order: tuple[Split, ...] = ("test", "validation", "train")
    for split in order:  # a passage that two books share stays where it is measured
        texts = dict.fromkeys(text for title in _BOOKS[split] for text in _passages(novels[title]))
        fresh = [text for text in texts if text not in seen]
        seen.update(fresh)
        found[split] = examples([fresh[place] for place in random.permutation(len(fresh))])
    return found


def examples(texts: Sequence[str]) -> Examples:
    """Texts with their UTF-8 bytes, by which bits are divided."""
    return Examples(list(texts), np.array([len(text.encode()) for text in texts], dtype=np.int64))


def _passages(lines: list[str]) -> Iterator[str]:
    """Those of each chapter by itself; what stands before the first heading is the title page."""
    chapter: list[str] | None = None
    for block in paragraphs(lines):
        if block.casefold() in _ENDS:
            break
        if _HEADING.fullmatch(block):
            yield from passages(chapter or ())
            chapter = []
        elif chapter is not None:
            chapter.append(block)
    yield from passages(chapter or ())
