"""The image files of a person by class: in a folder or a zip, perhaps below folders for the splits."""

import lzma
import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kdui.catalogue.reach import require_reach
from kdui.core.errors import KduiError, RecipeError
from kdui.core.own_preview import SPLIT_NAMES
from kdui.modalities.image.picture_files import MOST_BYTES as MOST_PICTURE
from kdui.settings import Settings

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif")
MOST_FILES = 20_000
MOST_BYTES = 2 << 30  # of all files as they lie on the disk, or unpacked out of a zip
MOST_DEPTH = 12


class PictureFile(NamedTuple):
    """One file: its name, class and split ("" where none is said), and how its bytes are read."""

    name: str
    label: str
    split: str
    read: Callable[[], bytes]


class Found(NamedTuple):
    """All image files, and how many others there are by what they are."""

    files: list[PictureFile]
    others: Counter[str]


@contextmanager
def found_pictures(path: str, settings: Settings) -> Iterator[Found]:
    """The images at a path; a zip is open as long as they are read. Raises RecipeError where there are none."""
    require_reach(path, settings)
    given = Path(path).expanduser()
    try:
        if given.is_dir():
            yield _sorted(given, list(_of_folder(given, settings)))
        elif given.is_file() and zipfile.is_zipfile(given):
            with zipfile.ZipFile(given) as archive:
                yield _sorted(given, list(_of_zip(given, archive)))
        elif given.exists():
            raise RecipeError(f"{given.name} is neither a folder nor a zip. Put the images into a folder for each class.")
        else:
            raise RecipeError(f"There is no folder or zip {given}. Write own-pictures:PATH with a folder for each class in it.")
    except OSError as error:
        raise RecipeError(f"{given} cannot be read ({error.strerror or error}). Check its permissions.") from error
    except (zipfile.BadZipFile, RuntimeError) as error:  # damaged, an odd compression, encrypted
        raise RecipeError(f"{given.name} cannot be read as a zip: {error}. Pack the folder again, without a password.") from error


def _of_folder(folder: Path, settings: Settings) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name below the folder and reader of each file; links to folders are not followed, links to files only within reach."""
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
            yield path.relative_to(folder).as_posix(), partial(_first_bytes, path)


def _first_bytes(path: Path) -> bytes:
    """At most so many that a reader of images sees that there are too many."""
    with path.open("rb") as stream:
        return stream.read(MOST_PICTURE + 1)


def _of_zip(path: Path, archive: zipfile.ZipFile) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The same of a zip. What a member says of its size may be wrong: no more is unpacked of it than an image may have."""
    count = total = 0
    for member in archive.infolist():
        parts = PurePosixPath(member.filename).parts
        if member.is_dir() or "__MACOSX" in parts or any(part.startswith(".") for part in parts):
            continue
        count, total = count + 1, total + member.file_size
        _bounded(path.name, count, total)
        yield member.filename, partial(_unpacked, archive, member)


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as stream:
            return stream.read(MOST_PICTURE + 1)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise KduiError(f"it is damaged in the zip ({error}).") from error


def _bounded(name: str, count: int, total: int) -> None:
    if count > MOST_FILES:
        raise RecipeError(f"{name} holds more than {MOST_FILES:,} files. Name a part of it.")
    if total > MOST_BYTES:
        raise RecipeError(f"{name} holds more than {MOST_BYTES / 1e9:.1f} GB. Make the images smaller, or name a part of them.")


def _sorted(given: Path, entries: Sequence[tuple[str, Callable[[], bytes]]]) -> Found:
    """Each file's class and split by its folders: [split /] class / …; a folder around everything does not count."""
    others: Counter[str] = Counter()
    pictures = []
    for name, read in entries:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not name.lower().endswith(ENDINGS):
            others["no images"] += 1
        elif len(parts) > MOST_DEPTH:
            others["in too many folders"] += 1
        else:
            pictures.append((parts, name, read))
    while pictures and len({parts[0] for parts, _, _ in pictures}) == 1 and all(len(parts) > 2 for parts, _, _ in pictures):
        pictures = [(parts[1:], name, read) for parts, name, read in pictures]
    firsts = {parts[0].lower() for parts, _, _ in pictures if len(parts) > 1}
    split = bool(firsts) and firsts <= set(SPLIT_NAMES)
    files = []
    for parts, name, read in sorted(pictures, key=lambda item: item[0]):
        if len(parts) < (3 if split else 2):
            others["images in no folder of a class"] += 1
        else:
            said = SPLIT_NAMES[parts[0].lower()] if split else ""
            files.append(PictureFile(name, " ".join(parts[1 if split else 0].split()), said, read))
    if not files:
        raise RecipeError(
            f"{given.name} holds no image in a folder of its class. Put each class into a folder of its own: "
            "cats/1.jpg, dogs/1.jpg …; PNG, JPEG, WebP and GIF are read."
        )
    return Found(files, others)
