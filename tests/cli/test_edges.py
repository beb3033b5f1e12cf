"""The outer edge of the command line: every error is a sentence, Ctrl-C and a closed pipe are quiet, any terminal will do."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import app
from kdui.cli.output_file import require_writable, write
from kdui.cli.serve import serve
from kdui.core.errors import KduiError
from kdui.core.recipe import Recipe
from kdui.settings import Settings
from kdui.unforeseen import LOG, MOST_BYTES, in_words
from kdui.workbench.workbench import Workbench

ROOT = Path(__file__).resolve().parents[2]


# --- errors that nobody foresaw -----------------------------------------------------------------------------------------


def test_an_unforeseen_error_is_a_sentence_that_names_the_log_of_its_traceback(command, tmp_path, monkeypatch):
    monkeypatch.setattr(app.app, "registered_commands", list(app.app.registered_commands))

    @app.app.command()
    def stumble() -> None:
        raise LookupError("where\nit stood")

    code, output, words = command("stumble")
    assert (code, output) == (2, "") and "fault of kdui" in words and "LookupError: where)" in words
    log = Path(re.search(r"traceback is in (\S+):", words).group(1))
    assert log == tmp_path / "home" / LOG and "it stood" in log.read_text() and log.stat().st_mode & 0o077 == 0


def test_where_the_home_takes_no_file_the_log_is_in_the_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    words = in_words(ValueError("why"), tmp_path / "taken" / "home")
    log = Path(re.search(r"traceback is in (\S+):", words).group(1))
    assert log.parent == tmp_path and "ValueError: why" in log.read_text()


def test_the_log_does_not_grow_for_ever(tmp_path):
    for number in range(3):
        (tmp_path / LOG).write_bytes(b"x" * (MOST_BYTES + 1))
        in_words(ValueError(number), tmp_path)
        assert (tmp_path / LOG).stat().st_size < 1000
    in_words(ValueError(2), tmp_path)  # the same again, as a page asks every two seconds
    assert (tmp_path / LOG).read_text().count("ValueError") == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KduiError("As it was said."), "^As it was said.$"),
        (MemoryError(), "memory is not enough"),
        (OSError(28, "No space left on device"), "The disk is full"),
        (PermissionError(13, "Permission denied", "/etc/out.json"), "/etc/out.json cannot be used: Permission denied"),
        (RecursionError("maximum recursion depth exceeded"), "fault of kdui.*RecursionError"),
        (KeyError("x"), "fault of kdui.*KeyError: 'x'"),
        (ValueError("one\ntwo" * 1000), "ValueError: one\\)"),
    ],
)
def test_each_kind_of_error_has_its_words(tmp_path, error, words):
    message = in_words(error, tmp_path)
    assert re.search(words, message, re.DOTALL) and len(message) < 700
    assert isinstance(error, KduiError) or str(tmp_path / LOG) in message


def test_the_page_is_not_told_what_an_error_quotes(tmp_path):
    message = in_words(ValueError("HF_TOKEN=hf_secret"), tmp_path, telling=False)
    assert "secret" not in message and "ValueError" in message and str(tmp_path / LOG) in message
    assert "secret" in (tmp_path / LOG).read_text()


# --- variables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("KDUI_PORT", "abc", "KDUI_PORT must be 0 to 65535 (got 'abc')"),
        ("KDUI_PORT", "70000", "KDUI_PORT must be 0 to 65535 (got '70000')"),
        ("KDUI_PORT", "9" * 5000, "KDUI_PORT must be 0 to 65535"),
        ("KDUI_OFFLINE", "maybe", "KDUI_OFFLINE must be true or false (got 'maybe')"),
        ("KDUI_QUICKSTART", "2", "KDUI_QUICKSTART must be true or false"),
        ("KDUI_LAUNCHER", "x", "KDUI_LAUNCHER must be elsewhere, inline, local or ray (got 'x')"),
        ("KDUI_CACHE_GB", "0", "KDUI_CACHE_GB must be a number above 0 (got '0')"),
        ("KDUI_CACHE_GB", "nan", "KDUI_CACHE_GB must be a number above 0"),
        ("KDUI_RUNS_PER_GPU", "1.5", "KDUI_RUNS_PER_GPU must be 1 to 64"),
        ("KDUI_SERVING_TIMEOUT_S", "inf", "KDUI_SERVING_TIMEOUT_S must be a number above 0 and 86400 at most"),
        ("KDUI_DATABASE_URL", "my.db", "KDUI_DATABASE_URL must be a database's address"),
        ("KDUI_DATABASE_URL", "cabinet://secret@host/x", "'cabinet' is not a kind of database"),
        ("KDUI_DATABASE_URL", "sqlite://", "a database in memory"),
        ("KDUI_HOME", "~nobody-of-that-name/kdui", "KDUI_HOME must be a folder"),
        ("KDUI_HOME", "a\0b", "KDUI_HOME must be a folder"),
    ],
)
def test_a_wrong_variable_is_named_with_what_it_may_be(variable, value, words):
    with pytest.raises(KduiError) as raised:
        Settings.from_environment({"KDUI_HOME": "/tmp/kdui", variable: value})
    assert words in str(raised.value) and len(str(raised.value)) < 500
    assert "secret" not in str(raised.value)


def test_all_wrong_variables_are_in_one_answer(command, monkeypatch):
    for name, value in {"KDUI_PORT": "x", "KDUI_OFFLINE": "maybe", "KDUI_CACHE_GB": "-1"}.items():
        monkeypatch.setenv(name, value)
    code, _, words = command("list", "runs")
    assert code == 2 and all(name in words for name in ("KDUI_PORT", "KDUI_OFFLINE", "KDUI_CACHE_GB"))


def test_what_a_container_platform_calls_the_port_is_left_aside():
    settings = Settings.from_environment({"KDUI_HOME": "/tmp/kdui", "KDUI_PORT": "tcp://10.0.0.1:7860"})
    assert settings.port == 7860 and "tcp://10.0.0.1:7860" in settings.notes[0]
    blank = Settings.from_environment({"KDUI_HOME": "/tmp/kdui", "KDUI_PORT": " ", "KDUI_HOST": "[::1]"})
    assert (blank.port, blank.host, blank.notes) == (7860, "::1", ())


# --- an end silently ----------------------------------------------------------------------------------------------

# Ctrl-C at the moment when that module is imported: before the command begins, and in the middle of it.
INTERRUPTED = """
import os, runpy, signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["app.py", "list", "runs"]
runpy.run_path({app!r}, run_name="__main__")
"""


@pytest.mark.parametrize("module", ["kdui.workbench.workbench", "sqlalchemy.dialects.sqlite"])
def test_ctrl_c_is_quiet(module, tmp_path):
    program = INTERRUPTED.format(module=module, app=str(ROOT / "app.py"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "KDUI_HOME": str(tmp_path)},
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("arguments", [["schema"], ["list", "methods", "--json"]])
def test_a_closed_pipe_is_quiet(arguments, tmp_path):
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "KDUI_HOME": str(tmp_path)},
    )
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait(120) == 1


# --- terminals ----------------------------------------------------------------------------------------------------------


def named_run(home: Path, name: str) -> str:
    bench = Workbench(Settings(home=home, quickstart=False))
    recipe = bench.recipe("quickstart")
    return bench.submit(Recipe.model_validate({**recipe.plain(), "name": name})).id


@pytest.mark.parametrize("name", ["[/2]", "[bold]no[/bold]", "[red", ":smile:", "Größe – 数字", "[link=http://x]x[/link]"])
def test_a_name_is_printed_as_it_is(command, tmp_path, name):
    run = named_run(tmp_path / "home", name)
    code, output, _ = command("list", "runs")
    assert code == 0 and name in output
    code, output, _ = command("show", run)
    assert code == 0 and output.startswith(name)


@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_a_terminal_without_utf8_gets_other_signs_and_json_keeps_its_letters(tmp_path, environment):
    run = named_run(tmp_path, "ü · 数")

    def call(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, str(ROOT / "app.py"), *arguments],
            capture_output=True,
            env={**os.environ, "KDUI_HOME": str(tmp_path), **environment},
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode("ascii")

    assert "? | ?" in call("show", run)
    assert json.loads(call("show", run, "--json"))["name"] == "ü · 数"


# --- addresses ----------------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_reported_before_anything_is_queued(tmp_path):
    bench = Workbench(Settings(home=tmp_path, quickstart=True))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(KduiError, match=rf"Port {port} on 127.0.0.1 cannot be used.*--port or KDUI_PORT"):
            serve(bench, None, port, threading.Event())
    assert bench.store.runs.counts() == {} and bench.dispatcher is None


# --- files to write -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["schema", "--out"],
        ["study", "digits-outputs", "--out"],
        ["deliver", "00000000", "--out"],
        ["encode", "m.onnx"],
        ["decode", "m.kdz"],
    ],
)
@pytest.mark.parametrize(
    ("place", "words"),
    [("missing/out.json", "There is no folder"), (".", "is a folder"), ("/proc/out.json", r"cannot be written|There is no")],
)
def test_a_file_that_cannot_be_written_is_reported_before_the_work(command, tmp_path, arguments, place, words):
    where = place if place.startswith("/") else str(tmp_path / place)
    code, output, message = command(*arguments, where)
    assert (code, output) == (2, "") and re.search(words, message), message


def test_looking_at_a_file_changes_nothing(tmp_path):
    (tmp_path / "there").write_text("kept")
    for name in ("there", "new"):
        assert require_writable(tmp_path / name) == tmp_path / name
    assert (tmp_path / "there").read_text() == "kept" and not (tmp_path / "new").exists()
    write(tmp_path / "there", "over")
    assert (tmp_path / "there").read_text() == "over" and [path.name for path in tmp_path.iterdir()] == ["there"]
