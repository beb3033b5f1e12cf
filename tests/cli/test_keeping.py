"""``gc``, ``backup`` and ``restore`` at a shell: what they say, and that they say it before they do it."""

import json
import os

import pytest

from kdui.cli.doctor import disk_use
from kdui.core.artifact import MANIFEST
from kdui.core.plain import digest
from kdui.settings import Settings
from kdui.store.store import Store
from kdui.workbench.workbench import Workbench
from tests.store.load import finish
from tests.store.made import artifact, queued


@pytest.fixture
def store(command, tmp_path):
    """A run that succeeded and an old artifact that nothing names, in the home that commands use."""
    store = Store(Settings(home=tmp_path / "home", quickstart=False))
    queued(store, "cpu")
    finish(store, store.runs.claim("cpu"))
    os.utime(store.artifacts.place(artifact(store.artifacts, "nobody's")) / MANIFEST, (1e9, 1e9))
    return store


def test_gc_says_what_it_would_free_and_then_frees_it(command, store):
    planned = json.loads(command("gc", "--dry-run", "--json")[1])
    assert [(item["kind"], item["name"]) for item in planned["items"]] == [("unused artifacts", digest("nobody's"))]
    assert planned["dry_run"] and planned["bytes"] == 702
    code, printed, _ = command("gc", "--dry-run")
    assert code == 0 and "unused artifacts" in printed and printed.endswith("Would free 0.7 kB.\n")
    assert store.artifacts.has(digest("nobody's"))
    assert command("gc")[1].endswith("Freed 0.7 kB.\n")
    assert not store.artifacts.has(digest("nobody's")) and len(store.artifacts.digests()) == 2
    assert command("gc")[1].endswith("Freed 0.0 kB.\n")


def test_doctor_says_what_the_store_takes_and_what_gc_would_free(store):
    assert disk_use(Workbench(store.settings)) == "artifacts take 7.2 kB; 'gc' would free 0.7 kB"
    bounded = Workbench(store.settings.model_copy(update={"store_gb": 2.5}))
    assert disk_use(bounded).startswith("artifacts take 7.2 kB of 2.5 GB (KDUI_STORE_GB)")


def test_backup_and_restore_say_what_they_hold(command, store, tmp_path, monkeypatch):
    file = tmp_path / "b.zip"
    assert f"{file}: 1 runs, 2 artifacts" in command("backup", str(file))[1]
    assert command("restore", str(file))[::2] == (
        2,
        f"kdui: {store.settings.home} is not empty, and nothing in it is overwritten. Set KDUI_HOME to a new folder.\n",
    )
    monkeypatch.setenv("KDUI_HOME", str(tmp_path / "other"))
    code, printed, _ = command("restore", str(file))
    assert code == 0 and printed.startswith(f"{tmp_path / 'other'}: 1 runs, 2 artifacts")
    assert len(json.loads(command("list", "runs", "--json")[1])) == 1
    assert command("restore", str(tmp_path / "none.zip"))[2].startswith("kdui: There is no file")
