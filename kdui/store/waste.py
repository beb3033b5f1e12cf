"""What ``gc`` frees: artifacts that nothing names, half-written ones, folders and checkpoints that nobody needs, old logs.

It removes nothing that a stored run, a recipe or a presentation names; ``retention.bound`` does that beyond a quota.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kdui.core.artifact import MANIFEST
from kdui.core.layout import OUTPUT_FILE
from kdui.core.plain import is_digest
from kdui.core.run import RunState
from kdui.store.artifacts import clear
from kdui.store.retention import is_idle, presented, references, remove_unless, unused
from kdui.store.runs import now
from kdui.store.store import Store

LOG_DAYS = 30.0  # logs of runs that ended longer ago are old


class Waste(NamedTuple):
    """Something that can go: of what kind, its name, its bytes, and what removes it and says whether it did."""

    kind: str
    name: str
    bytes: int
    remove: Callable[[], bool]


def waste(store: Store, also: Collection[str], log_days: float = LOG_DAYS) -> list[Waste]:
    """All that can go, by kind. ``also``: digests that stay although the store does not name them, as those of saved recipes."""
    return [
        *_unused(store, also),
        *_half_written(store),
        *_run_folders(store),
        *_checkpoints(store),
        *_old_logs(store, log_days),
    ]


def free(items: Collection[Waste]) -> list[Waste]:
    """Remove them; returns those that went. What somebody has begun to use meanwhile stays."""
    return [item for item in items if item.remove()]


def _unused(store: Store, also: Collection[str]) -> Iterator[Waste]:
    named = references(store)

    def wanted(digest: str) -> bool:
        return digest in also or bool(named.named(digest)) or digest in presented(store)

    for item in unused(store, also):
        yield Waste("unused artifacts", item.digest, item.bytes, partial(remove_unless, store, item.digest, wanted))


def _half_written(store: Store) -> Iterator[Waste]:
    """What a killed process left: drafts, and folders of artifacts without a manifest, that nobody works on."""
    root = store.artifacts.root
    for path in root.glob("drafts/*-*"):
        owners = [lock.stem for lock in store.artifacts.locks.glob(f"{path.name.partition('-')[0]}*.lock")]
        yield Waste("half-written artifacts", path.name, size(path), partial(_clear_if_free, store, path, owners))
    for path in root.glob("??/*"):
        if is_digest(path.name) and not (path / MANIFEST).is_file():
            yield Waste("half-written artifacts", path.name[:12], size(path), partial(_clear_if_free, store, path, [path.name]))


def _clear_if_free(store: Store, path: Path, owners: list[str]) -> bool:
    """Remove a half-written folder while none of the artifacts that it may belong to is being made."""
    with contextlib.ExitStack() as held:
        busy = not all([held.enter_context(store.artifacts.free(owner)) for owner in owners])
        if busy or (path / MANIFEST).is_file() or (not owners and not is_idle(_touched(path))):
            return False
        return _cleared(path)


def _run_folders(store: Store) -> Iterator[Waste]:
    """Folders of runs that are not in the database any more."""
    known = store.runs.ends()
    for path in store.settings.runs.glob("*"):
        if path.name not in known and is_idle(_touched(path)):
            yield Waste("folders of deleted runs", path.name, size(path), partial(_cleared, path))


def _checkpoints(store: Store) -> Iterator[Waste]:
    """Checkpoints of runs that succeeded: there is nothing to resume."""
    for run_id, (state, _) in store.runs.ends().items():
        path = store.folder(run_id) / "checkpoints"
        if state == RunState.SUCCEEDED and (used := size(path)):
            yield Waste("left-over checkpoints", run_id, used, partial(_cleared, path))


def _old_logs(store: Store, days: float) -> Iterator[Waste]:
    """What workers printed in runs that ended long ago; curves and results stay, and so do logs of pinned runs."""
    ends = store.runs.ends()
    pinned = {run_id for run_id, marks in store.marks.of(ends).items() if marks.pinned}
    for run_id, (_, ended) in ends.items():
        path = store.folder(run_id) / OUTPUT_FILE
        old = ended is not None and now() - ended > timedelta(days=days)
        if old and run_id not in pinned and path.is_file():
            yield Waste("old logs", run_id, path.stat().st_size, partial(_cleared, path))


def _cleared(path: Path) -> bool:
    clear(path)
    return not path.exists()


def _touched(path: Path) -> float:
    """When something last changed in it, s since the epoch; now for what has gone."""
    try:
        return max(item.lstat().st_mtime for item in (path, *path.rglob("*")))
    except OSError:
        return time.time()


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; 0 for what is not there."""
    try:
        files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file() and not item.is_symlink()]
        return sum(item.stat().st_size for item in files)
    except OSError:  # it is being removed at the moment
        return 0
