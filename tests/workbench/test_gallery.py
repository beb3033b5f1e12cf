"""The runs that come with kdui: whole, with the digests of their recipes, marked as replayed, apart from a person's own."""

import shutil
import zipfile
from unittest.mock import patch

import pytest

from kdui.bench.gallery import MOST_BYTES, RECORDINGS, proven, recipe_of
from kdui.catalogue import planner
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import StateConflict, StoreError
from kdui.core.measurement import Origin
from kdui.settings import Settings
from kdui.store.run_bundle import read_bundle, write_bundle
from kdui.ui.compare import CompareCalls
from kdui.ui.home_view import markup
from kdui.ui.runs import run_calls
from kdui.ui.which_runs import beside, of_both
from kdui.workbench.gallery import FOLDER, Gallery
from kdui.workbench.workbench import Workbench

FILES = sorted(FOLDER.glob("*.zip"))


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    assert bench.store.runs.counts() == {}  # its database is open before anything is recorded beside it
    return bench


@pytest.fixture(scope="module")
def recorded(bench):
    return beside(bench)


def test_recordings_are_known_and_small():
    assert FILES and {path.stem for path in FILES} <= set(RECORDINGS)
    assert sum(path.stat().st_size for path in FILES) <= MOST_BYTES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recording_is_the_run_that_its_recipe_makes(path, bench, recorded):
    bundle = read_bundle(path)
    run = recorded.store.runs.get(bundle.run["id"])
    with patch.object(planner, "fingerprint", lambda: bundle.machine):
        assert proven(run, recipe_of(RECORDINGS[path.stem], bench.settings), bench.settings)
    assert bundle.run["name"] == run.name and bundle.sentence == RECORDINGS[path.stem].sentence
    with zipfile.ZipFile(path) as archive:  # nothing of the machine but its processor
        text = archive.read("run.json").decode() + archive.read("events.jsonl").decode()
    assert not {"host", "pid"} & bundle.run.keys() and "/home/" not in text and "/tmp/" not in text


def test_every_number_of_a_recording_is_marked_as_replayed_and_its_models_can_be_opened(recorded):
    for row in recorded.runs().rows:
        detail = recorded.run(row.id)
        origins = {item.provenance.origin for result in detail.results for item in result.measurements.values()}
        assert origins == {Origin.REPLAYED} and row.headline.endswith("⟲")
        headline = detail.results[0].measurements[TASKS[row.task].headline.name].provenance
        assert headline.note.startswith("measured when it was recorded") and headline.device
        assert set(recorded.points(row.task)["origin"]) == {"replayed"}
        assert {model.digest for model in recorded.servable(row.task)} >= {result.digest for result in detail.results}
        for result in detail.results:
            assert recorded.store.artifacts.open(result.digest).file("model.onnx").is_file()
        assert recorded.events(row.id)[0]


def test_recordings_stay_apart_and_are_read_only(bench, recorded):
    assert bench.runs().total == 0 < recorded.runs().total
    table, detail, *_ = of_both(run_calls, bench)
    assert table({})["total"] == 0 and table({"recorded": True})["total"] == recorded.runs().total
    run = recorded.runs().rows[0].id
    assert "no run" in detail({"run": run})["error"]
    shown = detail({"run": run, "recorded": True})
    assert "./?tab=build&amp;recipe=" in shown["actions"] and "run-delete" not in shown["actions"]
    assert "run-downloads" not in shown["results"]
    for refused in (recorded.delete, recorded.resume, recorded.cancel):
        with pytest.raises(StateConflict, match="read-only"):
            refused(run)
    assert recorded.store.presentations is bench.store.presentations


def test_recorded_models_are_tried_on_data_that_a_new_home_has_never_fetched(bench, recorded):
    assert len(recorded.examples("digits", n=2)) == 2
    assert any(bench.settings.cache.iterdir())  # shared with the own runs


def test_home_lists_them_with_their_marks(bench):
    html = markup(Gallery(bench.settings).cards(), TASKS)
    assert html.count("⟲ Replay") == len(FILES) and "runs=recorded" in html
    assert "recorded-list" not in markup([], {})


def test_a_store_of_recordings_is_made_anew_when_their_files_change(tmp_path):
    folder, settings = tmp_path / "gallery", Settings(home=tmp_path / "home", quickstart=False)
    folder.mkdir()
    shutil.copy(FILES[0], folder / FILES[0].name)
    first = Gallery(settings, folder)
    run = read_bundle(FILES[0]).run["id"]
    assert first.opened().runs.get(run).id == run and Gallery(settings, folder).opened().runs.counts() == {"succeeded": 1}
    again = write_bundle(first.opened(), run, folder / "copy.zip", machine="m", name="Copy")  # what was read can be written
    assert read_bundle(again).steps == read_bundle(FILES[0]).steps and read_bundle(again).run["name"] == "Copy"
    (folder / "broken.zip").write_bytes(b"no zip")
    with pytest.raises(StoreError, match=r"broken\.zip is no recorded run"):
        read_bundle(folder / "broken.zip")
    changed = Gallery(settings, folder)
    assert len(changed.cards()) == 2 and changed.place.home != first.place.home
    assert changed.opened().runs.counts() == {"succeeded": 1}  # the same run twice is one
    assert not first.place.home.exists()


def test_models_of_every_recording_are_shown_without_its_data(recorded):
    for task in {row.task for row in recorded.runs(size=50).rows}:
        shown = CompareCalls(recorded).compare_start({"task": task})
        assert shown["task"] == task and shown["cards"].count("<section") == len(shown["models"]) > 1
