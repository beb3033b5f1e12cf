"""The files of a person's folder or zip, bounded in number, size and depth, and their bytes one by one."""

import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kdui.catalogue.reach import require_reach
from kdui.core.errors import KduiError, RecipeError
from kdui.core.own_preview import SPLIT_NAMES
from kdui.modalities.image.picture_files import MOST_BYTES as MOST_FILE
from kdui.settings import Settings

MOST_FILES = 20_000
MOST_BYTES = 2 << 30  # of all files as they lie on the disk, or unpacked out of a zip
MOST_DEPTH = 12


class Entry(NamedTuple):
    """One file: its name below the folder that was named, and how its bytes are read, of a longer one ``MOST_FILE`` + 1."""

    name: str
    read: Callable[[], bytes]

    @property
    def parts(self) -> tuple[str, ...]:
        """Its folders and its name."""
        return PurePosixPath(self.name.replace("\\", "/")).parts


@contextmanager
def opened(path: str, inside: str, settings: Settings) -> Iterator[list[Entry]]:
    """The files at a path; a zip is open as long as they are read. ``inside``: what belongs into it, as a sentence.

    Raises RecipeError where there is neither a folder nor a zip, or more than may be read.
    """
    require_reach(path, settings)
    given = Path(path).expanduser()
    try:
        if given.is_dir():
            yield list(_of_folder(given, settings))
        elif given.is_file() and zipfile.is_zipfile(given):
            with zipfile.ZipFile(given) as archive:
                yield list(_of_zip(given, archive))
        elif given.exists():
            raise RecipeError(f"{given.name} is neither a folder nor a zip. {inside}")
        else:
            raise RecipeError(f"There is no folder or zip {given}. {inside}")
    except OSError as error:
        raise RecipeError(f"{given} cannot be read ({error.strerror or error}). Check its permissions.") from error
    except (zipfile.BadZipFile, RuntimeError, UnicodeDecodeError) as error:  # damaged, an odd compression, encrypted
        raise RecipeError(f"{given.name} cannot be read as a zip: {error}. Pack the folder again, without a password.") from error


def _of_folder(folder: Path, settings: Settings) -> Iterator[Entry]:
    """Links to folders are not followed, links to files only within reach."""
    count = total = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith("."):
                continue
            require_reach(str(path), settings)
            about = path.stat()
            if not stat.S_ISREG(about.st_mode):
                raise RecipeError(f"{name} is no ordinary file. Take it out of the folder.")
            count, total = count + 1, total + about.st_size
            _bounded(folder.name, count, total)
            yield Entry(path.relative_to(folder).as_posix(), partial(_first_bytes, path))


def _first_bytes(path: Path) -> bytes:
    """At most so many that whoever reads them sees that there are too many."""
    with path.open("rb") as stream:
        return stream.read(MOST_FILE + 1)


def _of_zip(path: Path, archive: zipfile.ZipFile) -> Iterator[Entry]:
    """What a member says of its size may be wrong: no more is unpacked of it than a file may have."""
    count = total = 0
    for member in archive.infolist():
        parts = PurePosixPath(member.filename).parts
        if not parts or member.is_dir() or "__MACOSX" in parts or any(part.startswith(".") for part in parts):
            continue
        count, total = count + 1, total + member.file_size
        _bounded(path.name, count, total)
        yield Entry(member.filename, partial(_unpacked, archive, member))


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as stream:
            return stream.read(MOST_FILE + 1)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise KduiError(f"it is damaged in the zip ({error}).") from error


def _bounded(name: str, count: int, total: int) -> None:
    if count > MOST_FILES:
        raise RecipeError(f"{name} holds more than {MOST_FILES:,} files. Name a part of it.")
    if total > MOST_BYTES:
        raise RecipeError(f"{name} holds more than {MOST_BYTES / 1e9:.1f} GB. Make the files smaller, or name a part of them.")


def split_of_folders(parts: Sequence[str]) -> str:
    """The split that the outermost folder with such a name says; "" where none does."""
    return next((SPLIT_NAMES[part.lower()] for part in parts[:-1] if part.lower() in SPLIT_NAMES), "")


class ByName:
    """Finds files as tables and annotations call them: by their path, by its end, or by a name that only one file has."""

    def __init__(self, entries: Sequence[Entry]):
        self._whole = {"/".join(entry.parts): entry for entry in entries}
        self._last: dict[str, list[Entry]] = {}
        for entry in entries:
            self._last.setdefault(entry.parts[-1], []).append(entry)

    def find(self, name: str, beside: Entry) -> Entry | None:
        """The file that ``beside`` calls so; None where there is none, or several have the name."""
        parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in (".", "/")]
        if not parts:
            return None
        here = self._whole.get("/".join((*beside.parts[:-1], *parts))) or self._whole.get("/".join(parts))
        ending = [entry for entry in self._last.get(parts[-1], []) if list(entry.parts[-len(parts) :]) == parts]
        named = ending or self._last.get(parts[-1], [])
        return here or (named[0] if len(named) == 1 else None)
