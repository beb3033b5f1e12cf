"""What the tests of commands share: a command in this process, where a process of its own is not the point."""

import sys

import pytest

import app
from kdui.settings import VARIABLES


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """A command in this process: (exit code, standard output, standard error)."""
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KDUI_HOME", str(tmp_path / "home"))

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
        with pytest.raises(SystemExit) as ended:
            app.main()
        output = capsys.readouterr()
        assert "Traceback" not in output.out + output.err
        return ended.value.code or 0, output.out, output.err

    return call
