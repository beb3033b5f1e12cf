"""Downloads of a run's models: the links on the page, the file behind them, and who may have it."""

import os
import subprocess
import sys
import tempfile
from types import SimpleNamespace
from urllib.parse import quote

from fastapi import FastAPI
from starlette.testclient import TestClient

from kdui.core.errors import UnknownName
from kdui.core.page_rows import Package
from kdui.ui.downloads import download_route, downloads_html, remove_left_over


class Deliverer:
    """Writes what it was requested."""

    def deliver(self, run, model, out):
        if model not in ("prune", "encode", "slashed/name"):
            raise UnknownName("model of this run", model, ["prune", "encode"])
        out.write_bytes(f"{run} {model} {out.suffix}".encode())
        return SimpleNamespace(path=out, beside=(out,) if run == "large" else ())


def client():
    return TestClient(FastAPI(routes=[download_route(Deliverer())]))


def test_a_file_is_written_when_it_is_asked_for():
    answer = client().get("/kdui-models/abcd/encode.kdz")
    assert (answer.status_code, answer.content) == (200, b"abcd encode .kdz")
    assert 'filename="abcd-encode.kdz"' in answer.headers["content-disposition"]


def test_what_a_killed_server_left_is_removed_and_what_a_living_one_writes_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    left, written, other = (tmp_path / f"kdui-download-{name}" for name in (f"{gone.pid}-x1", f"{os.getpid()}-x2", "notes"))
    for folder in (left, written, other):
        folder.mkdir()
        (folder / "model.onnx").write_bytes(b"onnx")
    remove_left_over()
    assert not left.exists() and (written / "model.onnx").exists() and other.exists()
    seen = []
    deliver = Deliverer.deliver
    monkeypatch.setattr(Deliverer, "deliver", lambda *given: seen.append(given[-1].parent.name) or deliver(*given))
    client().get("/kdui-models/abcd/encode.kdz")
    assert seen[0].startswith(f"kdui-download-{os.getpid()}-") and not (tmp_path / seen[0]).exists()


def test_a_stage_may_have_any_name():
    for model in ("a/b", "a.b/c.d", "../x"):
        answer = client().get(f"/kdui-models/abcd/{quote(model, safe='')}.onnx")
        assert answer.status_code == 409 and model in answer.text  # requested under its whole name
    assert client().get("/kdui-models/abcd/slashed%2Fname.kdz").content == b"abcd slashed/name .kdz"


def test_what_does_not_exist_is_reported():
    assert client().get("/kdui-models/abcd/encode.exe").status_code == 404
    answer = client().get("/kdui-models/abcd/prun.onnx")
    assert answer.status_code == 409 and "Did you mean 'prune'" in answer.text
    assert "app.py deliver large prune" in client().get("/kdui-models/large/prune.onnx").text


def test_links_name_every_measured_model_and_packed_forms():
    run = SimpleNamespace(id="abcd", steps=[SimpleNamespace(name="encode", method="encode")])
    results = [SimpleNamespace(step=f"measure.{name}", label=f"<{name}>") for name in ("prune", "encode")]
    html = downloads_html(run, results)
    assert html.count("<a ") == 3 and "&lt;encode&gt; · packed" in html
    for address in ("abcd/prune.onnx", "abcd/encode.onnx", "abcd/encode.kdz"):
        assert f'href="kdui-models/{address}"' in html
    package = Package(step="to gguf", label="Small · GGUF", digest="d", file="package.gguf", words="2.5 <bits>")
    html = downloads_html(run, [], [package])
    assert 'href="kdui-models/abcd/to%20gguf.gguf"' in html and "Small · GGUF: 2.5 &lt;bits&gt;" in html
    assert downloads_html(run, []) == ""
