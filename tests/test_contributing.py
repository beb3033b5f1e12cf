"""CONTRIBUTING.md followed literally: its files are written into a copy of the program, and each addition is looked for there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```", re.M | re.S)


ROW = re.compile(r"^In `(\w+)` of `([\w./]+)`:\n\n```python\n(.*?)^```", re.M | re.S)


def rows() -> list[tuple[str, str, str]]:
    """Name of a tuple, path of its file, and the row that the page tells to put into it."""
    return ROW.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))


def files() -> dict[str, str]:
    """Path -> text of the files that the page tells to write."""
    return dict(FILE.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8")))


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> dict[str, Any]:
    """What ``tests/additions.py`` prints in a copy that was added to."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "kdui", copy / "kdui")
    shutil.copy2(ROOT / "app.py", copy)
    (copy / "assets").symlink_to(ROOT / "assets")
    for path, text in files().items():
        (copy / path).parent.mkdir(exist_ok=True)
        assert not (copy / path).exists()  # an addition changes no file that is there
        (copy / path).write_text(text, encoding="utf-8")
    for name, path, row in rows():
        text = (copy / path).read_text("utf-8")
        assert text.count(f"\n{name} = (\n") == 1
        (copy / path).write_text(text.replace(f"\n{name} = (\n", f"\n{name} = (\n{row}"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "additions.py"), str(copy / "home")],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    output: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert output["program"] == str(copy / "kdui")
    return output


def test_each_addition_has_one_place():
    folders = {"kdui/tasks/stripes", "kdui/models/linear", "kdui/methods/distill/logit_regression"}
    alone = {"kdui/charts/evidence/file_size.py", "kdui/launch/launchers/single.py"}
    alone |= {"kdui/catalogue/recipes/stripes.yaml", "kdui/catalogue/studies/stripes-logits.yaml"}
    assert {path for path in files() if str(Path(path).parent) not in folders} == alone
    assert {str(Path(path).parent) for path in files()} >= folders
    assert [(name, path) for name, path, _ in rows()] == [("PAIRS", "kdui/catalogue/pairs.py")]


def test_the_task_is_listed_and_planned(shown):
    assert "stripes" in shown["tasks"] and "stripes" in shown["recipes"]
    assert shown["plan"][0] == "CNN medium"


def test_the_model_is_listed_and_offered(shown):
    assert "linear-classifier" in shown["models"]
    assert shown["students"][-1] == "linear-classifier" and shown["students"][0] == "resnet-8-slim"


def test_the_pair_holds_the_tasks_defaults_and_leaves_others_as_they_were(shown):
    assert shown["pair"] == {"teachers": ["cnn-medium"], "students": ["linear-classifier", "resnet-8-slim"]}
    assert shown["default"] == ["cnn-medium", "linear-classifier"]
    assert "stripes" in shown["recipes"] and shown["students"][0] == "resnet-8-slim"


def test_the_study_is_listed_and_all_of_its_runs_are_planned(shown):
    assert "stripes-logits" in shown["studies"]
    assert list(shown["study"]) == ["Soft targets", "Logit regression"]
    for arm, method in (("Soft targets", "distill"), ("Logit regression", "logit_regression")):
        assert [run["seed"] for run in shown["study"][arm]] == [0, 1, 2]
        for run in shown["study"][arm]:
            assert method in run["methods"] and "measure" in run["methods"] and run["epochs"] == [1, 2]


def test_the_method_has_a_form_and_a_place_in_the_chooser(shown):
    assert "logit_regression" in shown["methods"] and shown["knobs"]
    outputs = [name for name, group, _ in shown["chooser"] if group == "outputs"]
    assert outputs[0] == "distill" and ["logit_regression", "outputs", "logits"] in shown["chooser"]


def test_task_model_and_method_train_together(shown):
    assert shown["training"]["error"] is None and shown["training"]["state"] == "succeeded"
    assert {"regression", "hard", "total"} <= set(shown["training"]["curves"])
    assert shown["light"]  # until something was trained


def test_the_launcher_ran_them(shown):
    assert shown["training"]["launcher"] == "kdui.launch.launchers.single" and shown["training"]["slot"] == "cpu"


def test_the_chart_stands_on_explore(shown):
    assert "<h3>How large is it?</h3>" in shown["page"] and 'id="size-chart"' in shown["page"]
    assert shown["chart"]["title"] == "The student is the smallest: 4.8 MB"
    assert json.loads(shown["chart"]["figure"])["data"][0]["x"][0] == 91.6
