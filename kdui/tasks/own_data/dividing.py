"""Divides labelled examples into training, validation and test data, so that nothing of the test data is trained on.

An example has a key, equal for copies (letters and digits of a text, pixels of an image), and a group, equal for examples that
are nearly the same. Copies are taken out, groups are never divided.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kdui.core.contracts import Split
from kdui.core.own_preview import SPLITS, Note
from kdui.tasks.examples import divided_groups

TRAIN: Split = "train"
DRAWN: Mapping[Split, float] = {"test": 0.2, "validation": 0.1}  # shares of what has no split of its own
LEAST_OF_CLASS = 3  # different ones: one each to train and test on, and one more
FEW_OF_CLASS = 20
MOST_CLASSES, LONGEST_LABEL = 1000, 100  # labels, and the letters of one
LEAST_EXAMPLES = 30
LEAST_OF_SPLIT: Mapping[Split, int] = {"train": 12, "validation": 2, "test": 4}
CERTAIN = 400  # test examples from which on an accuracy's interval is about 3 points or narrower
ALIKE = "are nearly the same as"
_SEED = 2026
_ORDER: tuple[Split, ...] = ("test", "validation", "train")  # where copies stay: in what is measured


class Labelled(NamedTuple):
    """``n`` examples: label, key and group of each, and the split that the data themselves say, "" where they say none."""

    labels: Sequence[str]
    keys: Sequence[str]
    groups: Sequence[str]
    given: Sequence[str]


class Division(NamedTuple):
    """Indices of each split, and what was taken out or is worth knowing; ``refusal`` where nothing can be made of it."""

    parts: dict[Split, np.ndarray]
    notes: list[Note]
    refusal: str = ""

    def labels(self, labels: Sequence[str]) -> list[str]:
        """The labels that are left, numbers in their order."""
        left = {labels[index] for part in self.parts.values() for index in part}
        if all(label.lstrip("-").isdecimal() for label in left):
            return sorted(left, key=lambda label: (int(label), label))
        return sorted(left)


Draw = Callable[[Labelled, list[int], Mapping[str, float]], dict[str, np.ndarray]]  # of these indices, those of each split


def divide(data: Labelled, things: str) -> Division:
    """Take copies out, keep the splits that the data have, and draw the others by lot; ``things``: texts or images."""
    notes: list[Note] = []
    kept = _without_copies(data, things, notes)
    kept = _without_rare_classes(data, kept, things, notes)
    data = _divisible(data, kept, things, notes)
    parts = _parts(data, kept, notes, _draw, "class by class")
    _tell_near(data, parts, things, notes)
    _tell_sizes(data, parts, things, notes)
    return Division(parts, notes, _refusal(data, parts, things))


def divide_answers(data: Labelled, things: str, alike: str = ALIKE) -> Division:
    """The same where answers are no classes: ``labels`` only tell answers apart, and whole groups are drawn by lot.

    ``alike``: what those of one group do to each other, in words.
    """
    notes: list[Note] = []
    kept = _without_copies(data, things, notes)
    if len({data.groups[index] for index in kept}) < LEAST_OF_CLASS:
        text = f"Leakage: nearly all {things} {alike} others, so such ones stand in training and test data."
        notes += [Note(level="problem", text=text)] if kept else []
        data = data._replace(groups=data.keys)
    parts = _parts(data, kept, notes, _draw_groups, "by lot")
    _tell_near(data, parts, things, notes, alike)
    if 0 < len(parts["test"]) < CERTAIN:
        text = f"{len(parts['test']):,} test {things}: small differences between models cannot be seen."
        notes.append(Note(level="problem", text=text))
    return Division(parts, notes, _refusal_of_sizes(parts, things))


def _without_copies(data: Labelled, things: str, notes: list[Note]) -> list[int]:
    """Indices without copies; those of test data stay before those of training data."""
    labels_of: dict[str, set[str]] = {}
    for key, label in zip(data.keys, data.labels, strict=True):
        labels_of.setdefault(key, set()).add(label)
    disputed = sum(len(labels_of[key]) > 1 for key in data.keys)
    first: dict[str, int] = {}
    within = across = 0
    for split in (*_ORDER, ""):
        for index in (index for index, given in enumerate(data.given) if given == split):
            key = data.keys[index]
            if len(labels_of[key]) > 1:
                continue
            if key not in first:
                first[key] = index
            elif data.given[first[key]] == split:
                within += 1
            else:
                across += 1
    counted = (
        (disputed, f"{things} that occur with different labels"),
        (within, f"{things} that are copies of another one"),
        (across, f"{things} that are copies of one in a split that is measured (leakage)"),
    )
    notes += [Note(level="problem", text=f"Left out: {count:,} {what}.") for count, what in counted if count]
    return sorted(first.values())


def _without_rare_classes(data: Labelled, kept: list[int], things: str, notes: list[Note]) -> list[int]:
    counts = Counter(data.labels[index] for index in kept)
    rare = {label: count for label, count in counts.items() if count < LEAST_OF_CLASS}
    if rare:
        shown = ", ".join(f"“{label}” ({count})" for label, count in sorted(rare.items())[:5]) + (" …" if len(rare) > 5 else "")
        words = "1 class has" if len(rare) == 1 else f"{len(rare):,} classes have"
        notes.append(
            Note(
                level="problem",
                text=f"{words} fewer than {LEAST_OF_CLASS} different {things}, which is too few to train and test on: "
                f"{shown}. Left out; add {things}, or join classes.",
            )
        )
    return [index for index in kept if data.labels[index] not in rare]


def _divisible(data: Labelled, kept: list[int], things: str, notes: list[Note]) -> Labelled:
    """The data with each example of its own group in classes where nearly all are the same, which else could not be divided."""
    groups: dict[str, set[str]] = {}
    for index in kept:
        groups.setdefault(data.labels[index], set()).add(data.groups[index])
    uniform = sorted(label for label, found in groups.items() if len(found) < LEAST_OF_CLASS)
    if not uniform:
        return data
    shown = ", ".join(f"“{label}”" for label in uniform[:5])
    notes.append(
        Note(
            level="problem",
            text=f"Leakage: nearly all {things} of {shown} are alike, so the same ones stand in training and test data: "
            "accuracy on the test data is likely too high.",
        )
    )
    pairs = zip(data.labels, data.keys, data.groups, strict=True)
    return data._replace(groups=[f"={key}" if label in uniform else group for label, key, group in pairs])


def _parts(data: Labelled, kept: list[int], notes: list[Note], draw: Draw, how: str) -> dict[Split, np.ndarray]:
    """The data's own splits; a split that they do not have is drawn off the training data, class by class."""
    own = {split: [index for index in kept if data.given[index] == split] for split in _ORDER}
    rest = [index for index in kept if data.given[index] in ("", "train")]
    shares = {split: share for split, share in DRAWN.items() if not own[split]}
    parts: dict[Split, np.ndarray] = {split: np.array(own[split], dtype=np.int64) for split in _ORDER}
    if shares and rest:
        drawn = draw(data, rest, {str(split): share for split, share in shares.items()})
        for split in (*shares, TRAIN):
            parts[split] = drawn[split]
        said = " and ".join(f"{100 * share:.0f} % for {split}" for split, share in shares.items())
        where = "training data" if any(own.values()) else "data"
        notes.append(Note(level="note", text=f"Split: {said} drawn off the {where} {how}, seed {_SEED}."))
    return parts


def _draw(data: Labelled, rest: list[int], shares: Mapping[str, float]) -> dict[str, np.ndarray]:
    """A stratified draw of whole groups."""
    names = sorted({data.labels[index] for index in rest})
    targets = np.array([names.index(data.labels[index]) for index in rest], dtype=np.int64)
    drawn = divided_groups(targets, [data.groups[index] for index in rest], dict(shares), rest="train", seed=_SEED)
    return {split: np.array(rest, dtype=np.int64)[places] for split, places in drawn.items()}


def _draw_groups(data: Labelled, rest: list[int], shares: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Whole groups by lot, for each split until it is nearest to its share of examples; one group at least stays to train on."""
    members: dict[str, list[int]] = {}
    for index in rest:
        members.setdefault(data.groups[index], []).append(index)
    whole = list(members.values())
    left = [whole[place] for place in np.random.RandomState(_SEED).permutation(len(whole))]
    drawn: dict[str, list[int]] = {}
    for split, share in shares.items():
        own = drawn.setdefault(split, [])
        while len(left) > 1 and (not own or len(own) + len(left[-1]) / 2 <= share * len(rest)):
            own += left.pop()
    drawn["train"] = [index for group in left for index in group]
    return {split: np.array(sorted(own), dtype=np.int64) for split, own in drawn.items()}


def _tell_near(data: Labelled, parts: Mapping[Split, np.ndarray], things: str, notes: list[Note], words: str = ALIKE) -> None:
    """Groups in several splits: only the data's own splits can divide one."""
    where = {split: {data.groups[index] for index in part} for split, part in parts.items()}
    held = where["test"] | where["validation"]
    near = sum(data.groups[index] in held for index in parts["train"])
    alike = sum(count for count in Counter(data.groups[index] for part in parts.values() for index in part).values() if count > 1)
    if near:
        notes.append(
            Note(
                level="problem",
                text=f"Leakage: {near:,} training {things} {words} test or validation {things}. They stay, since "
                "the data's own split has them so: accuracy on the test data is likely too high.",
            )
        )
    elif alike:
        notes.append(Note(level="note", text=f"{alike:,} {things} {words} another one: kept, always in one split."))


def _tell_sizes(data: Labelled, parts: Mapping[Split, np.ndarray], things: str, notes: list[Note]) -> None:
    trained = Counter(data.labels[index] for index in parts["train"])
    tested = Counter(data.labels[index] for index in parts["test"])
    few = sorted(label for label in trained if trained[label] < FEW_OF_CLASS)
    if few:
        shown = ", ".join(f"“{label}” ({trained[label]})" for label in few[:5]) + (" …" if len(few) > 5 else "")
        text = f"Few training {things} (fewer than {FEW_OF_CLASS}) of {shown}: expect more errors there."
        notes.append(Note(level="problem", text=text))
    if missing := sorted(set(trained) - set(tested)):
        shown = ", ".join(f"“{label}”" for label in missing[:5])
        notes.append(Note(level="problem", text=f"No test {things} of {shown}: these classes are not measured."))
    if unseen := sorted(set(tested) - set(trained)):
        shown = ", ".join(f"“{label}”" for label in unseen[:5])
        notes.append(Note(level="problem", text=f"No training {things} of {shown}: no model can learn these classes."))
    total = sum(tested.values())
    if total and total < CERTAIN:
        width = 196 * (0.9 * 0.1 / total) ** 0.5
        notes.append(
            Note(
                level="problem",
                text=f"{total:,} test {things}: an accuracy of 90 % has a 95 % interval of about ± {width:.0f} points, so "
                "smaller differences cannot be seen.",
            )
        )
    if total and (most := tested.most_common(1)[0])[1] / total >= 0.8:
        share = 100 * most[1] / total
        notes.append(
            Note(
                level="problem", text=f"{share:.0f} % of the test {things} are “{most[0]}”: always predicting it is as accurate."
            )
        )


def _refusal(data: Labelled, parts: Mapping[Split, np.ndarray], things: str) -> str:
    classes = len({data.labels[index] for part in parts.values() for index in part})
    if classes == 0 or (classes == 1 and len(parts["train"])):
        left = {0: "no class is left", 1: "only one class is left"}[classes]
        return f"At least two classes with {LEAST_OF_CLASS} different {things} each are needed, but {left}."
    return _refusal_of_sizes(parts, things)


def _refusal_of_sizes(parts: Mapping[Split, np.ndarray], things: str) -> str:
    total = sum(len(part) for part in parts.values())
    if total and not len(parts["train"]):
        return f"There is no training data: all {total:,} {things} are test or validation data. Add {things} to train on."
    if total < LEAST_EXAMPLES:
        return f"{total:,} usable {things} are too few: at least {LEAST_EXAMPLES} are needed, some hundreds are better."
    short = [split for split in SPLITS if len(parts[split]) < LEAST_OF_SPLIT[split]]
    if short:
        sizes = ", ".join(f"{len(parts[split]):,} {split}" for split in SPLITS)
        return f"Too few {things} in a split ({sizes}): add {things}; where there are classes, to the smallest ones."
    return ""
