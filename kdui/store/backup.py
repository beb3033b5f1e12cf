"""One file that a store is brought back from: the database as of one moment, artifacts and run folders, each with a checksum.

A backup may be taken while runs are queued, worked off and deleted. Artifacts never change once they are complete, so they are
copied first; then the database is (SQLite's own backup, one read transaction); then artifacts that came in between. Where one
that the copied database names went in between, the database is copied again. So whatever a run in the backup had made is in it.

The file is a zip: ``backup.json`` lists what counts, with sizes and sha256; what is not listed there is not restored.
"""

import contextlib
import hashlib
import os
import sqlite3
import tempfile
import time
import warnings
import zipfile
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from pydantic import Field
from sqlalchemy import create_engine, select
from sqlalchemy.engine import URL, make_url

from kdui.core.artifact import MANIFEST, FileRecord
from kdui.core.errors import StoreError
from kdui.core.plain import Frozen
from kdui.settings import Settings
from kdui.store.artifacts import fsync
from kdui.store.database import HEAD
from kdui.store.disk import errors_in_words
from kdui.store.retention import References, presented
from kdui.store.store import Store
from kdui.store.tables import runs

LISTING = "backup.json"
DATABASE = "kdui.db"
FORMAT = 1
# Of the home: what is fetched or made again, and what belongs to the processes of the moment.
LEFT_OUT = {"artifacts", "runs", "cache", "gallery", "page", "uploads", "wandb", "errors.log"}
LOCKED_SECONDS = 60.0  # that the copy waits for a database which another program has locked
MOST_COPIES = 5  # of the database, where runs are deleted again and again meanwhile
_CHUNK = 1 << 20


class Listing(Frozen):
    """What a backup holds. ``files``: path below the home -> size and checksum; ``database`` is one of them, wherever it lay."""

    format: int = FORMAT
    schema_revision: str = HEAD
    created: datetime
    runs: int
    artifacts: int
    files: dict[str, FileRecord]
    left_out: tuple[str, ...] = Field(default=(), description="artifacts that were damaged, in words")


def write_backup(store: Store, out: Path, also: Collection[str] = ()) -> Listing:
    """Write the backup to ``out``, which is there only when it is complete. ``also``: further artifacts to keep.

    Raises StoreError in words: for a database that is no file, for a place inside the home, or where the disk is full.
    """
    settings = store.settings
    database_file(settings)
    if settings.home in out.absolute().parents:
        raise StoreError(f"{out} lies in the store that it is to save. Name a file outside of {settings.home}, on another disk.")
    part = out.with_name(f".{out.name}.part")
    try:
        with errors_in_words(out.parent), tempfile.TemporaryDirectory(prefix=".kdui-backup-", dir=out.parent) as scratch:
            with zipfile.ZipFile(part, "w", allowZip64=True) as archive:
                listing = _fill(store, _Writer(archive), Path(scratch) / DATABASE, set(also))
                archive.writestr(LISTING, listing.model_dump_json(indent=1), zipfile.ZIP_DEFLATED)
            part.chmod(0o600)
            fsync(part)
            part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return listing


def database_file(settings: Settings) -> Path:
    """Where the database's file lies or would lie; raises StoreError where it is a server's."""
    url = make_url(settings.database)
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        raise StoreError(
            f"The store's database is no file but {url.get_backend_name()}. Save it with that program's own tool (pg_dump, "
            f"pg_restore), and copy the folders artifacts and runs of {settings.home} after it."
        )
    return Path(url.database)


def _fill(store: Store, writer: "_Writer", snapshot: Path, also: set[str]) -> Listing:
    also = also | presented(store) | {item.digest for item in store.artifacts.stored() if not item.bytes}
    for _ in range(MOST_COPIES):
        for digest in sorted((References(store.runs.engine).named() | also) - writer.artifacts):
            writer.artifact(store, digest)
        present = set(store.artifacts.digests())
        copy_database(store, snapshot)
        known, named = _known(snapshot)
        if all([writer.artifact(store, digest) for digest in sorted(((named | also) & present) - writer.artifacts)]):
            break
    writer.add(DATABASE, snapshot, zipfile.ZIP_DEFLATED)
    for run_id in known:
        writer.tree(store.folder(run_id), f"runs/{run_id}")
    database = database_file(store.settings)
    others = (".", database.name, "mlflow.db", DATABASE)
    for path in sorted(store.settings.home.iterdir()):
        if path.name not in LEFT_OUT and not path.name.startswith(others) and path.suffix != ".lock":
            writer.tree(path, path.name)
    return Listing(
        created=datetime.now(UTC),
        runs=len(known),
        artifacts=len(writer.artifacts) - len(writer.damaged),
        files=writer.files,
        left_out=tuple(writer.damaged.values()),
    )


def copy_database(store: Store, target: Path) -> None:
    """The database as of one moment, checked; raises StoreError where it stays locked or is damaged."""
    started = time.monotonic()

    def waited(*_: object) -> None:
        if time.monotonic() - started > LOCKED_SECONDS:
            raise StoreError(
                f"The store's database has been locked by another program for {LOCKED_SECONDS:.0f} s. Close that program, then "
                "try again."
            )

    connection = store.runs.engine.raw_connection()
    own = connection.driver_connection
    assert isinstance(own, sqlite3.Connection)  # a store elsewhere is refused before
    try:
        target.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(target)) as copy:
            own.backup(copy, progress=waited)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            verify_database(copy, "The store's database")
    except sqlite3.Error as error:
        raise StoreError(f"The store's database cannot be copied ({error}). Run 'python app.py doctor'.") from None
    finally:
        connection.close()


def verify_database(connection: sqlite3.Connection, what: str) -> None:
    """Raise StoreError where the pages of a database do not fit together."""
    try:
        answer = connection.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        raise StoreError(f"{what} is damaged ({answer[:100]}). Take another backup.")


def _known(snapshot: Path) -> tuple[list[str], set[str]]:
    """The runs in a copied database, and the artifacts that it names."""
    engine = create_engine(URL.create("sqlite", database=str(snapshot)))
    try:
        with engine.connect() as connection:
            ids = list(connection.execute(select(runs.c.id)).scalars())
        return ids, References(engine).named()
    finally:
        engine.dispose()


class _Writer:
    """Puts files into the archive and notes their checksums."""

    def __init__(self, archive: zipfile.ZipFile):
        self._archive = archive
        self.files: dict[str, FileRecord] = {}
        self.artifacts: set[str] = set()
        self.damaged: dict[str, str] = {}

    def artifact(self, store: Store, digest: str) -> bool:
        """Copy an artifact as its manifest has it; False where it is not there any more. A damaged one is noted, not listed."""
        if not store.artifacts.has(digest):
            return False
        place = store.artifacts.place(digest)
        try:
            manifest = store.artifacts.manifest(digest)
            copied = {name: self._copied(f"artifacts/{digest[:2]}/{digest}/{name}", place / name) for name in manifest.files}
            own = self._copied(f"artifacts/{digest[:2]}/{digest}/{MANIFEST}", place / MANIFEST)
        except (OSError, StoreError) as error:
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                raise
            if not store.artifacts.has(digest):
                return False
            copied, own, manifest = {}, None, None
        self.artifacts.add(digest)
        if manifest is None or own is None or copied != manifest.files:
            self.damaged[digest] = f"Artifact {digest[:12]} is damaged and left out; the next run that needs it makes it again."
            return True
        self.files |= {f"artifacts/{digest[:2]}/{digest}/{name}": record for name, record in {**copied, MANIFEST: own}.items()}
        return True

    def tree(self, path: Path, name: str) -> None:
        """Copy a file or all files of a folder, but no links and nothing half-written; what goes meanwhile is passed over."""
        for file in sorted(_files(path)):
            inner = file.relative_to(path).as_posix()
            with contextlib.suppress(FileNotFoundError):
                self.add(name if inner == "." else f"{name}/{inner}", file, zipfile.ZIP_DEFLATED)

    def add(self, name: str, path: Path, compression: int = zipfile.ZIP_STORED) -> None:
        self.files[name] = self._copied(name, path, compression)

    def _copied(self, name: str, path: Path, compression: int = zipfile.ZIP_STORED) -> FileRecord:
        """As many bytes as the file had when it was opened: a log may grow meanwhile."""
        with path.open("rb") as source:
            facts = os.fstat(source.fileno())
            entry = zipfile.ZipInfo(name, time.localtime(max(facts.st_mtime, 315_600_000))[:6])
            entry.compress_type, entry.external_attr = compression, 0o100600 << 16
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a name twice, of an artifact that went and came back: the last one counts
                target = self._archive.open(entry, "w", force_zip64=facts.st_size > 1 << 30)
            with target:
                return copied(source, target, facts.st_size)


def _files(path: Path) -> Iterable[Path]:
    if path.is_symlink():
        return
    if path.is_file():
        yield path
        return
    for item in path.rglob("*"):
        if item.is_file() and not item.is_symlink() and not item.name.endswith(".part") and not _drafted(item.relative_to(path)):
            yield item


def _drafted(path: Path) -> bool:
    return any(part.startswith(".draft-") for part in path.parts)


def copied(source: IO[bytes], target: IO[bytes], most: int) -> FileRecord:
    """Copy at most so many bytes; returns how many there were, and their sha256."""
    state, count = hashlib.sha256(), 0
    while count < most and (chunk := source.read(min(_CHUNK, most - count))):
        state.update(chunk)
        target.write(chunk)
        count += len(chunk)
    return FileRecord(bytes=count, sha256=state.hexdigest())
