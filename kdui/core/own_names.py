"""How a recipe names a person's own data: by a path, ``own-texts:reviews.csv?label=stars``, until they are read.

What was read is kept in KDUI_HOME, and the task is then called ``KIND:STEM@DIGEST``: results of one data set never stand beside
those of another, and a run goes on when the file has changed.
"""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from kdui.core.contracts import TaskFacts

CORPUS, TEXTS, PICTURES = "own-corpus", "own-texts", "own-pictures"
SOUNDS, TRANSCRIPTS = "own-sounds", "own-transcripts"
BOXES, MASKS = "own-boxes", "own-masks"
RATINGS, SPANS, PAIRS = "own-ratings", "own-spans", "own-pairs"
KINDS = (CORPUS, TEXTS, PICTURES, SOUNDS, TRANSCRIPTS, BOXES, MASKS, RATINGS, SPANS, PAIRS)
OWN_INPUTS = {
    CORPUS: "a text file or a folder of them",
    TEXTS: "a table of texts and labels (CSV, TSV, JSON lines or Parquet)",
    PICTURES: "a folder or zip of images, one folder for each class",
    SOUNDS: "a folder or zip of WAV files, one folder for each class",
    TRANSCRIPTS: "a folder or zip of WAV files and a table of file and text",
    BOXES: "a folder or zip of images with boxes in COCO's or Pascal VOC's form",
    MASKS: "a folder or zip of images with a mask each (PNG)",
    RATINGS: "a table of user, item and time",
    SPANS: "a file in SQuAD's form, or a table of passage, question and answer",
    PAIRS: "a table of source and target texts",
}
HUB = "hub:"  # in place of a path: a data set of the Hugging Face Hub
DIGITS = 16  # of the digest, in a name
MOST_STEM = 24  # letters: a task's name in the store has at most 64
_KEPT = re.compile(rf"(?P<kind>{'|'.join(KINDS)}):(?P<stem>[\w-]{{1,{MOST_STEM}}})@(?P<digest>[0-9a-f]{{{DIGITS}}})", re.ASCII)


class KeptName(NamedTuple):
    """The parts of the name of data that were read and kept."""

    kind: str
    stem: str
    digest: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.stem}@{self.digest}"


class OwnPath(NamedTuple):
    """The parts of a name by a path: ``options`` follow a question mark; an own corpus has none."""

    kind: str
    path: str
    options: dict[str, str] = {}

    def __str__(self) -> str:
        if self.kind == CORPUS:
            return f"{self.kind}:{self.path}"
        path = self.path.replace("%", "%25").replace("?", "%3F") if "?" in self.path else self.path
        return f"{self.kind}:{path}" + (f"?{urlencode(self.options, quote_via=quote, safe=' ,')}" if self.options else "")


def kept_name(task: str) -> KeptName | None:
    """What the name of kept data holds; None for any other task."""
    match = _KEPT.fullmatch(task)
    return KeptName(**match.groupdict()) if match else None


def own_path(task: str) -> OwnPath | None:
    """How a recipe names data that are still to be read; None for data that are kept and for any other task."""
    kind, colon, rest = task.partition(":")
    if not colon or kind not in KINDS or kept_name(task) is not None:
        return None
    if kind == CORPUS:
        return OwnPath(kind, rest, {})
    path, _, query = rest.partition("?")
    if "%3F" in path:  # how a path that itself holds a question mark is written
        path = path.replace("%3F", "?").replace("%25", "%")
    return OwnPath(kind, path, dict(parse_qsl(query, keep_blank_values=True)))


def stem_of(path: str) -> str:
    """What is left of a path in a task's name."""
    last = re.sub(r"\.\w{1,8}$", "", path.rstrip("/").rpartition("/")[2])
    return re.sub(r"[^a-z0-9]+", "-", last.lower(), flags=re.ASCII).strip("-")[:MOST_STEM].strip("-") or "data"


def named_facts(task: TaskFacts, name: KeptName) -> TaskFacts:
    """What the name alone tells: all but what lies in the data. Data of the same content are one task to the store."""
    return task.model_copy(
        update={
            "name": str(name),
            "title": f"{task.title}: {name.stem}",
            "content": f"{name.kind}@{name.digest}",
        }
    )
