"""A text's words as parts that can be left out, to see what a prediction hangs on."""

import re
from collections.abc import Sequence
from typing import Any

MOST = 64  # words that are looked at one by one
WORD = re.compile(r"\S+")


def parts(raw: Any) -> list[str]:
    """The first words, as they stand."""
    return WORD.findall(str(raw))[:MOST]


def without(raw: Any, left_out: Sequence[int]) -> str:
    """The text without the words at these places; what is left keeps its order. A text of no words is a space."""
    gone = set(left_out)
    kept = [word for place, word in enumerate(WORD.findall(str(raw))) if place not in gone]
    return " ".join(kept) or " "
