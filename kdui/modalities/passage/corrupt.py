"""Questions and passages made worse in five steps; a passage keeps its number of words, so the true answer stays where it is."""

from collections.abc import Callable, Sequence

import numpy as np

from kdui.modalities.corruption import Corruption
from kdui.modalities.text.corrupt import dropped, mistyped, shuffled

Pairs = Sequence[tuple[str, str]]


def _of_questions(change: Callable[[Sequence[str], int, np.random.Generator], list[str]]) -> Corruption:
    def changed(pairs: Pairs, severity: int, generator: np.random.Generator) -> list[tuple[str, str]]:
        questions = change([question for question, _ in pairs], severity, generator)
        return [(question, passage) for question, (_, passage) in zip(questions, pairs, strict=True)]

    return changed


def _passage_typos(pairs: Pairs, severity: int, generator: np.random.Generator) -> list[tuple[str, str]]:
    """Typing errors in the passage; a word that would vanish stays as it was."""
    changed = []
    for question, passage in pairs:
        words = passage.split()
        slips = mistyped(words, severity, generator)
        changed.append((question, " ".join(slip or word for slip, word in zip(slips, words, strict=True))))
    return changed


CORRUPTIONS: dict[str, Corruption] = {
    "question_typos": _of_questions(mistyped),
    "question_word_drop": _of_questions(dropped),
    "question_shuffling": _of_questions(shuffled),
    "passage_typos": _passage_typos,
}
