"""``python app.py`` as a process of its own, in a given home, for as long as a ``with`` block."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kdui.core.errors import KduiError
from kdui.launch.environment import environment_of
from kdui.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
LONGEST_START = 120.0
LOOK_EVERY = 0.01  # s between two looks at the port: the resolution of the first number


@dataclass(frozen=True)
class Server:
    """A server that was started at ``started`` (``time.perf_counter``) and responded ``answered`` seconds later."""

    url: str
    started: float
    answered: float
    pid: int


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """Start the server and wait until its page responds; raises KduiError with its output when it ends or never does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, **environment_of(settings.model_copy(update={"port": port, "host": "127.0.0.1"}))}
    output = settings.home / "server.log"
    url = f"http://127.0.0.1:{port}"
    with output.open("wb") as stream:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py")],
            cwd=settings.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        while not _answers(url):
            if process.poll() is not None or time.perf_counter() - started > LONGEST_START:
                raise KduiError(
                    f"The server did not come up: {output.read_text(encoding='utf-8', errors='replace')[-2000:] or 'no message'}"
                )
            time.sleep(LOOK_EVERY)
        yield Server(url, started, time.perf_counter() - started, process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False
