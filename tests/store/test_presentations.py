"""Presentations in their folder: they outlive a process, take any name, and lose nothing to a second window."""

import pytest

from kdui.core.errors import StateConflict, StoreError, UnknownName
from kdui.core.presentation import Content, Pin, Source
from kdui.store.presentations import PresentationStore


def made(name="00000000", **values):
    source = Source(date="2026-01-01 10:00", version="0")
    return Pin(id=name, place="results", view={"run": "a"}, content=Content(title="Found"), source=source, **values)


def with_pins(*pins):
    return lambda before: before.model_copy(update={"pins": pins})


@pytest.fixture
def store(tmp_path):
    return PresentationStore(tmp_path / "presentations")


def test_what_was_kept_is_there_after_a_restart_under_any_name(store):
    names = ["Board", "../../etc/passwd", "a/b\\c", "<b>名前</b>", "x" * 80]
    for name in names:
        store.change(name, with_pins(made(title=name)))
    again = PresentationStore(store.folder)
    assert sorted(again.names()) == sorted(names) and again.names()[0] == names[-1]  # the one changed last
    assert [again.get(name).pins[0].heading for name in names] == names
    assert {path.parent for path in store.folder.parent.rglob("*.json")} == {store.folder}


def test_a_change_from_an_older_view_is_refused(store):
    first = store.change("Board", with_pins(made()))
    store.change("Board", with_pins(), first.revision)
    with pytest.raises(StateConflict, match="another window"):
        store.change("Board", with_pins(made()), first.revision)
    assert store.get("Board").pins == ()


def test_names_are_not_taken_twice_and_what_is_gone_is_told(store):
    store.change("One", with_pins(made()))
    store.change("Two", with_pins())
    with pytest.raises(StateConflict, match="already"):
        store.rename("One", "Two")
    store.rename("One", "Three")
    assert sorted(store.names()) == ["Three", "Two"] and store.get("Three").pins[0].id == "00000000"
    store.remove("Three")
    with pytest.raises(UnknownName, match="no presentation called 'Three'"):
        store.get("Three")


def test_a_damaged_file_is_told_and_hides_no_other(store):
    store.change("Good", with_pins())
    store.change("Bad", with_pins())
    store._path("Bad").write_text('{"name": "Bad", "pins": 3}')
    with pytest.raises(StoreError, match="damaged"):
        store.get("Bad")
    store._path("Bad").write_text("{")
    assert store.names() == ["Good"]


def test_a_presentation_that_would_fill_the_disk_is_refused_and_stays_as_it_was(store, monkeypatch):
    kept = store.change("Board", with_pins(made()))
    monkeypatch.setattr("kdui.store.presentations.MOST_BYTES", 1_000)
    with pytest.raises(StoreError, match="Begin another"):
        store.change("Board", with_pins(made(notes="x" * 1_000)))
    assert store.get("Board") == kept
