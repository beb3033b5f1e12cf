"""Files with a folder for each class: which class and split each has, and the task that is made of what lies in them."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kdui.core.contracts import Split
from kdui.core.own_preview import SPLIT_NAMES, SPLITS, Note, Preview
from kdui.tasks.examples import Examples
from kdui.tasks.own_data import kept
from kdui.tasks.own_data.dividing import LONGEST_LABEL, MOST_CLASSES, Labelled, divide
from kdui.tasks.own_data.entries import MOST_DEPTH, Entry


class Sorted(NamedTuple):
    """One file with its class and split, "" where none is said."""

    name: str
    label: str
    split: str
    read: Callable[[], bytes]


class Found(NamedTuple):
    """All files of the wanted kind, and how many others there are by what they are."""

    files: list[Sorted]
    others: Counter[str]


def by_class(entries: Sequence[Entry], endings: tuple[str, ...], things: str) -> Found:
    """Each file's class and split by its folders: [split /] class / …; a folder around everything does not count.

    ``files`` is empty where no file of these endings lies in a folder; ``things``: images or sounds.
    """
    others: Counter[str] = Counter()
    wanted: list[tuple[tuple[str, ...], Entry]] = []
    for entry in entries:
        if not entry.name.lower().endswith(endings):
            others[f"no {things}"] += 1
        elif len(entry.parts) > MOST_DEPTH:
            others["in too many folders"] += 1
        else:
            wanted.append((entry.parts, entry))
    while wanted and len({parts[0] for parts, _ in wanted}) == 1 and all(len(parts) > 2 for parts, _ in wanted):
        wanted = [(parts[1:], entry) for parts, entry in wanted]
    firsts = {parts[0].lower() for parts, _ in wanted if len(parts) > 1}
    split = bool(firsts) and firsts <= set(SPLIT_NAMES)
    files = []
    for parts, entry in sorted(wanted, key=lambda item: item[0]):
        if len(parts) < (3 if split else 2):
            others[f"{things} in no folder of a class"] += 1
        else:
            said = SPLIT_NAMES[parts[0].lower()] if split else ""
            files.append(Sorted(entry.name, " ".join(parts[1 if split else 0].split()), said, entry.read))
    return Found(files, others)


def left_out(others: Mapping[str, int], broken: Sequence[str], things: str) -> list[Note]:
    """Files that are not used, in words; ``broken``: name and reason of those that cannot be read."""
    notes = [Note(level="note", text=f"Left out: {count:,} files, {what}.") for what, count in others.items()]
    if broken:
        text = f"Left out: {len(broken):,} {things} that cannot be read; the first is {broken[0]}"
        notes.insert(0, Note(level="problem", text=text))
    return notes


def counted(left: Mapping[str, int]) -> list[Note]:
    """What was left out of the files that are used, in words: what -> how many."""
    return [Note(level="problem", text=f"Left out: {count:,} {what}.") for what, count in left.items() if count]


def wrong_classes(labels: set[str]) -> str:
    """Why these cannot be the names of classes; empty where they can."""
    if len(labels) > MOST_CLASSES:
        return f"There are {len(labels):,} folders of classes; at most {MOST_CLASSES:,} are taken."
    longest = max(labels, key=len)
    if len(longest) > LONGEST_LABEL:
        return f"A folder's name has {len(longest)} characters; a class has at most {LONGEST_LABEL}."
    return ""


def splits_said(given: Sequence[str]) -> tuple[str, str]:
    """Whether the folders say the splits, as a line of the preview."""
    return "splits", "from the folders" if any(given) else "none in the folders"


def keys_of(arrays: Iterable[np.ndarray]) -> list[str]:
    """A digest of each array's content: equal for copies."""
    return [hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest() for array in arrays]


def labelled(seen: Preview, arrays: np.ndarray, data: Labelled, things: str, shape: Mapping[str, Any]) -> kept.Prepared:
    """The task of arrays [n, ...] with a class each, divided; ``shape``: the task's ``input``."""
    division = divide(data, things)
    names = division.labels(data.labels)
    counts = {label: dict.fromkeys(SPLITS, 0) for label in names}
    for split, part in division.parts.items():
        for index in part:
            counts[data.labels[index]][split] += 1
    seen = seen.model_copy(update={"notes": (*seen.notes, *division.notes), "classes": counts, "refusal": division.refusal})
    if division.refusal:
        return kept.Prepared(seen, {}, {})
    number = {label: place for place, label in enumerate(names)}
    splits: dict[Split, Examples] = {
        split: Examples(arrays[part], np.array([number[data.labels[index]] for index in part], dtype=np.int64))
        for split, part in sorted(division.parts.items())
    }
    facts: dict[str, Any] = {**kept.facts_of(seen, names, splits), "input": dict(shape), "examples": []}
    return kept.Prepared(seen, facts, splits)
