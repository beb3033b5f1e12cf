"""Every command on digits: what it prints, how it ends, and what it says of bad input. One run is a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHORT = ["--set", "teach.epochs=3", "--set", "distill.epochs=3", "--set", "prune.epochs=1", "--set", "measure.latency_runs=20"]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home") / "store"


@pytest.fixture(scope="module")
def finished(home):
    """The quickstart, made as a person at a shell makes it."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "run", "quickstart", *SHORT, "--json"],
        capture_output=True,
        text=True,
        cwd=home.parent,
        env={**os.environ, "KDUI_HOME": str(home)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


@pytest.fixture
def kdui(command, home, monkeypatch):
    """Standard output of a command that succeeds, on the store of ``finished``."""
    monkeypatch.setenv("KDUI_HOME", str(home))

    def call(*arguments: str) -> str:
        code, printed, told = command(*arguments)
        assert code == 0, told + printed
        return printed

    return call


def test_run_prints_one_object_with_teacher_student_control_and_compressed(finished):
    assert finished["state"] == "succeeded"
    assert {item["role"] for item in finished["measurements"]} == {"teacher", "student", "control", "compressed"}
    teacher = next(item for item in finished["measurements"] if item["role"] == "teacher")["measurements"]
    assert teacher["latency_p50"]["provenance"]["n"] == 20 and teacher["accuracy"]["provenance"]["split"] == "test"
    assert all(stage["seconds"] is not None and not stage["cached"] for stage in finished["stages"])
    assert all(Path(item["path"]).is_dir() for item in finished["artifacts"])


def test_another_bit_width_trains_nothing_and_can_be_deleted(kdui, finished):
    again = json.loads(kdui("run", "quickstart", *SHORT, "--set", "quantize.bits=4", "--json"))
    made = [stage["name"] for stage in again["stages"] if not stage["cached"]]
    assert made == ["quantize", "measure.quantize"]
    rounded = next(item for item in again["measurements"] if item["step"] == "measure.quantize")["measurements"]
    assert rounded["accuracy"]["provenance"]["origin"] == "simulated"
    assert rounded["packed_bytes"]["value"] < finished["measurements"][0]["measurements"]["file_bytes"]["value"]
    assert again["id"] in kdui("list", "runs")
    kdui("delete", again["id"])
    assert again["id"] not in kdui("list", "runs")
    assert json.loads(kdui("show", finished["id"], "--json"))["state"] == "succeeded"


def test_predict_runs_every_model(kdui, finished):
    rows = json.loads(kdui("predict", finished["id"], "test:3", "--json"))
    assert len(rows) == len(finished["measurements"])
    assert all(0 < row["probability"] <= 1 and row["p50 ms"] > 0 for row in rows)


def test_show_compares_answers_in_pairs(kdui, finished):
    told = kdui("show", finished["id"], "--paired")
    assert "McNemar" in told and "against the teacher" in told and "examples);" in told
    found = json.loads(kdui("show", finished["id"], "--paired", "--json"))
    pairs = {(row["role"], row["against"]) for row in found["comparisons"]}
    assert {("student", "teacher"), ("student", "control"), ("compressed", "teacher")} <= pairs
    for row in found["comparisons"]:
        assert row["n"] == 359 and row["negative_flips"] + row["positive_flips"] <= row["flips"] + 1e-9
        assert row["difference"] == pytest.approx(100 * (row["positive_flips"] - row["negative_flips"]))
    assert len({row["of"] for row in found["classes"]}) == 10
    assert "comparisons" not in json.loads(kdui("show", finished["id"], "--json"))


def test_show_and_list(kdui, finished):
    assert finished["id"] in kdui("list", "runs")
    assert "Gain from distillation:" in kdui("show", finished["id"])
    for kind in ("tasks", "models", "methods", "recipes"):
        assert len(json.loads(kdui("list", kind, "--json"))) >= 4


def test_doctor_and_schema(kdui):
    facts = json.loads(kdui("doctor", "--json"))
    assert facts["cores"] >= 1 and "torch" in facts["versions"]
    assert json.loads(kdui("schema"))["x-methods"]["distill"]["properties"]["temperature"]["maximum"] == 20


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "quickstrat"), "Did you mean 'quickstart'"),
        (("run", "quickstart", "--set", "distil.temperature=3"), "Did you mean 'distill'"),
        (("run", "quickstart", "--set", "distill.temprature=3"), "Did you mean 'temperature'"),
        (("run", "quickstart", "--set", "distill.temperature=99"), "Temperature must be 1 to 20"),
        (("run", "quickstart", "--set", "nonsense"), "is not NAME=VALUE"),
        (("run", "quickstart", "--set", "teacher=minilm-l6"), "text"),
        (("run", "quickstart", "--device", "cuda:9"), "no device 'cuda:9'"),
        (("list", "modles"), "Did you mean 'models'"),
        (("show", "00000000"), "no run called"),
        (("cancel", "00000000"), "no run called"),
    ],
)
def test_bad_input_ends_with_a_sentence(command, arguments, words):
    code, _, told = command(*arguments)
    assert code == 2 and words in told


def test_a_malformed_file_names_its_line(command, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("task: digits\nstages: [teach\n")
    code, _, told = command("run", str(path))
    assert code == 2 and "line 3" in told
