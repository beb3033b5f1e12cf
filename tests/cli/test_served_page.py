"""``python app.py`` on a machine with other users: whose names it answers to, and what it leaves where they look."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shared_temporary_folder(tmp_path):
    """Another user has already taken the name that Gradio wants there."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    (folder / "gradio").write_text("somebody else's", encoding="utf-8")
    return folder


def test_the_page_needs_no_shared_folder_and_leaves_none_after_a_kill(tmp_path, shared_temporary_folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path / "home"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GRADIO_", "KDUI_"))}
    environment |= {
        "KDUI_HOME": str(home),
        "KDUI_PORT": str(port),
        "KDUI_QUICKSTART": "0",
        "KDUI_ALLOWED_HOSTS": "bench.example",
        "TMPDIR": str(shared_temporary_folder),
    }
    with subprocess.Popen(
        [sys.executable, str(ROOT / "app.py")],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            output = server.stdout.readline()
            assert "kdui is ready" in output, output + server.stdout.read()
            assert [status(port, host) for host in (f"localhost:{port}", "bench.example", "evil.example")] == [200, 200, 403]
        finally:
            server.kill()
    # ONNX Runtime may leave ".ses", a file of its own telemetry, when the serving process had loaded it by then.
    assert {path.name for path in shared_temporary_folder.iterdir()} - {".ses"} == {"gradio"}
    assert home.stat().st_mode & 0o077 == 0


def status(port, host):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": host})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
