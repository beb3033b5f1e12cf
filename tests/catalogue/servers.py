"""A package index and a model hub on this machine, so that fetching is tested over real HTTP."""

import hashlib
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kdui.core.source import Resource, Wheel

Answer = tuple[str, bytes, dict[str, str]]
COMMIT = "a" * 40
MEMBERS = {"words.txt": "tiny_data/files/words.txt", "numbers.txt": "tiny_data/files/numbers.txt"}


@contextmanager
def served(answer: Callable[[str], Answer | None]) -> Iterator[tuple[str, list]]:
    """Serve ``answer(path) -> (content type, body, headers)`` (None: 404); yields the address and the requests so far."""
    seen: list = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.command, self.path, dict(self.headers)))
            result = answer(self.path)
            kind, body, headers = result or ("text/plain", b"no", {})
            self.send_response(200 if result else 404)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format, *args):
            """Quiet: the requests are in the list."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def poured(headers: dict[str, str], parts: Iterator[bytes], pause: float = 0.0) -> Iterator[str]:
    """Serve a body that never ends: parts as fast as they are taken, or one every ``pause`` seconds; yields the address."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                for part in parts:
                    self.wfile.write(part)
                    self.wfile.flush()
                    if over.wait(pause):
                        return

        def log_message(self, format, *args):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def make_wheel(folder: Path) -> Path:
    """A true wheel of a few hundred bytes, which pip accepts too."""
    path = folder / "tiny_data-1.0-py3-none-any.whl"
    info = "tiny_data-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("tiny_data/files/words.txt", "one\ntwo\n" * 500)
        wheel.writestr("tiny_data/files/numbers.txt", "1\n2\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def wheel_resource(wheel: Path) -> Resource:
    """The resource whose only source is that wheel."""
    data = wheel.read_bytes()
    source = Wheel(package="tiny.data", version="1.0", sha256=hashlib.sha256(data).hexdigest(), size=len(data), members=MEMBERS)
    return Resource(name="tiny", title="Tiny data", licence="none", files=tuple(MEMBERS), sources=(source,))


def json_index(body: bytes) -> Callable[[str], Answer | None]:
    """A PEP 691 index that lists an older wheel, a source archive and the wheel with these bytes."""
    names = ("tiny_data-0.9-py3-none-any.whl", "tiny_data-1.0.tar.gz", "tiny_data-1.0-py3-none-any.whl")
    page = {
        "meta": {"api-version": "1.0"},
        "name": "tiny-data",
        "files": [{"filename": name, "url": f"../../files/{name}", "hashes": {}} for name in names],
    }

    def answer(path: str) -> Answer | None:
        if path == "/simple/tiny-data/":
            return "application/vnd.pypi.simple.v1+json", json.dumps(page).encode(), {}
        return ("application/octet-stream", body, {}) if path == f"/files/{names[2]}" else None

    return answer


def html_index(body: bytes) -> Callable[[str], Answer | None]:
    """The same as a PEP 503 page, with a checksum in the link."""

    def answer(path: str) -> Answer | None:
        if path == "/simple/tiny-data/":
            link = f"/files/tiny_data-1.0-py3-none-any.whl#sha256={hashlib.sha256(body).hexdigest()}"
            return "text/html; charset=utf-8", f'<!doctype html><a href="{link}">tiny_data-1.0-py3-none-any.whl</a>'.encode(), {}
        return ("application/octet-stream", body, {}) if path.startswith("/files/tiny_data-1.0-") else None

    return answer


def hub(
    files: dict[str, bytes], repo: str = "someone/tiny-model", commit: str = COMMIT, of: str = "models"
) -> Callable[[str], Answer | None]:
    """A hub with one repository, ``of`` models or datasets, whose branch stands at the commit, as far as a snapshot needs it."""
    tags = {name: hashlib.sha1(data).hexdigest() for name, data in files.items()}
    listed = [{"type": "file", "path": name, "size": len(data), "oid": tags[name]} for name, data in files.items()]

    def answer(path: str) -> Answer | None:
        path = path.partition("?")[0]
        if path in (f"/api/{of}/{repo}/revision/main", f"/api/{of}/{repo}/revision/{commit}"):
            result = {"id": repo, "sha": commit, "siblings": [{"rfilename": name} for name in files]}
            return "application/json", json.dumps(result).encode(), {}
        if path == f"/api/{of}/{repo}/tree/{commit}":
            return "application/json", json.dumps(listed).encode(), {}
        name = path.removeprefix("/datasets" if of == "datasets" else "").removeprefix(f"/{repo}/resolve/{commit}/")
        if name in files:
            return "application/octet-stream", files[name], {"ETag": f'"{tags[name]}"', "X-Repo-Commit": commit}
        return None

    return answer


@contextmanager
def hub_at(monkeypatch, cache: Path, answer: Callable[[str], Answer | None]) -> Iterator[list]:
    """Let the Hugging Face library ask that hub and keep what it fetches in ``cache``; yields the requests so far."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with served(answer) as (address, seen):
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield seen
