"""Tags, notes, pins and saved views: kept, looked for, and gone with their run."""

import pytest
from pydantic import ValidationError

from kdui.core.errors import StoreError, UnknownName
from kdui.core.marks import Marks
from kdui.core.run import RunState
from kdui.core.saved_view import View
from kdui.store.store import Store
from tests.store.made import queued


@pytest.fixture
def store(settings):
    return Store(settings)


def page(store, text=""):
    rows, _ = store.runs.page(state=None, task=None, text=text, page=1, size=10, queue_first=True)
    return [row["id"] for row in rows]


def test_a_run_is_found_by_its_tag_and_note_and_a_pinned_one_stands_on_top(store):
    old, new = (queued(store).id for _ in range(2))
    for run in (old, new):
        store.runs.transition(run, RunState.CANCELLED)
    assert page(store) == [new, old]
    store.marks.put(old, Marks(tags=("für die Vorlesung", "best"), note="Look at T = 2", pinned=True))
    assert page(store) == [old, new]
    assert page(store, "Vorlesung") == page(store, "T = 2") == [old]
    assert store.marks.of([old, new]) == {old: Marks(tags=("für die Vorlesung", "best"), note="Look at T = 2", pinned=True)}
    assert store.marks.tags() == {"für die Vorlesung": 1, "best": 1}
    store.runs.remove(old)
    assert store.marks.of([old]) == {} and store.marks.tags() == {}


def test_tags_are_trimmed_and_stand_once_and_too_much_is_refused():
    assert Marks(tags=[" a  b ", "a b", "", "c\nd"]).tags == ("a b", "c d")
    for bad in ({"tags": ["x" * 41]}, {"tags": [str(n) for n in range(13)]}, {"note": "x" * 4001}, {"tags": [3]}):
        with pytest.raises(ValidationError):
            Marks(**bad)


def test_views_are_kept_by_name_the_last_first(settings):
    views = Store(settings).views
    views.save(View(name="One", query="tab=runs&find=a%20b"))
    views.save(View(name="Two", query="tab=explore&x=macs"))
    assert [each.name for each in views.save(View(name="One", query="tab=runs"))] == ["One", "Two"]
    assert Store(settings).views.remove("Two") == [View(name="One", query="tab=runs")]
    with pytest.raises(UnknownName):
        views.remove("Two")
    with pytest.raises(ValidationError):
        View(name="Out", query="//elsewhere.example")
    views.file.write_text("{")
    with pytest.raises(StoreError, match="delete it"):
        views.all()
