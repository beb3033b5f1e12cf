"""What ``pipx install .`` installs: the command, the assets inside the package, every file beside the modules."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("kdui", "assets", "app.py", "setup.py", "pyproject.toml", "requirements.txt", "README.md", "LICENSE")
BUILD = "from setuptools import build_meta; print(build_meta.build_wheel(__import__('sys').argv[1]))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built without a network, as pip does it, in a folder that leads to the sources."""
    place, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        (place / name).symlink_to(ROOT / name)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(out)], cwd=place, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(out.glob("kdui-*.whl"))


def test_it_holds_every_file_of_the_package_and_the_assets(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        named = [name for name in held if ".dist-info" not in name and b"python app.py" in archive.read(name)]
        metadata = archive.read(next(name for name in held if name.endswith("METADATA"))).decode()
        commands = archive.read(next(name for name in held if name.endswith("entry_points.txt"))).decode()
    wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / "kdui").rglob("*") if path.is_file()}
    wanted |= {f"kdui/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "assets").rglob("*") if path.is_file()}
    left_out = {name for name in wanted - held if "__pycache__" not in name}
    assert named == []  # whoever installed it calls kdui
    assert left_out == set() and "kdui/command_line.py" in held
    assert {name.partition("/")[0] for name in held if ".dist-info" not in name} == {"kdui"}
    assert "kdui = kdui.command_line:main" in commands
    pinned = [line.split("  #")[0].strip() for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()]
    assert [name for name in pinned if name and not name.startswith("#") and f"Requires-Dist: {name}" not in metadata] == []


def test_the_command_runs_from_a_folder_of_its_own(wheel, tmp_path):
    place = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    program = (
        "import sys; from kdui.command_line import main; from kdui.core.places import ASSETS; "
        "print(ASSETS); sys.argv = ['kdui', '--help']; main()"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KDUI_")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(place), "KDUI_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first == str(place / "kdui" / "assets") and "Usage: kdui" in "\n".join(rest)
