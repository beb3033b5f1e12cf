"""What is known of a person's data before anything runs: how they were read, counts by class and split, and what is wrong."""

from collections.abc import Mapping
from typing import Literal

from kdui.core.plain import Frozen

SPLITS: tuple[Literal["train", "validation", "test"], ...] = ("train", "validation", "test")
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development", "eval"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "heldout"), "test"),
}


class Column(Frozen):
    """A column of a table: what it holds in words, and a few of its values."""

    name: str
    holds: str
    values: tuple[str, ...] = ()


class Note(Frozen):
    """What is wrong or worth knowing. ``problem``: it costs examples or makes results less certain."""

    level: Literal["problem", "note"]
    text: str


class Preview(Frozen):
    """Data that were looked at. ``refusal``: why no task can be made of them as they stand; empty where one can."""

    kind: str
    title: str
    read: tuple[tuple[str, str], ...] = ()  # what was recognised or chosen, in words: encoding, separator, columns, sizes
    columns: tuple[Column, ...] = ()
    chosen: Mapping[str, str] = {}  # role -> column, where there are columns
    roles: tuple[str, ...] = ("text", "label", "split")  # of columns; the last one need not be chosen
    classes: Mapping[str, Mapping[str, int]] = {}  # label -> split -> examples, or objects where ``examples`` counts those
    examples: Mapping[str, int] = {}  # split -> examples, where the classes do not count them
    notes: tuple[Note, ...] = ()
    limits: str = ""
    refusal: str = ""

    @property
    def splits(self) -> dict[str, int]:
        """Examples of each split."""
        if self.examples:
            return {split: self.examples.get(split, 0) for split in SPLITS}
        return {split: sum(counts.get(split, 0) for counts in self.classes.values()) for split in SPLITS}
