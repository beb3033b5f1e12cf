"""From a recipe on real digits to a delivered file, by its commands: it verifies, a changed one does not."""

import json
from pathlib import Path

import pytest
import yaml

from kdui.kdz.graph_bytes import weights_of

RECIPE = {
    "task": "digits",
    "teacher": "cnn-small",
    "stages": [
        {"teach": {"epochs": 2, "learning_rate": 0.004}},
        {"encode": {"bits": 5}},
        {"measure": {"latency_runs": 20, "sweep": False}},
    ],
}
PATIENT = ("--tolerance", "20")  # other tests work on the same machine meanwhile


@pytest.fixture
def kdui(command, tmp_path, monkeypatch):
    """The output of a command in this process, with the worker in it as well."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KDUI_LAUNCHER", "inline")

    def call(*arguments: str, code: int = 0) -> str:
        ended, printed, complaint = command(*arguments)
        assert ended == code, complaint + printed
        return printed + complaint if code else printed

    return call


def test_run_deliver_verify_and_a_changed_file(kdui, tmp_path):
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    run = json.loads(kdui("run", "recipe.yaml", "--json"))
    kdui("deliver", run["id"], "--out", "digits.kdz")
    kdui("decode", "digits.kdz", "digits.onnx")
    done = json.loads(kdui("verify", "digits.onnx", *PATIENT, "--json"))
    assert done["passed"] and done["run"] == run["id"]
    verdicts = [check["verdict"] for check in done["checks"]]
    assert set(verdicts) == {"pass", "not checked"} and verdicts.count("pass") >= 10
    assert verdicts.count("not checked") == 2  # of the packed form, and of the figures besides, it says so

    data = bytearray((tmp_path / "digits.onnx").read_bytes())
    weight = max(weights_of(bytes(data)), key=lambda one: one.length)
    data[weight.offset : weight.offset + weight.length] = bytes(weight.length)
    (tmp_path / "changed.onnx").write_bytes(data)
    output = kdui("verify", "changed.onnx", *PATIENT, code=1)
    assert "changed since it was measured" in output and "not every claim holds" in output
    assert "carries no claims" in kdui("verify", str(_plain(run)), code=2)


def _plain(run) -> Path:
    return next(Path(item["path"]) for item in run["artifacts"] if item["step"] == "export.teach") / "model.onnx"
