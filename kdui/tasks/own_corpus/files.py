"""Reads a person's text files: which ones, how long, in UTF-8; whatever cannot be used is refused in words that quote nothing."""

import codecs
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kdui.catalogue.reach import require_reach
from kdui.core.errors import RecipeError
from kdui.settings import Settings

ENDINGS = (".txt", ".md", ".text", ".markdown")
MOST_BYTES = 32 << 20  # of all files together: what is made of them is held in memory
MOST_FILES = 10_000
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextFile(NamedTuple):
    """One file: its name below the folder that was named, and its lines."""

    name: str
    lines: list[str]


def read_texts(name: str, settings: Settings) -> list[TextFile]:
    """The file at a path, or those of a folder in the order of their names; hidden files and other kinds of files are left out.

    Raises RecipeError where the path leads outside of what may be read, or where a file is no text in UTF-8.
    """
    require_reach(name, settings)
    given = Path(name).expanduser()
    try:
        if given.is_file():
            if given.suffix.lower() not in ENDINGS:
                raise RecipeError(f"{given.name} ends in '{given.suffix}'; an own corpus is made of {_endings()} files.")
            paths = [given]
        elif given.is_dir():
            paths = sorted(_texts_below(given))
        else:
            raise RecipeError(f"There is no file or folder {given}. Write own-corpus:PATH with a {_endings()} file or a folder.")
        if not paths:
            raise RecipeError(f"{given} holds no {_endings()} file. Name a folder with text files.")
        total = sum(path.stat().st_size for path in paths)
        if total > MOST_BYTES:
            raise RecipeError(
                f"{given} holds {total / 1e6:,.0f} MB of text; at most {MOST_BYTES / 1e6:,.0f} MB are taken. Name a part of it."
            )
        root = given if given.is_dir() else given.parent
        return [TextFile(path.relative_to(root).as_posix(), _lines(path, settings)) for path in paths]
    except OSError as error:
        raise RecipeError(f"{given} cannot be read ({error.strerror or error}). Check its permissions.") from error


def _texts_below(folder: Path) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(folder):  # links to folders are not followed
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and name.lower().endswith(ENDINGS):
                count += 1
                if count > MOST_FILES:
                    raise RecipeError(f"{folder} holds more than {MOST_FILES:,} text files. Name a part of it, or join them.")
                yield Path(place, name)


def _lines(path: Path, settings: Settings) -> list[str]:
    require_reach(str(path), settings)  # a link may lead elsewhere
    if not path.is_file():
        raise RecipeError(f"{path.name} is no ordinary file. Take it out of the folder.")
    data = path.read_bytes()
    if data.startswith(_WIDE):
        raise RecipeError(f"{path.name} is written in UTF-16. Save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RecipeError(
            f"{path.name} is not in UTF-8: line {line:,} holds a byte {data[error.start]:#04x} that cannot stand there. Save it "
            "as UTF-8 in your editor, or convert it: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW."
        ) from None
    if "\0" in text:
        raise RecipeError(f"{path.name} is a binary file in spite of its name: it holds zero bytes. Name files of plain text.")
    return text.splitlines()


def _endings() -> str:
    return " or ".join(ENDINGS[:2])
