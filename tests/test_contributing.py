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
FILE = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", re.M | re.S)


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
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["program"] == str(copy / "kdui")
    return found


def test_each_addition_has_one_place():
    folders = {"kdui/tasks/stripes", "kdui/models/linear", "kdui/methods/distill/logit_regression"}
    alone = {"kdui/charts/evidence/file_size.py", "kdui/launch/launchers/single.py", "kdui/catalogue/recipes/stripes.yaml"}
    assert {path for path in files() if str(Path(path).parent) not in folders} == alone
    assert {str(Path(path).parent) for path in files()} >= folders


def test_the_task_is_listed_and_planned(shown):
    assert "stripes" in shown["tasks"] and "stripes" in shown["recipes"]
    assert shown["plan"][0] == "CNN medium"


def test_the_model_is_listed_and_offered(shown):
    assert "linear-classifier" in shown["models"]
    assert shown["students"][-1] == "linear-classifier" and shown["students"][0] == "resnet-8-slim"


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
