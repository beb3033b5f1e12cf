"""Artifacts on disk: content-addressed folders, written under a temporary name, verified when read.

With KDUI_ARTIFACTS_URL the folder is a machine's copy of what lies at that address: what is missing here is fetched when it is
opened, and what is made is there before it is here.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from filelock import FileLock, Timeout

from kdui.core.artifact import MANIFEST, Artifact, FileRecord, Manifest
from kdui.core.errors import ArtifactCorrupt, StoreError
from kdui.core.plain import is_digest
from kdui.settings import Settings
from kdui.store.disk import errors_in_words

if TYPE_CHECKING:
    from kdui.store.shared_artifacts import SharedArtifacts

_CHUNK = 1 << 20
LOOK_SECONDS = 1.0  # between two looks at a lock that another process holds
IDLE_SECONDS = 3600.0  # what was used within so long may be being read


class Stored(NamedTuple):
    """A complete artifact as its manifest tells of it; ``used``: when it was last opened or made, s since the epoch."""

    digest: str
    produces: str
    bytes: int
    used: float


class ArtifactStore:
    """The folder ``artifacts/ab/abcdef…`` for each digest. A manifest there means that the artifact is complete."""

    def __init__(self, settings: Settings):
        self.root, self.locks = settings.artifacts, settings.artifact_locks
        self._shared = _shared(settings.artifacts_url) if settings.artifacts_url else None
        self._verified: dict[Path, tuple[int, int]] = {}

    def place(self, digest: str) -> Path:
        """Where an artifact of that digest lies or would lie; raises StoreError for what is no digest."""
        if not is_digest(digest):
            raise StoreError("An artifact is named by a digest of 64 hexadecimal digits. Copy one from a finished run.")
        return self.root / digest[:2] / digest

    def has(self, digest: str) -> bool:
        """True when a complete artifact is there; its checksums are verified by ``open``."""
        return is_digest(digest) and (self._is_here(digest) or (self._shared is not None and self._shared.has(digest)))

    def _is_here(self, digest: str) -> bool:
        return os.path.isfile(os.path.join(self.root, digest[:2], digest, MANIFEST))

    def manifest(self, digest: str) -> Manifest:
        """What the artifact holds; raises StoreError when it is not there, ArtifactCorrupt when it can't be read."""
        path = self.place(digest) / MANIFEST
        elsewhere = self._shared.manifest(digest) if self._shared and not self._is_here(digest) else None
        try:
            return Manifest.model_validate_json(path.read_bytes() if elsewhere is None else elsewhere)
        except FileNotFoundError:
            raise StoreError(f"Artifact {digest[:12]} is not in the store. Run its recipe again to make it.") from None
        except (OSError, ValueError) as error:
            # Never what stands in it: a manifest that is none may be anybody's file.
            why = error.strerror if isinstance(error, OSError) else "it is damaged, or of another version of kdui"
            raise ArtifactCorrupt(
                f"The manifest of artifact {digest[:12]} cannot be read ({why}). Delete {path.parent} and run again."
            ) from None

    def open(self, digest: str) -> Artifact:
        """The artifact with every file's size and sha256 checked; raises ArtifactCorrupt in words."""
        artifact = Artifact(path=self.bring(digest), manifest=self.manifest(digest))
        for name, record in artifact.manifest.files.items():
            self._verify(artifact.path / name, record)
        return artifact

    def bring(self, digest: str) -> Path:
        """The artifact's folder on this machine, fetched where it lies at the shared address alone."""
        target = self.place(digest)
        if self._shared is None or self._is_here(digest) or not self._shared.has(digest):
            return target
        manifest = self.manifest(digest)
        with errors_in_words(self.root):
            target.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"fetched-{digest[:12]}-", dir=self.root))
            try:
                self._shared.fetch(manifest, folder)
                (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
                with contextlib.suppress(OSError):  # another process was quicker
                    folder.rename(target)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        return target

    def _verify(self, path: Path, record: FileRecord) -> None:
        """Check one file; a file whose size and time have not changed since the last check is not read again."""
        try:
            stat = path.stat()
        except OSError as error:
            why = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
            raise ArtifactCorrupt(f"{path} {why}. Delete its folder and run again.") from None
        seen = (stat.st_size, stat.st_mtime_ns)
        if self._verified.get(path) == seen:
            return
        if stat.st_size != record.bytes or not path.is_file() or sha256_file(path) != record.sha256:
            raise ArtifactCorrupt(f"{path} does not match its checksum. Delete its folder and run again.")
        self._verified[path] = seen

    @contextlib.contextmanager
    def locked(self, digest: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """One process at a time makes an artifact; a second one waits and then finds it done.

        ``waiting`` is called about every second of the wait, and may raise to end it.
        """
        lock = self._lock(digest)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=LOOK_SECONDS)
            except Timeout:
                waiting()
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def draft(self, digest: str) -> Iterator[Path]:
        """A temporary folder on the same file system; it is removed unless ``commit`` moved it into place.

        Call it under ``locked``: what a killed process left of the same artifact is then nobody's, and is removed too.
        Raises StoreError in words when the disk is full.
        """
        drafts = self.root / "drafts"
        with errors_in_words(drafts):
            for left_over in drafts.glob(f"{digest[:12]}-*"):
                shutil.rmtree(left_over, ignore_errors=True)
            drafts.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=digest[:12] + "-", dir=drafts))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def commit(self, folder: Path, facts: dict[str, Any]) -> Artifact:
        """Checksum and flush every file of a draft, write the manifest last, and move the folder into place."""
        files = {}
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            fsync(path)
            files[str(path.relative_to(folder))] = FileRecord(bytes=path.stat().st_size, sha256=sha256_file(path))
        manifest = Manifest(files=files, **facts)
        temporary = folder / (MANIFEST + ".part")
        temporary.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        fsync(temporary)
        temporary.rename(folder / MANIFEST)
        fsync(folder)
        if self._shared is not None:
            self._shared.keep(manifest.digest, folder)
        target = self.place(manifest.digest)
        if target.parent.is_file():
            clear(target.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target) and not (target / MANIFEST).is_file():
            clear(target)  # half of an artifact, or what is none
        if not target.exists():
            folder.rename(target)
            fsync(target.parent)
        return Artifact(path=target, manifest=manifest)

    def remove(self, digest: str) -> None:
        """Delete an artifact, at the shared address too."""
        if self._shared is not None:
            self._shared.remove(digest)
        self.evict(digest)

    def evict(self, digest: str) -> None:
        """Delete it from this disk: the manifest first, so that a half-deleted folder never counts as complete."""
        folder = self.place(digest)
        with contextlib.suppress(OSError):
            (folder / MANIFEST).unlink()
        clear(folder)

    def touch(self, digest: str) -> None:
        """Note that the artifact is used now: what was used last is discarded last."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.utime(self.place(digest) / MANIFEST)

    def shrink(self, produces: str, most_bytes: float, keep: Collection[str], idle_seconds: float = IDLE_SECONDS) -> list[str]:
        """Delete artifacts of one kind, the least recently used first, until the rest is no larger than ``most_bytes``.

        Those in ``keep``, and those used within ``idle_seconds`` (another run may read them), stay. They can be made again.
        Returns the digests that went.
        """
        candidates = [item for item in self.stored() if item.produces == produces]
        total = float(sum(item.bytes for item in candidates))
        evicted = []
        for item in sorted(candidates, key=lambda item: item.used):
            if total <= most_bytes:
                break
            if item.digest not in keep and time.time() - item.used > idle_seconds:
                self.evict(item.digest)
                evicted.append(item.digest)
                total -= item.bytes
        return evicted

    def stored(self) -> list[Stored]:
        """All complete artifacts on this disk. What cannot be read is passed over: whoever opens it says so."""
        items = []
        for digest in self._here():
            try:
                manifest = self.manifest(digest)
                used = (self.place(digest) / MANIFEST).stat().st_mtime
            except (StoreError, OSError):
                continue
            items.append(Stored(digest, manifest.produces, sum(record.bytes for record in manifest.files.values()), used))
        return items

    @contextlib.contextmanager
    def free(self, digest: str) -> Iterator[bool]:
        """Hold the artifact's lock for the block; yields False where another process makes or removes it at the moment."""
        lock = self._lock(digest)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def _lock(self, digest: str) -> FileLock:
        self.locks.mkdir(parents=True, exist_ok=True)
        return FileLock(str(self.locks / f"{digest}.lock"))

    def digests(self) -> list[str]:
        """All complete artifacts, on this disk or at the shared address."""
        return sorted({*self._here(), *(self._shared.digests() if self._shared else ())})

    def _here(self) -> list[str]:
        return [path.parent.name for path in self.root.glob(f"??/*/{MANIFEST}")]


def _shared(address: str) -> "SharedArtifacts":
    from kdui.store.shared_artifacts import SharedArtifacts  # with fsspec, which no other store needs

    return SharedArtifacts(address)


def clear(path: Path) -> None:
    """Remove whatever lies there, a folder or a file; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def sha256_file(path: Path) -> str:
    """sha256 of a file's bytes, hexadecimal."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write JSON under a temporary name and rename it, so a reader sees the old file or the new one."""
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
        fsync(temporary)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    temporary.rename(path)


def fsync(path: Path) -> None:
    """Have the system write a file or a folder to the disk, so that it survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
