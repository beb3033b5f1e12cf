"""Where a prediction comes from, and the fewest parts of an input that it hangs on: by leaving parts out, for any model.

Leaving out one part at a time (occlusion: Zeiler and Fergus 2014, section 3.2; words: Li, Monroe and Jurafsky 2016) needs no
gradient, so it works on every file that is served. ``flip``: parts are left out one after the other, each time the one that
lowers the predicted label most, until another label wins; then each is put back if the other label still wins without it.
The set is small, but no search proves it the smallest.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from kdui.core.answers import Ranked

MOST_REMOVED = 16  # parts that are left out before it is given up
BATCH = 64

LeaveOut = Callable[[Sequence[Sequence[int]]], list[Ranked]]  # the answers without each of these sets of parts


class Explained(NamedTuple):
    """``weights``: how much the probability of the predicted label falls without each part; ``flip``: places of the parts."""

    label: tuple[str, ...]
    probability: float
    weights: list[float]
    flip: list[int]
    flipped: tuple[str, ...]
    flipped_probability: float


def explain(count: int, leave_out: LeaveOut) -> Explained:
    """Of a prediction over ``count`` parts; of several tasks, weights are those of the first one's label."""
    (whole,) = leave_out([()])
    label, probability = whole.best, share_of(whole, whole.best)
    single = leave_out([(place,) for place in range(count)])
    weights = [probability - share_of(answer, label) for answer in single]
    removed: list[int] = []
    now = label
    while now == label and len(removed) < min(MOST_REMOVED, count):
        rest = [place for place in range(count) if place not in removed]
        answers = single if not removed else leave_out([(*removed, place) for place in rest])
        ranks = [(answer.best == label, share_of(answer, label)) for answer in answers]
        strongest = min(range(len(rest)), key=ranks.__getitem__)
        removed.append(rest[strongest])
        now = answers[strongest].best
    if now == label:
        return Explained(label, probability, weights, [], (), 0.0)
    for place in removed[:-1]:
        fewer = [each for each in removed if each != place]
        if leave_out([fewer])[0].best != label:
            removed = fewer
    (flipped,) = leave_out([removed])
    return Explained(label, probability, weights, sorted(removed), flipped.best, share_of(flipped, flipped.best))


def share_of(answer: Ranked, label: tuple[str, ...]) -> float:
    """The probability of a label of the first task."""
    part = answer.rows[0].part
    return next((float(row.probability) for row in answer.rows if row.label == label[0] and row.part == part), 0.0)


def reader(
    session: Any,
    prepare: Callable[[list[Any]], dict[str, np.ndarray]],
    present: Callable[[np.ndarray], Ranked],
    without: Callable[[Any, Sequence[int]], Any],
    raw: Any,
) -> LeaveOut:
    """Of one model that is open, for one input."""

    def leave_out(sets: Sequence[Sequence[int]]) -> list[Ranked]:
        answers: list[Ranked] = []
        for start in range(0, len(sets), BATCH):
            examples = [without(raw, each) if len(each) else raw for each in sets[start : start + BATCH]]
            answers += [present(row) for row in session.run(None, prepare(examples))[0]]
        return answers

    return leave_out
