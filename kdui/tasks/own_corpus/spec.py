"""Facts of a task that a person's own text makes, and how its name is written.

A recipe names the text by its path, ``own-corpus:PATH``. What was read is kept in KDUI_HOME, and the task is then called
``own-corpus:STEM@DIGEST``: results of one text never stand beside those of another, and a run goes on when the file has changed.
"""

import re
from typing import NamedTuple

from kdui.core.contracts import TaskFacts
from kdui.core.metric import BITS_PER_BYTE
from kdui.core.source import Resource

PREFIX = "own-corpus:"
FOLDER = "corpora"  # in KDUI_HOME, with a folder for each digest
TEXTS, FACTS = "texts.json", "corpus.json"
DIGITS = 16  # of the digest, in a name
MOST_STEM = 24  # letters: a task's name in the store has at most 64
_KEPT = re.compile(rf"{PREFIX}(?P<stem>[\w-]{{1,{MOST_STEM}}})@(?P<digest>[0-9a-f]{{{DIGITS}}})", re.ASCII)

TASK = TaskFacts(
    name="own-corpus",
    title="Own corpus",
    summary="Predict each next token of your own text, a file or a folder of .txt and .md files, in passages of at most 700 "
    "bytes. Lines stay lines; empty lines and indentation are left out. Of a folder, whole files are held out for validation "
    "and test; of one file, its last two tenths.",
    modality="text",
    problem="language-model",
    headline=BITS_PER_BYTE,
    splits={},
    input={"max_length": 768},  # a passage has 700 bytes at most, and no tokenizer here makes more tokens than bytes of it
    resource=Resource(name="own-corpus", title="Own text", licence="your own text: it stays on this machine", sources=()),
)


class KeptName(NamedTuple):
    """The parts of a kept corpus' name."""

    stem: str
    digest: str


def kept_name(task: str) -> KeptName | None:
    """What the name of a kept corpus holds; None for any other task."""
    match = _KEPT.fullmatch(task)
    return KeptName(match["stem"], match["digest"]) if match else None


def path_in(task: str) -> str | None:
    """The path that a recipe names its text by; None for a kept corpus and for any other task."""
    return task.removeprefix(PREFIX) if task.startswith(PREFIX) and kept_name(task) is None else None


def facts_of(name: KeptName) -> TaskFacts:
    """What the name alone tells: all but the sizes of the splits. Files of the same content are one task to the store."""
    return TASK.model_copy(
        update={
            "name": f"{PREFIX}{name.stem}@{name.digest}",
            "title": f"Own corpus: {name.stem}",
            "content": f"{TASK.name}@{name.digest}",
        }
    )
