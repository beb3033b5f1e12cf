"""Artifacts at an address that machines share: two homes' disks stand for two machines.

The S3 server is rclone's, which speaks the protocol and keeps its objects in a folder.
"""

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from kdui.core.artifact import MANIFEST
from kdui.core.errors import ArtifactCorrupt, SettingsError, StoreError
from kdui.core.plain import digest
from kdui.settings import Settings
from kdui.store.artifacts import ArtifactStore
from kdui.store.retention import bound
from kdui.store.store import Store
from tests.store.made import artifact

KEY = "key-of-tests,secret-of-tests"


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an S3 server with the bucket ``bucket``, on a port that the system chose."""
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    assert program, "rclone comes with requirements-dev.txt"
    folder = tmp_path_factory.mktemp("s3")
    (folder / "bucket").mkdir()
    command = [program, "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", KEY, "--config", "", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        lines = iter(process.stderr.readline, "")
        yield next(line.split("Starting s3 server on [")[1].split("]")[0].rstrip("/") for line in lines if "Starting s3" in line)
        process.terminate()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of its own in the bucket; keys and server stand where Amazon's client looks for them."""
    name, secret = KEY.split(",")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", name)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    return f"s3://bucket/{uuid.uuid4().hex}"


@pytest.fixture(params=["file", "memory", "s3"])
def address(request, tmp_path):
    if request.param == "s3":
        return request.getfixturevalue("s3")
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


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AWS_SECRET_ACCESS_KEY", "another"), ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"), ("AWS_PROFILE", "of-nobody")],
)
def test_an_s3_server_that_refuses_or_is_away_is_told_in_words(settings, s3, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # or it waits longer each time
    with pytest.raises(StoreError, match=r"KDUI_ARTIFACTS_URL \(s3://…\) cannot be (read|opened|written)") as raised:
        artifact(ArtifactStore(settings.model_copy(update={"artifacts_url": s3})))
    assert "secret" not in str(raised.value)
