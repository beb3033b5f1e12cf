"""A disk that is full at each kind of write: a sentence, nothing half-written, and the same write once there is room.

The disk is a file system of its own in memory, where this system lets a test mount one; where not, the limit on the size of files
stands in for it, and what it cannot reach is skipped.
"""

import contextlib
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kdui.catalogue.recipe_files import save_recipe
from kdui.core.errors import KduiError, StoreError
from kdui.core.plain import digest
from kdui.core.presentation import Presentation
from kdui.core.run import RunState
from kdui.core.saved_view import View
from kdui.settings import Settings
from kdui.store.backup import write_backup
from kdui.store.restore import restore_backup
from kdui.store.store import Store
from kdui.workbench.uploads import Uploads
from tests.store.made import artifact, queued, recipe

DISK = 3_000_000  # bytes
BIG = b"\xa5" * 400_000


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A file system of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this system lets no test mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a byte is free in the block."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        for size in (1 << 16, 4096, 1):
            with contextlib.suppress(OSError):
                while stream.write(bytes(size)):
                    pass
    yield
    filler.unlink()


@contextlib.contextmanager
def no_file_larger(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes in the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def make_artifact(store: Store) -> None:
    artifact(store.artifacts, "one", {"model.bin": BIG})


def append_event(store: Store) -> None:
    store.events("run").append("log", text="x" * 400_000)


def change_database(store: Store) -> None:
    for run in store.runs.ends():
        store.runs.update(run, error="y" * 200_000)


def end_run(store: Store) -> None:
    run = store.runs.in_state(RunState.RUNNING)[0]
    store.runs.transition(run.id, RunState.FAILED, error="z" * 200_000)
    queued(store, "cpu")
    store.runs.claim("cpu")


def save_a_recipe(store: Store) -> None:
    save_recipe(recipe(), "mine", store.settings)


def save_a_view(store: Store) -> None:
    store.views.save(View(name="mine", query="tab=runs"))


def present(store: Store) -> None:
    store.presentations.change("talk", lambda before: Presentation(name="talk"))


def upload(store: Store) -> None:
    uploads = Uploads(store.settings.home)
    uploads.add(uploads.begin("data.csv"), 0, BIG)


def back_up(store: Store) -> None:
    write_backup(store, store.settings.home.parent / "backup.zip")


def restore(store: Store) -> None:
    restore_backup(
        Settings(home=store.settings.home.parent / "restored", quickstart=False), store.settings.home.parent / "saved.zip"
    )


KINDS: list[Callable[[Store], None]] = [
    make_artifact,
    append_event,
    change_database,
    end_run,
    save_a_recipe,
    save_a_view,
    present,
    upload,
    back_up,
    restore,
]


def stored(home: Path) -> Store:
    """A store with a run that is under way, an artifact, and a backup beside it."""
    store = Store(Settings(home=home, quickstart=False))
    queued(store, "cpu")
    store.runs.claim("cpu")
    artifact(store.artifacts, "there")
    write_backup(store, home.parent / "saved.zip")
    return store


def listed(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.parent.rglob("*") if path.is_file() and path.is_relative_to(home)}


@pytest.mark.parametrize("write", KINDS, ids=lambda write: write.__name__)
def test_a_full_disk_is_a_sentence_and_costs_nothing(disk, write):
    store = stored(disk / "home")
    before, runs = listed(disk), store.runs.ends()
    with full(disk), pytest.raises(KduiError, match=r"disk is full|No space left|0\.0 MB are free"):
        write(store)
    left = {name for name in listed(disk) - before if not name.startswith("home/kdui.db") and not name.endswith(".lock")}
    assert not [name for name in left if "events.jsonl" not in name and "uploads" not in name], left
    assert store.runs.ends() == runs and store.artifacts.open(digest("there"))
    write(store)
    assert Store(store.settings).runs.counts() == store.runs.counts()


@pytest.mark.parametrize("write", [make_artifact, append_event], ids=lambda write: write.__name__)
def test_a_file_that_may_not_grow_is_a_sentence_too(tmp_path, write):
    store = stored(tmp_path / "home")
    with no_file_larger(100_000), pytest.raises(StoreError, match="grew larger than the system allows"):
        write(store)
    assert store.artifacts.digests() == [digest("there")] and store.events("run").read() == ([], 0)
    write(store)


def test_a_database_that_may_not_grow_is_a_sentence_too(tmp_path):
    store = stored(tmp_path / "home")
    with no_file_larger(100_000), pytest.raises(StoreError, match="cannot be read and written"):
        change_database(store)
    change_database(store)
    assert len(store.runs.in_state(RunState.RUNNING)[0].error) == 200_000
