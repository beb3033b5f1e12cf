"""What a power cut leaves of files that had not reached the disk, a part or zeros: passed over, made again or refused."""

import shutil
import sqlite3

import pytest

from kdui.core.artifact import MANIFEST
from kdui.core.errors import ArtifactCorrupt, StoreError
from kdui.core.plain import digest
from kdui.core.run import RunState
from kdui.core.saved_view import View
from kdui.settings import Settings
from kdui.store.store import Store
from tests.store.made import artifact, queued

CUT = {"beginning": lambda data: data[: len(data) // 2], "nothing": lambda data: b"", "zeros": lambda data: bytes(len(data))}


def test_a_journal_that_was_cut_anywhere_gives_the_store_as_of_an_earlier_moment(settings, tmp_path):
    """SQLite's journal (WAL) holds what the database file does not yet: whole transactions from its beginning count."""
    store = Store(settings)
    ids = [queued(store, seed=seed).id for seed in range(6)]
    database, journal = (settings.home / name for name in ("kdui.db", "kdui.db-wal"))
    whole, seen = journal.read_bytes(), set()
    for number, length in enumerate([*range(0, len(whole), len(whole) // 17), len(whole)]):
        for filler in {b"", bytes(len(whole) - length)}:
            home = tmp_path / f"cut-{number}-{len(filler) > 0}"
            home.mkdir()
            shutil.copyfile(database, home / "kdui.db")
            (home / "kdui.db-wal").write_bytes(whole[:length] + filler)
            with sqlite3.connect(home / "kdui.db") as connection:
                assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
                tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'runs'").fetchone()[0]
                found = [row[0] for row in connection.execute("SELECT id FROM runs ORDER BY position")] if tables else []
                unnamed = "SELECT count(*) FROM runs LEFT JOIN steps ON steps.run = runs.id WHERE steps.run IS NULL"
                assert not tables or connection.execute(unnamed).fetchone() == (0,)  # a run never without its steps
            connection.close()
            assert found == ids[: len(found)]
            seen.add(len(found))
    assert {0, len(ids)} < seen  # some moments in between were met as well
    again = Store(Settings(home=home, quickstart=False))  # the last one, as kdui opens it
    assert queued(again).state is RunState.QUEUED and again.runs.counts() == {"queued": len(found) + 1}


@pytest.mark.parametrize("cut", CUT)
@pytest.mark.parametrize("name", ["model.bin", MANIFEST])
def test_an_artifact_that_was_cut_is_never_believed_and_gives_way(store, name, cut):
    made = artifact(store.artifacts)
    path = store.artifacts.place(made) / name
    path.write_bytes(CUT[cut](path.read_bytes()))
    fresh = Store(store.settings).artifacts
    with pytest.raises(ArtifactCorrupt, match=r"run again\."):
        fresh.open(made)
    fresh.remove(made)
    assert fresh.open(artifact(fresh)).digest == digest("one")


@pytest.mark.parametrize("cut", CUT)
def test_what_a_person_saved_is_refused_in_words_or_begins_anew(store, cut):
    store.views.save(View(name="mine", query="tab=runs"))
    run = queued(store)
    store.events(run.id).append("state", state="queued")
    store.events(run.id).append("state", state="running")
    for path in (store.views.file, store.events(run.id).path):
        path.write_bytes(CUT[cut](path.read_bytes()))
    with pytest.raises(StoreError, match="cannot be read"):
        store.views.all()
    events, _ = store.events(run.id).read()
    assert [event.values["state"] for event in events] in ([], ["queued"])
    store.events(run.id).append("log", text="is on a line of its own")
    store.events(run.id).append("log", text="and so is this")
    assert store.events(run.id).read()[0][-1].text == "and so is this"


@pytest.fixture
def store(settings):
    return Store(settings)
