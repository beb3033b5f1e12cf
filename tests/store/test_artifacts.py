"""Artifacts: complete or not there, verified when opened, and honest about a full disk."""

import errno
import os
import time
from pathlib import Path

import pytest

from kdui.core.artifact import MANIFEST
from kdui.core.errors import ArtifactCorrupt, StoreError
from kdui.core.plain import digest
from kdui.store import artifacts as module
from kdui.store.artifacts import ArtifactStore, write_json
from tests.store.at_once import in_processes, make_once
from tests.store.made import artifact, facts, write

FULL = Path("/dev/full")  # a file that every write finds full


@pytest.fixture
def store(settings):
    return ArtifactStore(settings)


def drafts(store: ArtifactStore) -> list[Path]:
    return list((store.root / "drafts").iterdir())


def test_a_committed_artifact_can_be_opened(store):
    name = artifact(store)
    result = store.open(name)
    assert result.path == store.root / name[:2] / name
    assert result.file("below/facts.json").read_bytes() == b"{}"
    assert result.manifest.files["model.bin"].bytes == 700
    assert (result.digest, result.manifest.seconds) == (name, 1.5)
    assert store.digests() == [name]
    assert drafts(store) == []
    with pytest.raises(KeyError):
        result.file("other.bin")


@pytest.mark.parametrize("flushes", range(1, 6))
def test_a_kill_at_any_moment_leaves_it_complete_or_not_there(store, monkeypatch, flushes):
    calls = []
    flush = module.fsync

    def killed(path):
        calls.append(path)
        if len(calls) == flushes:
            raise KeyboardInterrupt
        flush(path)

    monkeypatch.setattr(module, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        artifact(store)
    monkeypatch.undo()
    if store.has(digest("one")):
        assert store.open(digest("one")).file("model.bin").stat().st_size == 700
    assert store.has(digest("one")) == (flushes == 5)  # only the flush of the folder that it was moved into comes after
    artifact(store)
    assert store.open(digest("one")).manifest.files.keys() == {"model.bin", "below/facts.json"}


def test_the_manifest_is_written_when_all_else_is_there(store, monkeypatch):
    seen = []
    rename = Path.rename

    def watched(self, target):
        if Path(target).name == MANIFEST:
            seen.append(sorted(item.name for item in self.parent.rglob("*") if item.is_file()))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watched)
    artifact(store)
    assert seen == [["facts.json", "manifest.json.part", "model.bin"]]


def test_a_folder_without_a_manifest_is_not_an_artifact_and_gives_way(store):
    write(store.place(digest("one")), {"model.bin": b"half"})
    assert not store.has(digest("one"))
    with pytest.raises(StoreError, match="is not in the store"):
        store.open(digest("one"))
    assert store.open(artifact(store)).file("model.bin").stat().st_size == 700


def test_a_second_maker_keeps_the_first_ones_files(store):
    name = artifact(store, files={"a": b"first"})
    artifact(store, files={"a": b"other"})
    assert store.open(name).file("a").read_bytes() == b"first"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_one_flipped_bit_is_noticed_even_after_it_was_opened_before(store):
    name = artifact(store)
    path = store.open(name).file("model.bin")
    flip(path)
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 1))
    with pytest.raises(ArtifactCorrupt, match=r"model\.bin does not match its checksum\. Delete its folder and run again\."):
        store.open(name)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "model.bin").unlink(), "is missing"),
        (lambda folder: (folder / "model.bin").write_bytes(b"short"), "does not match its checksum"),
        (lambda folder: (folder / MANIFEST).write_text('{"digest": "x"}'), "cannot be read"),
        (lambda folder: (folder / MANIFEST).write_bytes(b"\x00\x01"), "cannot be read"),
    ],
)
def test_every_damage_is_an_error_in_words(store, damage, words):
    name = artifact(store)
    damage(store.place(name))
    with pytest.raises(ArtifactCorrupt, match=words):
        store.open(name)


def test_removing_leaves_nothing(store):
    name = artifact(store)
    store.remove(name)
    assert not store.has(name) and not store.place(name).exists()
    store.remove(name)


# --- a disk that is full ------------------------------------------------------------------------------------------


def assert_told(store: ArtifactStore, caught) -> None:
    assert "The disk is full" in str(caught.value) and "KDUI_HOME" in str(caught.value) and "then resume" in str(caught.value)
    assert not store.has(digest("one"))
    assert drafts(store) == []


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_stage_that_fills_the_disk_leaves_no_half_artifact(store):
    with pytest.raises(StoreError) as caught, store.draft(digest("one")) as folder:
        write(folder, {"first.bin": b"fits"})
        (folder / "model.bin").symlink_to(FULL)
        (folder / "model.bin").write_bytes(b"does not")
        store.commit(folder, facts("one"))
    assert_told(store, caught)


def test_a_library_that_hides_the_systems_error_is_understood(store):
    with pytest.raises(StoreError) as caught, store.draft(digest("one")):
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert_told(store, caught)
    with pytest.raises(RuntimeError, match="something else"), store.draft(digest("one")):
        raise RuntimeError("something else")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_while_flushing(store, monkeypatch, code):
    def full(handle):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError) as caught:
            artifact(store)
    assert_told(store, caught)
    assert store.open(artifact(store)).digest == digest("one")


def test_a_folder_that_cannot_be_written(store, monkeypatch):
    def refused(*arguments, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.mkdtemp", refused)
    with pytest.raises(StoreError, match=r"cannot be written \(Read-only file system\)\. Set KDUI_HOME"):
        artifact(store)


# --- several processes --------------------------------------------------------------------------------------------


def test_what_a_killed_process_left_is_cleared_by_the_next_that_makes_the_same(store):
    mine, other = (store.root / "drafts" / f"{digest(name)[:12]}-abc" for name in ("one", "two"))
    write(mine, {"half.bin": b"x"})
    write(other, {"half.bin": b"x"})
    artifact(store)
    assert drafts(store) == [other]


def test_processes_that_want_the_same_artifact_make_it_once(settings, tmp_path):
    in_processes(make_once, [(settings, tmp_path / "log")] * 3)
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_json_is_replaced_as_a_whole(tmp_path):
    write_json(tmp_path / "a.json", {"a": 1})
    write_json(tmp_path / "a.json", {"ä": 2})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n "ä": 2\n}'
    assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]


def test_the_teacher_output_cache_is_bounded_and_evicts_the_least_recently_used(store):
    names = [artifact(store, f"outputs {number}", produces="outputs") for number in range(4)]
    model = artifact(store, "model")
    for age, name in zip((400, 300, 200, 100), names, strict=True):
        os.utime(store.place(name) / MANIFEST, (time.time() - age, time.time() - age))
    store.touch(names[0])
    size = sum(record.bytes for record in store.manifest(names[0]).files.values())
    assert store.shrink("outputs", 2 * size, keep={names[1]}, idle_seconds=50) == [names[2], names[3]]
    assert set(store.digests()) == {names[0], names[1], model}


def test_what_another_run_may_be_reading_stays(store):
    names = [artifact(store, f"outputs {number}", produces="outputs") for number in range(3)]
    assert store.shrink("outputs", 1, keep=()) == []
    assert set(store.digests()) == set(names)
