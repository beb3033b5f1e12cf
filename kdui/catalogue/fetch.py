"""Brings the files of a data set or a model here: the first source that works wins, and a folder is either whole or absent."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from kdui.catalogue.source_attempt import Attempt, Report, Unavailable, file_sha256, megabytes
from kdui.catalogue.source_debian import from_debian
from kdui.catalogue.source_hub import from_hub, tables_from_hub
from kdui.catalogue.source_local import from_data_dir, from_package
from kdui.catalogue.source_npm import from_npm
from kdui.core.artifact import FileRecord
from kdui.core.errors import SourceError
from kdui.core.plain import Frozen, digest
from kdui.core.source import Bundled, DebianPackage, HubRepo, HubTables, LocalFile, NpmPackage, Resource, Source, WebFile, Wheel
from kdui.settings import Settings


def _from_wheel(source: Wheel, attempt: Attempt) -> None:
    from kdui.catalogue.source_wheel import from_wheel  # brings an HTTP library, which only fetching needs

    from_wheel(source, attempt)


def _from_web(source: WebFile, attempt: Attempt) -> None:
    from kdui.catalogue.source_web import from_web

    from_web(source, attempt)


MARKER = "complete.json"
_FILLERS: dict[type, Callable[..., None]] = {
    Bundled: from_package,
    LocalFile: from_data_dir,
    Wheel: _from_wheel,
    DebianPackage: from_debian,
    NpmPackage: from_npm,
    HubRepo: from_hub,
    HubTables: tables_from_hub,
    WebFile: _from_web,
}
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Receipt(Frozen):
    """What lies in a fetched folder and which source gave it. Written last: its existence means that the folder is whole."""

    resource: str
    identity: str
    source: str
    fetched: datetime
    commit: str = Field(default="", description="of a hub repository; a branch may have moved since")
    files: dict[str, FileRecord]


def fetch(resource: Resource, settings: Settings, report: Report | None = None) -> Path:
    """The folder with the resource's files, brought here if need be.

    ``report`` gets (sentence, bytes so far, bytes in all or None) and may raise to cancel; then nothing is left behind.
    Processes that want the same resource at the same time wait for the one that came first.
    Raises SourceError that names every source, why each failed, and what to do.
    """
    folder = settings.cache / resource.name
    if receipt(folder, resource):
        return folder
    report = report or _silent
    try:
        settings.cache.mkdir(parents=True, exist_ok=True)
        with _alone(resource, settings, report):
            return folder if receipt(folder, resource) else _bring(resource, settings, report, folder)
    except OSError as error:
        if error.errno in _FULL:
            raise SourceError(_disk_full(resource, settings, None)) from error
        raise SourceError(
            f"{resource.title} could not be stored in {settings.cache}: {error.strerror or error}. "
            "Make that folder writable, or set KDUI_HOME to another one."
        ) from error


def fetch_hub_model(repo: str, revision: str, settings: Settings, report: Report | None = None) -> Path:
    """A folder with a hub checkpoint: config.json, safetensors, tokenizer and preprocessor files; never pickled weights.

    A branch name such as ``main`` is resolved once: what was fetched stays, so that a run can be repeated.
    """
    return fetch(_hub_model(repo, revision), settings, report)


def fetched_hub_model(repo: str, revision: str, settings: Settings) -> tuple[Path, Receipt] | None:
    """The folder of a hub checkpoint that was brought here before and its receipt, else None; nothing is fetched."""
    resource = _hub_model(repo, revision)
    folder = settings.cache / resource.name
    kept = receipt(folder, resource)
    return (folder, kept) if kept else None


def _hub_model(repo: str, revision: str) -> Resource:
    name = "--".join(("hub", *repo.split("/"), revision))
    return Resource(
        name=quote(name, safe=""),
        title=repo,
        licence="see its page on the hub",
        files=("config.json",),
        sources=(HubRepo(repo=repo, revision=revision, repo_type="model"),),
    )


def receipt(folder: Path, resource: Resource) -> Receipt | None:
    """The receipt of a folder that is whole (files there, sizes right, same sources as now), else None."""
    try:
        kept = Receipt.model_validate_json((folder / MARKER).read_bytes())
        whole = all((folder / name).stat().st_size == record.bytes for name, record in kept.files.items())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    return kept if whole and kept.identity == _identity(resource) else None


def describe(source: Source) -> str:
    """A source in a few words."""
    match source:
        case Bundled():
            return f"installed package {source.package}"
        case LocalFile():
            return f"{source.path} in KDUI_DATA_DIR"
        case Wheel():
            return f"package index, {source.package} {source.version}"
        case DebianPackage():
            return f"Debian package {source.package}"
        case NpmPackage():
            return f"npm, {source.package} {source.version}"
        case HubRepo() | HubTables():
            return f"Hugging Face Hub, {source.repo}"
        case WebFile():
            return source.url


def _silent(text: str, done: int, total: int | None) -> None:
    """No-op progress callback."""


def _identity(resource: Resource) -> str:
    """Changes when other files would be brought, not when a title does."""
    return digest({"files": resource.files, "sources": [source.model_dump(mode="json") for source in resource.sources]})


@contextmanager
def _alone(resource: Resource, settings: Settings, report: Report) -> Iterator[None]:
    """Hold the resource's lock; while another process has it, say so once a second (and check for a cancel request)."""
    lock = FileLock(settings.cache / f".{resource.name}.lock")
    while True:
        try:
            lock.acquire(timeout=1)
            break
        except Timeout:
            report(f"Waiting for another process that fetches {resource.title}", 0, None)
    try:
        yield
    finally:
        lock.release()


def _bring(resource: Resource, settings: Settings, report: Report, folder: Path) -> Path:
    """Try the sources in order; under the lock, so what lies in the partial folder is left from a process that died."""
    partial = settings.cache / ".partial" / resource.name
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    reasons = []
    try:
        for source in resource.sources:
            attempt = _attempt(resource, settings, report, partial)
            try:
                _FILLERS[type(source)](source, attempt)
                _seal(attempt, source)
                _publish(attempt.folder, folder)
                return folder
            except Unavailable as error:
                reasons.append(f"- {describe(source)}: {error}")
            except OSError as error:
                if error.errno in _FULL:
                    raise SourceError(_disk_full(resource, settings, attempt.needed)) from error
                reasons.append(f"- {describe(source)}: {error.strerror or error}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    raise SourceError("\n".join([f"Could not download {resource.title}. Tried:", *reasons, _advice(resource, settings)]))


def _attempt(resource: Resource, settings: Settings, report: Report, partial: Path) -> Attempt:
    place = Path(tempfile.mkdtemp(dir=partial))
    folder, scratch = place / "folder", place / "scratch"
    folder.mkdir()
    scratch.mkdir()
    return Attempt(resource, settings, folder, scratch, report)


def _seal(attempt: Attempt, source: Source) -> None:
    """Check that all files came, bring them to the disk, and write the receipt after them."""
    missing = [name for name in attempt.resource.files if not (attempt.folder / name).is_file()]
    if missing:
        raise Unavailable(f"it gave no {', '.join(missing)}")
    files = {}
    for path in sorted(attempt.folder.rglob("*")):
        if path.is_file():
            _sync(path)
            files[path.relative_to(attempt.folder).as_posix()] = FileRecord(bytes=path.stat().st_size, sha256=file_sha256(path))
    written = Receipt(
        resource=attempt.resource.name,
        identity=_identity(attempt.resource),
        source=describe(source),
        fetched=datetime.now(UTC),
        commit=attempt.commit,
        files=files,
    )
    marker = attempt.folder / MARKER
    marker.write_text(written.model_dump_json(indent=1), encoding="utf-8")
    _sync(marker)
    _sync(attempt.folder)


def _publish(filled: Path, folder: Path) -> None:
    """Put the whole folder in place by one rename; a damaged one that stood there is moved out first."""
    if folder.exists():
        os.rename(folder, filled.with_name("replaced"))
    os.rename(filled, folder)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _advice(resource: Resource, settings: Settings) -> str:
    # A path without an ending is a folder; its files must be named, or nobody knows what to put there.
    brought = [
        source.path if Path(source.path).suffix else f"a folder {source.path} with {', '.join(resource.files)}"
        for source in resource.sources
        if isinstance(source, LocalFile)
    ]
    from kdui.catalogue.source_wheel import wheel_pattern

    brought += [wheel_pattern(source) for source in resource.sources if isinstance(source, Wheel)]
    where = str(settings.data_dir) if settings.data_dir else "a folder of yours and set KDUI_DATA_DIR to it"
    if all(isinstance(source, Bundled) for source in resource.sources):
        return "What to do: install the package and try again."
    online = "unset KDUI_OFFLINE" if settings.offline else "check the network connection"
    return f"What to do: {online}" + (f", or put {' or '.join(brought)} into {where}" if brought else "") + ", then try again."


def _disk_full(resource: Resource, settings: Settings, needed: int | None) -> str:
    free = shutil.disk_usage(settings.cache).free
    need = f"It needs about {megabytes(needed)} ({needed:,} bytes)" if needed else "It needs more than that"
    return (
        f"The disk is full: {resource.title} does not fit. {need}; {megabytes(free)} ({free:,} bytes) are free in "
        f"{settings.cache}. Free some space, or set KDUI_HOME to a larger disk, then try again."
    )
