"""Files that are already on this machine: bundled with an installed package, or brought by the user in KDUI_DATA_DIR."""

import importlib.util
import zipfile
from pathlib import Path, PurePosixPath

from kdui.catalogue.source_attempt import Attempt, Unavailable, copy, file_sha256, unzip
from kdui.core.source import Bundled, LocalFile


def from_package(source: Bundled, attempt: Attempt) -> None:
    """Nothing to bring: the package's own loader reads its data; the package must be installed."""
    if importlib.util.find_spec(source.package) is None:
        raise Unavailable("the package is not installed")


def from_data_dir(source: LocalFile, attempt: Attempt) -> None:
    """Take the resource's files from KDUI_DATA_DIR: a folder that holds them, a zip or wheel that holds them, or the one file."""
    if attempt.settings.data_dir is None:
        raise Unavailable("KDUI_DATA_DIR is not set")
    path = attempt.settings.data_dir / source.path
    if path.is_dir():
        _from_folder(path, attempt)
        return
    if not path.is_file():
        raise Unavailable(f"{path} does not exist")
    if source.sha256 and file_sha256(path) != source.sha256:
        raise Unavailable(f"{path} is not the expected file: its sha256 differs from {source.sha256[:12]}…")
    names = attempt.resource.files
    if len(names) == 1 and path.name == PurePosixPath(names[0]).name:
        copy(path, names[0], attempt)
    elif zipfile.is_zipfile(path):
        unzip(path, _members(path, names), attempt)
    elif len(names) == 1:
        copy(path, names[0], attempt)
    else:
        raise Unavailable(f"{path} is one file, but {', '.join(names)} are needed: give a folder or a zip with them")


def _from_folder(folder: Path, attempt: Attempt) -> None:
    missing = [name for name in attempt.resource.files if not (folder / name).is_file()]
    if missing:
        raise Unavailable(f"{folder} lacks {', '.join(missing)}")
    for name in attempt.resource.files:
        copy(folder / name, name, attempt)


def _members(archive: Path, names: tuple[str, ...]) -> dict[str, str]:
    """File name -> the one path in the archive that ends with it."""
    with zipfile.ZipFile(archive) as opened:
        paths = opened.namelist()
    members = {}
    for name in names:
        matching = [path for path in paths if path == name or path.endswith("/" + name)]
        if len(matching) != 1:
            raise Unavailable(f"{archive} holds {len(matching)} files called {name}, but exactly one is needed")
        members[name] = matching[0]
    return members
