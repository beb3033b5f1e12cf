"""Files that a command is asked to write: looked at before the work, so that no result is lost to a wrong path."""

import os
from pathlib import Path

from kdui.core.errors import KduiError


def require_writable(path: Path | None) -> Path | None:
    """The path with ``~`` resolved; raises KduiError where no file can be written there. What stands there stays as it is."""
    if path is None:
        return None
    place = path.expanduser()
    if place.is_dir():
        raise KduiError(f"{place} is a folder, so no file can be written there. Name a file with --out, e.g. {place / 'out'}.")
    if not place.parent.is_dir():
        raise KduiError(f"There is no folder {place.parent} to write {place.name} to. Make it, or name another file.")
    there = place.exists()
    try:
        with place.open("ab"):
            pass
        if not there:
            place.unlink()
    except OSError as error:
        raise cannot_write(place, error) from None
    return place


def write(path: Path, text: str) -> None:
    """Write text in UTF-8, see ``write_bytes``."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write under a temporary name, then rename; raises KduiError in words."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        if path.exists() and not path.is_file():  # a pipe or /dev/stdout is written, never replaced
            part.unlink()
            path.write_bytes(content)
        else:
            os.replace(part, path)
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> KduiError:
    return KduiError(f"{path} cannot be written ({error.strerror}). Name another file.")
