"""Passwords, tokens and keys: neither in files, nor in what is printed, nor in the list of processes."""

import contextlib
import re

import pytest
import typer

import app as command_line
from kdui.cli.reference import commands_below
from kdui.core.errors import KduiError
from kdui.core.people import Role
from kdui.launch.launchers import local
from kdui.settings import VARIABLES, Settings
from kdui.unforeseen import in_words
from kdui.workbench.workbench import Workbench

SECRETS = {
    "KDUI_AUTH": "owner:S3CRET-page-password",
    "KDUI_API_KEYS": "known=S3CRET-api-key",
    "KDUI_WEBHOOK": "https://hooks.example/S3CRET-webhook",
    "HF_TOKEN": "hf_S3CRET-token",
    "KDUI_NEW_PASSWORD": "S3CRET-account-password",
}
ALLOWED = {"--no-password", "no_password"}  # a switch


def settings_from(home):
    given = {**SECRETS, "KDUI_HOME": str(home), "KDUI_API_SERVERS": "known=http://127.0.0.1:1/v1", "KDUI_QUICKSTART": "0"}
    return Settings.from_environment(given)


def test_settings_show_no_secret_and_a_database_s_password_in_no_message(tmp_path):
    settings = settings_from(tmp_path / "home")
    assert "S3CRET" not in repr(settings) + str(settings)
    remote = settings.model_copy(update={"database_url": "postgresql://kdui:S3CRET-db@127.0.0.1:1/kdui"})
    assert "S3CRET" not in repr(remote)
    with pytest.raises(KduiError) as refused:
        Workbench(remote).runs()
    assert "S3CRET" not in str(refused.value)
    assert "S3CRET" not in in_words(ValueError(repr(remote)), tmp_path, telling=False)


def test_what_is_stored_and_logged_holds_no_secret(tmp_path, monkeypatch):
    """A run that a person queues, and one that fails: the whole home is read through afterwards."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    bench = Workbench(settings_from(tmp_path / "home"))
    bench.store.accounts.add("ann", Role.RUNNER, SECRETS["KDUI_NEW_PASSWORD"])
    run = bench.submit(bench.recipe("quickstart"))
    bench.save_recipe(bench.recipe("quickstart"), "mine")
    with contextlib.suppress(KduiError):
        bench.plan(bench.recipe("quickstart").with_values({"teacher": "api:known?model=x"}))
    in_words(RuntimeError("unforeseen"), bench.settings.home)
    assert bench.recipe_yaml(run.recipe) and bench.run(run.id).yaml
    bench.store.runs.engine.dispose()
    files = [path for path in bench.settings.home.rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert [path for path in files if b"S3CRET" in path.read_bytes()] == []


def test_no_secret_stands_in_the_list_of_processes(monkeypatch, tmp_path):
    """The program and its workers are told secrets by their environment alone: no command has an argument for one."""
    commands = commands_below(typer.main.get_command(command_line.app))
    arguments = {option for command in commands.values() for each in command.params for option in (each.name, *each.opts)}
    assert (
        len(arguments) > 40 and not {each for each in arguments if re.search("password$|secret|token|key|auth", each)} - ALLOWED
    )
    bench, started = Workbench(settings_from(tmp_path / "home")), []

    class Noted(Exception):
        pass

    def note(command, **_):
        started.append(command)
        raise Noted

    monkeypatch.setattr(local.subprocess, "Popen", note)
    with pytest.raises(Noted):
        local.start(bench.submit(bench.recipe("quickstart")), bench.store)
    assert started and "S3CRET" not in repr(started)


def test_every_setting_that_is_a_secret_is_hidden():
    secret = [name for name in VARIABLES if re.search("auth|key|password|webhook|token|database_url", name)]
    assert len(secret) == 4
    for name in secret:
        field = Settings.model_fields[name]
        assert "Secret" in str(field.annotation) or field.repr is False, name
