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
        code, printed, output = command(*arguments)
        assert code == 0, output + printed
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
    output = kdui("show", finished["id"], "--paired")
    assert "McNemar" in output and "against the teacher" in output and "examples);" in output
    result = json.loads(kdui("show", finished["id"], "--paired", "--json"))
    pairs = {(row["role"], row["against"]) for row in result["comparisons"]}
    assert {("student", "teacher"), ("student", "control"), ("compressed", "teacher")} <= pairs
    for row in result["comparisons"]:
        assert row["n"] == 359 and row["negative_flips"] + row["positive_flips"] <= row["flips"] + 1e-9
        assert row["difference"] == pytest.approx(100 * (row["positive_flips"] - row["negative_flips"]))
    assert len({row["of"] for row in result["classes"]}) == 10
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
    code, _, output = command(*arguments)
    assert code == 2 and words in output


def test_a_malformed_file_names_its_line(command, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("task: digits\nstages: [teach\n")
    code, _, output = command("run", str(path))
    assert code == 2 and "line 3" in output


def test_a_sweep_is_queued_shown_and_ended_as_one(kdui, command, tmp_path):
    made = json.loads(kdui("sweep", "quickstart", "--vary", "distill.temperature=1,2", "--seeds", "2", "--no-wait", "--json"))
    assert made["counts"] == {"queued": 4} and [row["state"] for row in made["members"]] == ["queued"] * 4
    assert f"{made['id']}" in kdui("list", "families") and "paused" in kdui("family", made["id"], "--pause")
    assert json.loads(kdui("family", made["id"], "--extend", "seed=7", "--json"))["counts"] == {"queued": 6}
    rows = tmp_path / "rows.yaml"
    rows.write_text("- {distill.temperature: 3}\n- {student.width: 12}\n")
    listed = json.loads(kdui("sweep", "quickstart", "--list", str(rows), "--no-wait", "--json"))
    assert [row["values"] for row in listed["members"]] == [{"distill.temperature": 3}, {"student.width": 12}]
    for wrong, words in (
        (["--vary", "distill.temperature=1..8"], "add --random N"),
        (["--vary", "temperature"], "is not NAME=VALUES"),
        ([], "Say what varies"),
        (["--vary", "distill.temperature=1..8", "--random", "999"], "1 to 200 runs; this one has 999"),
    ):
        code, _, said = command("sweep", "quickstart", "--no-wait", *wrong)
        assert code == 2 and words in said
    assert "cancelled" in kdui("family", made["id"], "--cancel")
    for family in (made, listed):
        kdui("family", family["id"], "--cancel") if family is listed else None
        assert "is deleted" in kdui("family", family["id"], "--delete")


def test_a_search_takes_what_is_measured_already_and_names_its_pick(kdui, command, finished):
    settings = {
        name: value for stage in finished["recipe"]["stages"] if "quantize" in stage for name, value in stage["quantize"].items()
    }
    vary = ("--vary", f"quantize.bits={settings['bits']}")
    found = json.loads(kdui("search", "quickstart", *SHORT, *vary, "--most-mb", "1", "--json"))
    assert found["pick"]["known"] and found["pick"]["run"] == finished["id"] and found["state"] == "ended"
    assert "Every combination of its settings was tried." in found["sentences"]
    code, printed, _ = command("search", "quickstart", *SHORT, *vary, "--most-mb", "0.000001")
    assert code == 1 and "No measured trial keeps the limits" in printed and "1 known from earlier runs" in printed
    code, _, said = command("search", "quickstart")
    assert code == 2 and "Say what may vary" in said


def notebook(name, tmp_path, **parameters):
    """A notebook's cells run one after another, with other values than those of its first one; all of its names."""
    cells = json.loads((ROOT / "docs" / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    names = {"__name__": name}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
            if "parameters" in cell["metadata"].get("tags", ()):
                assert set(parameters) <= set(names)
                names |= parameters
    return names


@pytest.fixture
def same_stages(home, monkeypatch):
    """The settings of ``finished``, whose stages are in the store, so that notebooks train nothing; runs run in this process."""
    monkeypatch.setenv("KDUI_HOME", str(home))
    monkeypatch.setenv("KDUI_LAUNCHER", "inline")
    return {pair.partition("=")[0]: int(pair.partition("=")[2]) for pair in SHORT[1::2]}


def test_the_notebook_explore_runs_compares_and_delivers(finished, same_stages, tmp_path):
    made = notebook("explore", tmp_path, SETTINGS=same_stages, FILE=str(tmp_path / "model.onnx"))
    assert made["progress"].state == "succeeded" and made["results"].gain.examples == 359
    assert [model.role for model in made["comparison"].models] == ["student", "compressed", "compressed"]
    assert (tmp_path / "model.onnx").stat().st_size == made["delivery"].bytes > 1_000


def test_the_notebook_teach_sweeps_a_temperature(finished, same_stages, tmp_path, capsys):
    usual = finished["recipe"]["stages"][1]["distill"].get("temperature", 4)
    made = notebook("teach", tmp_path, SETTINGS=same_stages, TEMPERATURES=[usual])
    assert [run.state for run in made["bench"].runs(state="succeeded").runs].count("succeeded") >= 2
    assert "over its control" in capsys.readouterr().out


def test_the_notebook_present_makes_a_table_with_origins(finished, same_stages, tmp_path):
    made = notebook("present", tmp_path, RUNS=[finished["id"]])
    rows = made["table"].splitlines()
    assert len(rows) == 2 + len(finished["measurements"]) and all("●" in row and "python app.py run" in row for row in rows[2:])
