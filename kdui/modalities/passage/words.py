"""The words of a passage: what stands between its spaces."""

import re

WORD = re.compile(r"\S+")


def word_places(passage: str) -> list[tuple[int, int]]:
    """Where each word begins and ends, in characters."""
    return [match.span() for match in WORD.finditer(passage)]


def span_text(passage: str, first: int, last: int) -> str:
    """The passage from its word ``first`` to its word ``last``, as it stands there."""
    places = word_places(passage)
    return passage[places[first][0] : places[min(last, len(places) - 1)][1]] if first < len(places) else ""
