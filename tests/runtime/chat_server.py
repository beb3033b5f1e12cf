"""A server of the OpenAI-compatible protocol for tests: real HTTP on a free port of this machine, answers of a test's choice."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kdui.settings import Settings
from kdui.store.store import Store
from tests.engine.digits import Bench

Behaviour = Callable[["ChatHandler", dict[str, Any], int], None]
KEY = "sk-s3cret"


class ChatHandler(BaseHTTPRequestHandler):
    """Reads one request, remembers it, and leaves the answer to the test."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            number = len(self.server.seen)
            self.server.seen.append((self.path, dict(self.headers), body))
        self.server.behaviour(self, body, number)

    def send(self, data: bytes, status: int = 200, length: int | None = None, **headers: str) -> None:
        """Whatever bytes; ``length`` promises another number of them."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data) if length is None else length), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = length is not None

    def say(self, text: str, first: dict[str, float] | None = None) -> None:
        """A reply of the protocol."""
        choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        if first is not None:
            top = [{"token": token, "logprob": value} for token, value in first.items()]
            choice["logprobs"] = {"content": [{"token": text[:1], "logprob": 0.0, "top_logprobs": top}]}
        usage = {"prompt_tokens": 50, "completion_tokens": 2}
        self.send(json.dumps({"choices": [choice], "usage": usage}).encode())

    def log_message(self, *words: Any) -> None:
        """Quiet."""


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[ThreadingHTTPServer]:
    """The server until the block ends; ``seen`` holds each request's path, headers and body."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), ChatHandler)
    server.daemon_threads, server.block_on_close = True, False
    server.behaviour, server.seen, server.lock = behaviour, [], threading.Lock()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings_for(server: ThreadingHTTPServer, home: Path, **more: Any) -> Settings:
    """Settings that name it ``local``."""
    address = f"local=http://127.0.0.1:{server.server_port}/v1/"
    return Settings(home=home, api_servers=address, api_keys=f"local={KEY}", **{"api_timeout_s": 20, **more})


class RemoteBench(Bench):
    """A store whose settings name the server of a test."""

    def __init__(self, server: ThreadingHTTPServer, home: Path):
        self.settings = settings_for(server, home, launcher="inline", quickstart=False)
        self.store = Store(self.settings)
