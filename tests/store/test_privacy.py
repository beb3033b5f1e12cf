"""What other users of the machine can see of a store: nothing, also of one that an earlier version made."""

import os
import stat
import subprocess
import sys

import pytest

from kdui.launch.environment import child_environment
from kdui.settings import Settings
from kdui.store.privacy import keep_private
from kdui.workbench.workbench import Workbench


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_home_and_its_database_are_the_owners_alone(tmp_path):
    before = os.umask(0o022)
    try:
        bench = Workbench(Settings(home=tmp_path / "deep" / "home"))
        bench.submit(bench.recipe("quickstart"))
    finally:
        os.umask(before)
    home = tmp_path / "deep" / "home"
    assert mode(home) == 0o700
    files = [path for path in home.iterdir() if path.name.startswith("kdui.db")]
    assert files and all(mode(path) == 0o600 for path in files)


def test_a_second_store_of_a_process_drops_none_of_the_firsts_locks(tmp_path):
    """SQLite's are those of the process: once a handle on the file is closed, another program takes the journal away."""
    settings = Settings(home=tmp_path / "home")
    first = Workbench(settings)
    assert first.runs().total == 0
    second = Workbench(settings)
    assert second.runs().total == 0
    look = "import sqlite3, sys; other = sqlite3.connect(sys.argv[1]); other.execute('SELECT * FROM runs'); other.close()"
    subprocess.run([sys.executable, "-c", look, str(settings.home / "kdui.db")], check=True)
    assert (settings.home / "kdui.db-wal").is_file()
    first.submit(first.recipe("quickstart"))
    assert second.runs().total == 1


def test_one_that_was_open_to_all_is_closed(tmp_path):
    settings = Settings(home=tmp_path / "home")
    assert Workbench(settings).runs().total == 0
    database = settings.home / "kdui.db"
    settings.home.chmod(0o755)
    database.chmod(0o644)
    assert Workbench(settings).runs().total == 0
    assert (mode(settings.home), mode(database)) == (0o700, 0o600)


@pytest.mark.parametrize("kept", [0o1777, 0o1755])
def test_a_folder_that_all_share_stays_so(tmp_path, kept):
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(kept)
    keep_private(folder, None)
    assert folder.stat().st_mode & 0o7777 == kept


def test_nothing_becomes_writable_by_it(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "kdui.db").touch()
    (folder / "kdui.db").chmod(0o444)
    folder.chmod(0o555)
    keep_private(folder, folder / "kdui.db")
    assert (mode(folder), mode(folder / "kdui.db")) == (0o500, 0o400)
    folder.chmod(0o700)


def test_no_child_process_is_given_the_pages_password(tmp_path, monkeypatch):
    monkeypatch.setenv("KDUI_AUTH", "owner:password")
    result = child_environment(Settings(home=tmp_path, auth="owner:password"))
    monkeypatch.setenv("KDUI_WEBHOOK", "https://example.org/secret")
    assert "KDUI_WEBHOOK" not in child_environment(Settings(home=tmp_path, webhook="https://example.org/secret"))
    assert "KDUI_AUTH" not in result and "owner:password" not in result.values()
    assert result["KDUI_HOME"] == str(tmp_path) and result["PATH"] == os.environ["PATH"]
