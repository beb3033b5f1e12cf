"""Texts made worse in five steps: typos, lost and shuffled words."""

from collections.abc import Sequence

import numpy as np

from kdui.modalities.corruption import Corruption

TYPOS = (0.02, 0.05, 0.08, 0.12, 0.18)  # share of letters
DROPPED = (0.05, 0.1, 0.2, 0.35, 0.5)  # share of words
SHUFFLED = (0.1, 0.25, 0.5, 0.75, 1.0)  # share of words that change places
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # of a keyboard: a slip hits a neighbour


def mistyped(texts: Sequence[str], severity: int, generator: np.random.Generator) -> list[str]:
    """A share of the letters is hit beside, left out, doubled or swapped with the next one."""
    return [_mistyped(text, TYPOS[severity - 1], np.random.default_rng(seed)) for text, seed in _seeded(texts, generator)]


def _mistyped(text: str, share: float, generator: np.random.Generator) -> str:
    chosen, kinds, sides = generator.random(len(text)), generator.integers(0, 4, len(text)), generator.random(len(text))
    letters = list(text)
    for at, letter in enumerate(text):
        if chosen[at] >= share or not letter.isalpha():
            continue
        if kinds[at] == 0:
            letters[at] = _beside(letter, sides[at])
        elif kinds[at] == 1:
            letters[at] = ""
        elif kinds[at] == 2:
            letters[at] = letter + letter
        elif at + 1 < len(text):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters) or text


def _beside(letter: str, side: float) -> str:
    """A letter next to it on the keyboard, in the same case."""
    row = next((row for row in ROWS if letter.lower() in row), "")
    if not row:
        return letter
    place = row.index(letter.lower()) + (1 if side < 0.5 else -1)
    neighbour = row[min(max(place, 0), len(row) - 1)] if 0 <= place < len(row) else row[1 if place < 0 else -2]
    return neighbour.upper() if letter.isupper() else neighbour


def dropped(texts: Sequence[str], severity: int, generator: np.random.Generator) -> list[str]:
    """A share of the words is left out; one always stays."""
    shortened = []
    for text, seed in _seeded(texts, generator):
        words = text.split()
        draws = np.random.default_rng(seed).random(len(words))
        kept = [word for word, draw in zip(words, draws, strict=True) if draw >= DROPPED[severity - 1]]
        shortened.append(" ".join(kept or words[:1]))
    return shortened


def shuffled(texts: Sequence[str], severity: int, generator: np.random.Generator) -> list[str]:
    """A share of the words change places among themselves."""
    reordered = []
    for text, seed in _seeded(texts, generator):
        words, own = text.split(), np.random.default_rng(seed)
        chosen = np.flatnonzero(own.random(len(words)) < SHUFFLED[severity - 1])
        moved = [words[at] for at in own.permutation(chosen)]
        for at, word in zip(chosen, moved, strict=True):
            words[at] = word
        reordered.append(" ".join(words))
    return reordered


def _seeded(texts: Sequence[str], generator: np.random.Generator) -> list[tuple[str, int]]:
    """Each text with a seed of its own: the draws of one severity are those of the next."""
    return list(zip(texts, generator.integers(0, 2**32, len(texts)).tolist(), strict=True))


CORRUPTIONS: dict[str, Corruption] = {"typos": mistyped, "word_drop": dropped, "shuffling": shuffled}
