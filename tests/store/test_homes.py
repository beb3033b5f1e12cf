"""Homes that people really have: odd signs in the path, read-only, damaged, unreadable, or another database altogether."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from kdui.core.errors import SettingsError, StoreError
from kdui.settings import Settings
from kdui.store.database import open_database
from kdui.workbench.workbench import Workbench


def stored(home: Path) -> Settings:
    """A home with one run in it, and no other process's files beside its database."""
    settings = Settings(home=home, quickstart=False)
    bench = Workbench(settings)
    bench.submit(bench.recipe("quickstart"))
    bench.store._engine.dispose()
    return settings


@pytest.mark.parametrize("name", ["q?a", "a#b", "50%", "%41", "a b", "Größe 数字", "a;b&c=d", "a'b\"c", "[x]", "sqlite:"])
def test_any_name_of_a_folder_is_a_home_of_its_own(tmp_path, name):
    settings = stored(tmp_path / name)
    assert (tmp_path / name / "kdui.db").is_file() and {path.name for path in tmp_path.iterdir()} == {name}
    again = Workbench(Settings.from_environment({"KDUI_HOME": str(tmp_path / name)}))
    assert again.settings.database == settings.database and again.runs().total == 1


def test_two_homes_that_differ_after_a_question_mark_are_two_stores(tmp_path):
    stored(tmp_path / "q?a")
    assert Workbench(Settings(home=tmp_path / "q?b")).runs().total == 0


def test_a_relative_database_is_one_file_for_every_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"KDUI_HOME": "home", "KDUI_DATABASE_URL": "sqlite:///my%3F.db"}
    first = Settings.from_environment(given)
    monkeypatch.chdir("/")
    stored_run = Workbench(first)
    stored_run.submit(stored_run.recipe("quickstart"))
    assert (tmp_path / "my?.db").is_file() and first.home == tmp_path / "home"
    from kdui.launch.environment import environment_of

    assert Workbench(Settings.from_environment(environment_of(first))).runs().total == 1


def damage(home: Path, kind: str) -> None:
    file = home / "kdui.db"
    data = file.read_bytes()
    if kind == "a folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(
            {"garbage": os.urandom(5000), "torn": data[: len(data) // 2], "holes": data[:4096] + b"\xff" * 60_000}[kind]
        )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("garbage", r"kdui\.db is damaged \(file is not a database\)\. Bring it back from a backup, or move it away"),
        ("torn", "is damaged .*malformed"),
        ("holes", "is damaged .*malformed"),
        ("a folder", r"kdui\.db cannot be read and written .*set KDUI_HOME"),
    ],
)
def test_a_damaged_database_is_reported_with_what_to_do(tmp_path, kind, words):
    settings = stored(tmp_path / "home")
    damage(settings.home, kind)
    with pytest.raises(StoreError, match=words):
        Workbench(settings).runs()
    moved = settings.home / "kdui.db"
    moved.rename(tmp_path / "aside")
    assert Workbench(settings).runs().total == 0


@contextlib.contextmanager
def somebody_else():
    """Without the rights of root, whom no folder refuses."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that everybody can enter."""
    folder = Path(tempfile.mkdtemp(prefix="kdui-homes-"))
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode"), [(0o555, 0o444), (0o755, 0o000), (0o000, 0o600)], ids=["read-only", "unreadable", "closed"]
)
def test_a_home_that_cannot_be_read_or_written_is_reported(open_folder, folder_mode, file_mode):
    settings = stored(open_folder / "home")
    for path in settings.home.iterdir():
        path.chmod(file_mode)
    settings.home.chmod(folder_mode)
    with somebody_else(), pytest.raises(StoreError, match=r"home.* cannot be .*KDUI_HOME"):
        Workbench(settings).runs()


def test_an_empty_home_that_cannot_be_written_is_reported(open_folder):
    (open_folder / "home").mkdir(mode=0o555)
    with somebody_else(), pytest.raises(StoreError, match=r"home.* cannot be .*KDUI_HOME"):
        Workbench(Settings(home=open_folder / "home")).runs()
    with somebody_else(), pytest.raises(StoreError, match=r"cannot be made \(Permission denied\)"):
        Workbench(Settings(home=open_folder / "home" / "deeper")).runs()


def test_a_database_whose_package_is_missing_names_it(tmp_path):
    with pytest.raises(StoreError, match=r"postgresql database, .* package pg8000 is missing") as caught:
        open_database(Settings(home=tmp_path, database_url="postgresql+pg8000://user:secret@127.0.0.1:1/kdui"))
    assert "secret" not in str(caught.value)


def test_no_home_folder_is_reported(monkeypatch):
    monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: "~no-such-person/kdui")
    with pytest.raises(SettingsError, match=r"KDUI_HOME must be a folder: .*Set KDUI_HOME"):
        Settings.from_environment({})


def test_a_statement_that_is_wrong_is_no_fault_of_the_database(tmp_path):
    settings = stored(tmp_path / "home")
    with sqlite3.connect(settings.home / "kdui.db") as database:
        database.execute("ALTER TABLE runs RENAME TO walks")
    with pytest.raises(StoreError, match=r"cannot be used \(no such table: runs\).*doctor"):
        Workbench(settings).runs()
