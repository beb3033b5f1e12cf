"""Black-box teachers: how an ONNX file or a table of probabilities is named, and first checks."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kdui.catalogue.file_digests import file_digest
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError
from kdui.core.foreign import output_order
from kdui.core.layout import TOKENIZER
from kdui.core.places import ASSETS
from kdui.core.recipe import ModelRef
from kdui.settings import Settings

SEPARATORS = (",", ";", "\t", "|")
MOST_BYTES = 2 << 30  # of an ONNX file with its weights, or of a table; protobuf ends there, and all of it is held in memory
LONGEST_LINE = 1_000_000  # characters of a table's first line
# Where exporters put weights that do not stand in the ONNX file itself.
WEIGHTS = (".data", "_data")
PROJECT = ASSETS.parent


def graph_source(ref: ModelRef, task: TaskFacts, settings: Settings | None = None) -> str:
    """What names an ONNX teacher: the content of the file, of its weights beside it, and of its tokenizer.

    Raises RecipeError where a file is missing.
    """
    path = answers_file(ref)
    files = graph_files(path)
    if task.modality == "text":
        tokenizer = path.with_name(TOKENIZER)
        if not tokenizer.is_file():
            raise RecipeError(
                f"There is no {TOKENIZER} beside {path}, so its token ids are unknown. Put the model's own tokenizer there."
            )
        files.append(tokenizer)
    _check_size(path, files)
    return "onnx:" + hashlib.sha256("".join(file_digest(file, settings) for file in files).encode()).hexdigest()


def graph_files(path: Path) -> list[Path]:
    """An ONNX file and those beside it that hold weights of it."""
    return [path, *(beside for end in WEIGHTS if (beside := path.with_name(path.name + end)).is_file())]


def table_source(ref: ModelRef, task: TaskFacts, labels: Sequence[str] = (), settings: Settings | None = None) -> str:
    """What names a table of probabilities: its content. Raises RecipeError where its columns are not the task's labels."""
    path = answers_file(ref)
    if ref.options.keys() - {"labels"}:
        raise RecipeError(f"'{ref}': a table of probabilities takes no options but 'labels'. Leave the others out.")
    table_form(path, task, labels)
    _check_size(path, [path])
    return "csv:" + file_digest(path, settings)


def _check_size(path: Path, files: list[Path]) -> None:
    """Before anything is read: a file with holes is as long as it says, and takes no room on the disk."""
    if (total := sum(file.stat().st_size for file in files)) > MOST_BYTES:
        raise RecipeError(
            f"{path} has {total:,} bytes; a teacher's file with its weights may have {MOST_BYTES:,}. Use a smaller model."
        )


class TableForm(NamedTuple):
    """What stands between a table's columns, and for each label of the task the column that holds its probability."""

    separator: str
    columns: list[int]


def table_form(path: Path, task: TaskFacts, labels: Sequence[str] = ()) -> TableForm:
    """The form of a table by its first line, which names the labels in any order, or by ``labels``, its owner's order of them.

    Raises RecipeError in words, which never quote the file: it may be another one than its owner meant.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(LONGEST_LINE)
        headers = {mark: [name.strip() for name in next(csv.reader([line], delimiter=mark), [])] for mark in SEPARATORS}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecipeError(f"{path} cannot be read as a CSV file in UTF-8 ({type(error).__name__}). Save it again.") from error
    ours, width = task.labels, task.outputs
    separator = max(SEPARATORS, key=lambda mark: (len(set(ours) & set(headers[mark])), len(headers[mark]) == width))
    header = headers[separator]
    if labels and len(header) == width:
        return TableForm(separator, output_order(labels, task) or [])
    missing = [label for label in ours if label not in header]
    foreign = [name for name in header if name not in ours]
    if missing or foreign or len(header) != width:
        missing_words = f"{len(missing)} of {width} are missing" + (f" ({', '.join(missing[:5])} …)" if missing else "")
        other = f", {len(foreign)} of its {len(header)} names are no labels" if foreign else ", one is named twice"
        raise RecipeError(
            f"The first line of {path} must name the labels of {task.title}, each once: {missing_words}{other}. "
            f"They are: {','.join(ours)}"
        )
    return TableForm(separator, [header.index(label) for label in ours])


def answers_file(ref: ModelRef) -> Path:
    """The file that a reference names, as it stands or among those that come with kdui (``assets/teachers/…``).

    Raises RecipeError where there is none.
    """
    given = Path(ref.name).expanduser()
    for path in (given, *(() if given.is_absolute() else (PROJECT / given,))):
        if path.is_file():
            return path
    raise RecipeError(f"There is no file {given}. Write {ref.kind}:PATH with the path of the teacher's file.")
