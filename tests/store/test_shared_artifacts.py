"""Artifacts at an address that machines share: two homes' disks stand for two machines."""

import uuid

import pytest

from kdui.core.artifact import MANIFEST
from kdui.core.errors import ArtifactCorrupt, SettingsError, StoreError
from kdui.core.plain import digest
from kdui.settings import Settings
from kdui.store.artifacts import ArtifactStore
from kdui.store.retention import bound
from kdui.store.store import Store
from tests.store.made import artifact


@pytest.fixture(params=["file", "memory"])
def address(request, tmp_path):
    return f"file://{tmp_path}/shared" if request.param == "file" else f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def machines(settings, tmp_path, address):
    """The settings of two machines with one home and a disk each."""
    return [settings.model_copy(update={"artifacts_url": address, "artifacts_dir": tmp_path / disk}) for disk in ("one", "two")]


def test_what_one_machine_makes_another_opens_and_keeps(machines):
    one, two = map(ArtifactStore, machines)
    assert not two.has(digest("one")) and two.digests() == []
    name = artifact(one)
    assert two.has(name) and two.digests() == [name]
    assert two.manifest(name) == one.manifest(name)
    assert not two.place(name).exists() and two.stored() == []  # neither question fetched it
    opened = two.open(name)
    assert opened.path == machines[1].artifacts_dir / name[:2] / name
    assert opened.file("model.bin").read_bytes() == b"weights" * 100
    assert opened.file("below/facts.json").read_bytes() == b"{}"
    assert [item.digest for item in two.stored()] == [name]
    assert {path.name for path in two.root.iterdir()} == {name[:2]}  # nothing is left of the way there


def test_a_lock_holds_for_all_machines(machines):
    one, two = map(ArtifactStore, machines)
    with one.locked(digest("one")), two.free(digest("one")) as free:
        assert not free


def test_an_eviction_frees_this_disk_and_a_removal_both(machines):
    one, two = map(ArtifactStore, machines)
    name = artifact(one)
    gone = bound(Store(machines[0]), 0.0, (), idle_seconds=-1.0)
    assert gone.digests == (name,) and not one.place(name).exists()
    assert one.has(name) and one.open(name).file("model.bin").stat().st_size == 700
    two.remove(name)
    assert one.place(name).is_dir()  # another machine's copy is its own
    assert not two.has(name) and two.digests() == []


@pytest.mark.parametrize("address", ["file"], indirect=True)
def test_what_is_half_written_or_damaged_at_the_address_never_counts(machines, tmp_path):
    one, two = map(ArtifactStore, machines)
    name = artifact(one)
    there = tmp_path / "shared" / name[:2] / name
    (there / "model.bin").write_bytes(b"wrong")
    with pytest.raises(ArtifactCorrupt, match="checksum"):
        two.open(name)
    (there / MANIFEST).unlink()
    assert not ArtifactStore(machines[1].model_copy(update={"artifacts_dir": tmp_path / "three"})).has(name)


def test_an_address_that_cannot_be_used_is_told_in_words(settings, tmp_path):
    (tmp_path / "a-file").write_text("no folder")
    for address, why in ((f"file://{tmp_path}/a-file", "cannot be written"), ("nothing://here", "cannot be opened: ValueError")):
        with pytest.raises(StoreError, match=rf"KDUI_ARTIFACTS_URL .*{why}"):
            artifact(ArtifactStore(settings.model_copy(update={"artifacts_url": address})))
    for address in ("s3://me:secret@bucket", "bucket/kdui"):
        with pytest.raises(SettingsError, match="KDUI_ARTIFACTS_URL must be an address") as raised:
            Settings.from_environment({"KDUI_HOME": str(tmp_path), "KDUI_ARTIFACTS_URL": address})
        assert "secret" not in str(raised.value)
