"""A store brought back from a backup: every file is checked before any of them counts, and what is there is never overwritten."""

import contextlib
import os
import shutil
import sqlite3
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pydantic import ValidationError

from kdui.core.artifact import MANIFEST, Manifest
from kdui.core.errors import StoreError
from kdui.core.plain import is_digest
from kdui.core.run import RunState, StepState
from kdui.settings import Settings
from kdui.store.artifacts import clear, fsync
from kdui.store.backup import DATABASE, FORMAT, LISTING, Listing, copied, database_file, verify_database
from kdui.store.database import HEAD
from kdui.store.disk import errors_in_words

DRAFT = ".restore"
HARMLESS = {"cache", "lost+found"}  # may lie in a home that counts as empty: no backup holds them
MOST_LISTING = 1 << 30  # bytes of the list of files
MOST_FILES = 10_000_000
TOP = 255  # bytes of a name
# What reading a damaged zip raises; a ValidationError is a ValueError.
_UNREADABLE = (KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


class Restored(NamedTuple):
    """What came back. ``continuing``: runs that were under way, which go on from their last checkpoint."""

    listing: Listing
    continuing: int
    bytes: int


def read_listing(path: Path) -> Listing:
    """What a backup holds; raises StoreError for what is none, or one of a newer kdui."""
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(LISTING)
            if entry.file_size > MOST_LISTING:
                raise StoreError(f"{path} is no backup of kdui: its list of files is too long.")
            listing = Listing.model_validate_json(archive.read(entry))
    except FileNotFoundError:
        raise StoreError(f"There is no file {path}.") from None
    except (OSError, *_UNREADABLE) as error:
        raise StoreError(f"{path} is no backup of kdui, or it is damaged ({type(error).__name__}). Take another one.") from None
    if listing.format > FORMAT or listing.schema_revision > HEAD:
        raise StoreError(f"{path} was written by a newer kdui. Update kdui to restore it.")
    return listing


def restore_backup(settings: Settings, path: Path) -> Restored:
    """Bring a backup back into a home that is empty or not there.

    Raises StoreError in words, with the home as it was, where it is not empty or anything in the backup is not as it was saved.
    """
    listing = read_listing(path)
    database = database_file(settings)
    _require_empty(settings.home, database)
    _require_names(path, listing)
    total = sum(record.bytes for record in listing.files.values())
    draft = settings.home / DRAFT
    made = not settings.home.exists()
    try:
        with errors_in_words(settings.home):
            draft.mkdir(parents=True)
            settings.home.chmod(0o700) if made else None
            if shutil.disk_usage(draft).free < total:
                raise StoreError(
                    f"The backup needs {total / 1e6:,.1f} MB, and {shutil.disk_usage(draft).free / 1e6:,.1f} MB are free in "
                    f"{settings.home}. Free some space or set KDUI_HOME to another disk."
                )
            _unpack(path, listing, draft)
            _verify_artifacts(listing, draft)
            continuing = _quieten(draft / DATABASE)
            _move(draft, settings.home, database)
    except BaseException:
        clear(draft)
        if made:
            with contextlib.suppress(OSError):
                settings.home.rmdir()
        raise
    return Restored(listing, continuing, total)


def _require_empty(home: Path, database: Path) -> None:
    there = [item.name for item in home.iterdir() if item.name not in HARMLESS] if home.is_dir() else []
    if DRAFT in there:
        raise StoreError(
            f"An earlier restore into {home} was cut off. Delete what it left there ({', '.join(sorted(there)[:6])}), then try "
            "again."
        )
    if there or (os.path.lexists(home) and not home.is_dir()):
        raise StoreError(f"{home} is not empty, and nothing in it is overwritten. Set KDUI_HOME to a new folder.")
    if os.path.lexists(database):
        raise StoreError(f"There is a database {database} already. Set KDUI_DATABASE_URL to one that is not there, or unset it.")


def _require_names(path: Path, listing: Listing) -> None:
    """Raise StoreError where a file would lie outside of the home or in a place that is no backup's."""
    if len(listing.files) > MOST_FILES or DATABASE not in listing.files:
        raise StoreError(f"{path} is no whole backup of kdui: its list of files cannot be right.")
    for name in listing.files:
        parts = PurePosixPath(name).parts
        strange = any(part in (".", "..") or len(part.encode()) > TOP or "\0" in part or "\\" in part for part in parts)
        if not parts or strange or "/".join(parts) != name or parts[0] in HARMLESS or parts[0][0] in "./":
            raise StoreError(f"{path} names a file that no backup of kdui holds, so nothing was restored.")


def _unpack(path: Path, listing: Listing, draft: Path) -> None:
    """Write every listed file, no larger than the list says, and check it."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name, record in listing.files.items():
                place = draft / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, place.open("xb") as target:
                    found = copied(source, target, record.bytes)
                    longer = bool(source.read(1))
                if found != record or longer:
                    raise StoreError(f"{name} in {path} does not match its checksum: the backup is damaged. Take another one.")
                place.chmod(0o600)
                fsync(place)
    except _UNREADABLE as error:
        raise StoreError(f"{path} is damaged ({type(error).__name__}), so nothing was restored. Take another backup.") from None


def _verify_artifacts(listing: Listing, draft: Path) -> None:
    """Each manifest says what the list says: the files are there, and are the ones that were made."""
    for name in listing.files:
        parts = PurePosixPath(name).parts
        if parts[0] != "artifacts" or parts[-1] != MANIFEST or len(parts) != 4:
            continue
        folder = name.removesuffix(MANIFEST)
        try:
            manifest = Manifest.model_validate_json((draft / name).read_bytes())
        except ValidationError:
            raise StoreError(f"{name} in the backup is no manifest, so nothing was restored. Take another backup.") from None
        sound = all(listing.files.get(folder + file) == record for file, record in manifest.files.items())
        if not sound or not is_digest(parts[2]) or manifest.digest != parts[2] or parts[1] != parts[2][:2]:
            raise StoreError(f"{name} in the backup does not fit its files, so nothing was restored. Take another backup.")


def _quieten(database: Path) -> int:
    """Runs that were under way wait to be continued: their workers belong to the other store. Returns how many there are."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        verify_database(connection, "The backup's database")
        try:
            with connection:
                end = "UPDATE runs SET state = ?, pid = NULL, pid_started = NULL, slot = NULL, eta_seconds = NULL"
                running = f"{end}, finished = heartbeat WHERE state = '{RunState.RUNNING}'"
                connection.execute(f"{running} AND cancel_requested", (RunState.CANCELLED,))
                continuing = connection.execute(running, (RunState.INTERRUPTED,)).rowcount
                waiting = "UPDATE steps SET state = ?, progress = 0 WHERE state = ?"
                connection.execute(waiting, (StepState.WAITING, StepState.RUNNING))
                return continuing
        except sqlite3.Error as error:
            raise StoreError(f"The backup's database cannot be used ({error}), so nothing was restored.") from None


def _move(draft: Path, home: Path, database: Path) -> None:
    """Put everything in its place, the database last: a store without one is empty, whatever else a cut-off restore left."""
    for item in sorted(draft.iterdir()):
        if item.name != DATABASE:
            item.rename(home / item.name)
    fsync(home)
    shutil.move(draft / DATABASE, database)
    database.chmod(0o600)
    draft.rmdir()
    fsync(home)
