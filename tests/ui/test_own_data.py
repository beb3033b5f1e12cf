"""A person's own data in Build's dialog, without a browser: what is taken, what is shown, what is bounded."""

import base64
import os

import pytest

from kdui.core.errors import RecipeError
from kdui.settings import Settings
from kdui.ui.own_data import OwnDataCalls
from kdui.workbench import uploads
from kdui.workbench.uploads import Uploads
from kdui.workbench.workbench import Workbench
from tests.tasks.own_files import digit_folder, reviews


@pytest.fixture
def bench(tmp_path):
    bench = Workbench(Settings(home=tmp_path / "home", launcher="inline", quickstart=False))
    bench.keep_to_own_files()
    return bench


def piece(text):
    return base64.b64encode(text.encode()).decode()


def test_a_file_comes_in_pieces_and_goes_when_its_data_are_kept(bench):
    calls, table = OwnDataCalls(bench), "text,label\n" + "".join(f"{text},{label}\n" for text, label in reviews(60))
    first = calls.own_upload({"upload": "", "file": "../../<b>.csv", "at": 0, "data": piece(table[:500])})
    with pytest.raises(RecipeError, match="A piece of the file is missing"):
        calls.own_upload({"upload": first["upload"], "at": 7, "data": ""})
    path = calls.own_upload({"upload": first["upload"], "at": 500, "data": piece(table[500:])})["path"]
    assert path.startswith(str(bench.settings.home / "uploads"))
    seen = calls.own_look({"path": path, "chosen": {"label": "label", "split": "", "size": 3}})
    assert seen["name"].endswith("/b-.csv?label=label&split=") and ">b-.csv</b>" in seen["html"]
    task = calls.own_keep({"name": seen["name"]})["task"]
    assert not os.path.exists(path) and task in [facts.name for facts in bench.tasks()]
    assert bench.default_recipe(task).task == task and bench.plan(bench.default_recipe(task)).steps


def test_what_is_sent_is_bounded(bench, monkeypatch):
    calls = OwnDataCalls(bench)
    with pytest.raises(RecipeError, match="is no kind of file that is taken"):
        calls.own_upload({"file": "run.py", "data": ""})
    for upload in ("../..", "0" * 16):
        with pytest.raises(RecipeError, match="not there any more"):
            calls.own_upload({"upload": upload, "at": 0, "data": ""})
    with pytest.raises(RecipeError, match="came damaged"):
        calls.own_upload({"file": "a.csv", "data": "!"})
    monkeypatch.setattr(uploads, "MOST_BYTES", 10)
    started = Uploads(bench.settings.home).begin("a.zip")
    with pytest.raises(RecipeError, match="The file has more than"):
        Uploads(bench.settings.home).add(started, 0, b"x" * 11)
    monkeypatch.setattr(uploads, "MOST_ALL", 12)
    started = Uploads(bench.settings.home)
    started.add(started.begin("b.zip"), 0, b"x" * 9)
    with pytest.raises(RecipeError, match="that were sent today"):
        started.begin("c.zip")
    monkeypatch.setattr(uploads, "KEPT_SECONDS", -1.0)
    assert started.begin("c.zip") and len(list(started.folder.iterdir())) == 1


def test_what_a_table_holds_can_be_said_and_its_columns_chosen(bench):
    calls, table = OwnDataCalls(bench), bench.settings.home / "pairs.csv"
    table.parent.mkdir(exist_ok=True)
    table.write_text("one,two\n" + "".join(f"word {place},Wort {place}\n" for place in range(80)))
    seen = calls.own_look({"path": str(table), "kind": "own-pairs"})
    assert 'id="own-source"' in seen["html"] and 'id="own-label"' not in seen["html"] and seen["name"] == ""
    assert "It cannot be told which column holds the source and which the target." in seen["html"]
    chosen = {"source": "one", "target": "two", "split": ""}
    seen = calls.own_look({"path": str(table), "kind": "own-pairs", "chosen": chosen})
    assert "<td>pairs</td>" in seen["html"] and seen["name"].startswith("own-pairs:")
    assert calls.own_look({"path": seen["name"], "kind": "own-texts"})["name"] == seen["name"]  # a name says itself what it is
    assert calls.own_keep({"name": seen["name"]})["task"].startswith("own-pairs:pairs@")


def test_images_get_a_side_and_files_elsewhere_stay_out_of_reach(bench, tmp_path):
    calls = OwnDataCalls(bench)
    folder = digit_folder(bench.settings.home / "digits", 2, 30)
    shown = calls.own_look({"path": str(folder), "chosen": {"size": "16"}})
    assert 'id="own-size"' in shown["html"] and "kept as: 16 × 16, grey" in shown["html"] and "size=16" in shown["name"]
    with pytest.raises(RecipeError, match="The page reads only files below"):
        calls.own_look({"path": str(digit_folder(tmp_path / "away", 2, 3))})
    with pytest.raises(RecipeError, match="Write the path of your data first"):
        calls.own_look({})
