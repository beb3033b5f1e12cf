"""Backups: taken while the store is worked on they bring back a whole one; what is not as it was saved is refused."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kdui.core.errors import StoreError
from kdui.core.run import RunState
from kdui.settings import Settings
from kdui.store.backup import LISTING, write_backup
from kdui.store.restore import DRAFT, restore_backup
from kdui.store.store import Store
from tests.store.load import finish
from tests.store.made import queued

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path):
    """One run that succeeded, one that is under way with a checkpoint, one that waits; a recipe of one's own."""
    store = Store(Settings(home=tmp_path / "home", quickstart=False))
    for seed in range(3):
        queued(store, "cpu", seed=seed)
    finish(store, store.runs.claim("cpu"))
    running = store.runs.claim("cpu")
    place = store.folder(running.id) / "checkpoints" / "abc"
    place.mkdir(parents=True)
    (place / "checkpoint.safetensors").write_bytes(b"weights so far")
    store.settings.recipes.mkdir()
    (store.settings.recipes / "mine.yaml").write_text("task: digits\n")
    for name in ("cache", "uploads"):
        (store.settings.home / name).mkdir()
        (store.settings.home / name / "file").write_text("is not saved")
    return store


def home_of(tmp_path, name="other") -> Settings:
    return Settings(home=tmp_path / name, quickstart=False)


def contents(home: Path) -> dict[str, bytes]:
    """Every file that a backup holds, but for the database."""
    kept = [path for path in home.rglob("*") if path.is_file() and not path.name.startswith("kdui.db") and path.suffix != ".lock"]
    return {
        str(path.relative_to(home)): path.read_bytes() for path in kept if path.parts[len(home.parts)] not in ("cache", "uploads")
    }


def test_everything_comes_back_and_what_was_under_way_goes_on(store, tmp_path):
    file = tmp_path / "backup.zip"
    listing = write_backup(store, file)
    found = restore_backup(home_of(tmp_path), file)
    again = Store(home_of(tmp_path))
    assert contents(again.settings.home) == contents(store.settings.home)
    assert (listing.runs, listing.artifacts, found.continuing) == (3, 2, 1)
    states = {run_id: state for run_id, (state, _) in again.runs.ends().items()}
    assert sorted(states.values()) == ["interrupted", "queued", "succeeded"]
    (waiting,) = again.runs.in_state(RunState.INTERRUPTED)
    assert (waiting.pid, waiting.slot, waiting.waits_for_a_person) == (None, None, False)
    for run in again.runs.in_state(RunState.SUCCEEDED):
        assert again.runs.get(run.id) == store.runs.get(run.id)
        assert all(again.artifacts.open(step.digest) for step in again.runs.get(run.id).steps)
    assert file.stat().st_mode & 0o077 == 0 and list(tmp_path.glob(".*")) == []
    assert (again.settings.home / "kdui.db").stat().st_mode & 0o077 == 0


def test_a_backup_taken_under_load_is_a_consistent_store(tmp_path):
    settings = home_of(tmp_path, "home")
    command = [sys.executable, "-m", "tests.store.load", str(settings.home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        try:
            for _ in range(5):
                worker.stdout.readline()
            for number in range(3):
                file = tmp_path / f"{number}.zip"
                listing = write_backup(Store(settings), file)
                restored = home_of(tmp_path, f"restored-{number}")
                restore_backup(restored, file)
                _require_consistent(Store(restored), listing.runs)
                worker.stdout.readline()
            assert worker.poll() is None
        finally:
            (tmp_path / "stop").touch()
            worker.stdout.read()
    assert worker.returncode == 0


def _require_consistent(store: Store, runs: int) -> None:
    """Whatever a run says is done is there and whole."""
    ends = store.runs.ends()
    assert len(ends) == runs > 2
    for run_id in ends:
        run = store.runs.get(run_id)
        for step in run.steps:
            if step.state == "done":
                assert store.artifacts.open(step.digest).manifest.digest == step.digest
        assert run.state is not RunState.SUCCEEDED or len(store.events(run_id).read()[0]) == len(run.steps)


def test_a_damaged_artifact_is_left_out_and_said(store, tmp_path):
    (digest, *_) = store.artifacts.digests()
    (store.artifacts.place(digest) / "model.bin").write_bytes(b"other bytes")
    listing = write_backup(store, tmp_path / "b.zip")
    assert listing.left_out == (f"Artifact {digest[:12]} is damaged and left out; the next run that needs it makes it again.",)
    restore_backup(home_of(tmp_path), tmp_path / "b.zip")
    assert digest not in Store(home_of(tmp_path)).artifacts.digests() and listing.artifacts == 1


def test_any_flipped_bit_is_refused_or_changes_nothing(store, tmp_path):
    file, before = tmp_path / "b.zip", contents(store.settings.home)
    write_backup(store, file)
    whole, refused = file.read_bytes(), 0
    places = sorted({*range(0, len(whole), len(whole) // 25), len(whole) - 1})
    for place in places:
        data = bytearray(whole)
        data[place] ^= 4
        file.write_bytes(data)
        settings = home_of(tmp_path, f"flip-{place}")
        try:
            restore_backup(settings, file)
            assert contents(settings.home) == before, place
        except StoreError as error:
            refused += 1
            assert "damaged" in str(error) or "backup" in str(error), place
            assert not settings.home.exists()
    assert refused > len(places) / 2


@pytest.mark.parametrize("length", [0, 10, 0.3, 0.9, -1])
def test_a_backup_that_was_cut_off_is_refused(store, tmp_path, length):
    write_backup(store, tmp_path / "b.zip")
    whole = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[: int(length * len(whole)) if isinstance(length, float) else length])
    with pytest.raises(StoreError, match="damaged"):
        restore_backup(home_of(tmp_path), tmp_path / "b.zip")
    assert not (tmp_path / "other").exists()


def test_nothing_is_overwritten(store, tmp_path):
    write_backup(store, tmp_path / "b.zip")
    before = contents(store.settings.home)
    with pytest.raises(StoreError, match=r"is not empty, and nothing in it is overwritten\. Set KDUI_HOME to a new folder"):
        restore_backup(store.settings, tmp_path / "b.zip")
    assert contents(store.settings.home) == before
    settings = home_of(tmp_path)
    (settings.cache / "digits").mkdir(parents=True)  # what was fetched is no store
    restore_backup(settings, tmp_path / "b.zip")
    (settings.home / DRAFT).mkdir()
    with pytest.raises(StoreError, match=r"was cut off\. Delete what it left there"):
        restore_backup(settings, tmp_path / "b.zip")


FOREIGN = ["../outside", "/tmp/outside", "runs/../../outside", ".bashrc", "cache/words.txt", "a\\b", "a//b", "x" * 300]


@pytest.mark.parametrize("name", FOREIGN)
def test_names_that_no_backup_has_are_refused(store, tmp_path, name):
    write_backup(store, tmp_path / "b.zip")
    forged(tmp_path / "b.zip", lambda listing: listing["files"].update({name: {"bytes": 1, "sha256": "0" * 64}}))
    with pytest.raises(StoreError, match="names a file that no backup of kdui holds"):
        restore_backup(home_of(tmp_path), tmp_path / "b.zip")
    assert not (tmp_path / "other").exists() and not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda listing: listing.update(format=2), "written by a newer kdui"),
        (lambda listing: listing.update(schema_revision="9999"), "written by a newer kdui"),
        (lambda listing: listing["files"].pop("kdui.db"), "is no whole backup"),
        (lambda listing: listing["files"]["kdui.db"].update(bytes=10**15), "and .* MB are free"),
        (lambda listing: listing["files"]["kdui.db"].update(bytes=5), "does not match its checksum"),
        (lambda listing: listing["files"].update(extra={"bytes": 0, "sha256": "0" * 64}), "is damaged"),
        (
            lambda listing: [listing["files"].pop(name) for name in list(listing["files"]) if "model" in name],
            "does not fit its files",
        ),
        (lambda listing: listing.update(runs="many"), "is no backup of kdui, or it is damaged"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(store, tmp_path, change, words):
    write_backup(store, tmp_path / "b.zip")
    forged(tmp_path / "b.zip", change)
    with pytest.raises(StoreError, match=words):
        restore_backup(home_of(tmp_path), tmp_path / "b.zip")
    assert not (tmp_path / "other").exists()


def forged(file: Path, change) -> None:
    """Change the list of a backup."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    listing = json.loads(entries.pop(LISTING))
    change(listing)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in {**entries, LISTING: json.dumps(listing).encode()}.items():
            archive.writestr(name, data)


def test_where_a_backup_cannot_be_written_is_said(store, tmp_path):
    with pytest.raises(StoreError, match="lies in the store that it is to save"):
        write_backup(store, store.settings.home / "b.zip")
    server = Store(Settings(home=store.settings.home, database_url="postgresql://user:secret@127.0.0.1/kdui"))
    with pytest.raises(StoreError, match="pg_dump") as caught:
        write_backup(server, tmp_path / "b.zip")
    assert "secret" not in str(caught.value)
