"""Relative paths: they mean the folder of the YAML file that names them, or of the person, and name the same model anywhere."""

from pathlib import Path

import pytest

from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.references import anchored, anchored_plain, anchored_ref
from kdui.catalogue.studies import read_study
from kdui.core.recipe import ModelRef, Recipe
from kdui.tasks.digits.spec import TASK
from kdui.workbench.workbench import Workbench

YAML = "task: digits\nteacher: csv:answers/my.csv\nstudent: cnn-small\nstages: [distill, export, measure]\n"


def table(folder: Path) -> Path:
    (folder / "answers").mkdir(parents=True)
    path = folder / "answers" / "my.csv"
    path.write_text(",".join(TASK.labels) + "\n")
    return path


def test_a_path_that_was_typed_means_the_folder_it_was_typed_in(settings, tmp_path, monkeypatch):
    path = table(tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    bench = Workbench(settings)
    monkeypatch.chdir("/")
    recipe = bench.parse_recipe(YAML)
    typed = Recipe.model_validate({**recipe.plain(), "teacher": "csv:answers/my.csv"})
    bench.check(typed)
    assert recipe.teacher.name == bench.submit(typed).recipe.teacher.name == str(path)
    swept = bench.submit_sweep(typed, {"seed": [1, 2]})
    assert {run.recipe.teacher.name for run in swept} == {str(path)}


def test_a_path_in_a_file_means_the_folder_of_the_file(settings, tmp_path, monkeypatch):
    path = table(tmp_path / "work")
    (tmp_path / "work" / "mine.yaml").write_text(YAML)
    monkeypatch.chdir(tmp_path)
    bench = Workbench(settings)
    assert bench.recipe("work/mine.yaml").teacher.name == str(path)
    bench.check(bench.recipe("work/mine.yaml"))
    study = "title: Two\ntask: digits\nteacher: csv:answers/my.csv\nstudent: cnn-small\narms: [{title: one, stages: [distill]}]\n"
    (tmp_path / "work" / "study.yaml").write_text(study)
    assert read_study("work/study.yaml").teacher == f"csv:{path}"


def test_a_model_has_one_name_wherever_its_file_lies(settings, tmp_path):
    digests = []
    for place in ("one", "other folder/deep?er"):
        table(tmp_path / place)
        recipe = anchored(Recipe.model_validate({"task": "digits", "teacher": "csv:answers/my.csv", "student": "cnn-small",
                                                 "stages": ["distill"]}), tmp_path / place)  # fmt: skip
        assert Recipe.model_validate(recipe.plain()) == recipe
        digests.append([step.digest for step in plan_recipe(recipe, settings)])
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("csv:my.csv", "csv:/x/my.csv"), ("onnx:./a/../m.onnx?probabilities=true", "onnx:/x/m.onnx?probabilities=True"),
        ("folder:../ck", "folder:/ck"), ("folder:/ck/../d", "folder:/ck/../d"), ("folder:~/ck", f"folder:{Path.home()}/ck"),
        ("cnn-small", "cnn-small"), ("hub:owner/name", "hub:owner/name"), ("same, folder:ck", "same, folder:/x/ck"),
        ("onnx:assets/teachers/fashion-keras.onnx",) * 2, ("csv:", "csv:"), ("see csv: or not", "see csv: or not"),
        ("folder:~no-such-person/ck",) * 2,
    ],
)  # fmt: skip
def test_references_of_every_kind(text, place):
    assert anchored_ref(text, Path("/x")) == place


def test_references_stand_anywhere_in_a_recipe_but_not_in_its_words():
    plain = {
        "summary": "csv:my.csv",
        "stages": [{"assistant": {"model": "folder:ck", "share": 0.5}}],
        "teacher": {"kind": "onnx", "name": "m"},
    }
    assert anchored_plain(plain, Path("/x")) == {
        "summary": "csv:my.csv",
        "stages": [{"assistant": {"model": "folder:/x/ck", "share": 0.5}}],
        "teacher": {"kind": "onnx", "name": "/x/m"},
    }


@pytest.mark.parametrize("name", ["/q?a/m.onnx", "/q?50%/m.onnx", "/100%/m.onnx", "/a b/ü#.onnx", "/a%41/m"])
def test_a_path_of_odd_signs_is_written_and_read_back(name):
    ref = ModelRef(kind="onnx", name=name, options={"probabilities": True})
    assert ModelRef.parse(str(ref)) == ref
