"""A webhook is told once of what is news, over real HTTP, and nothing of its address is written anywhere."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kdui.core.errors import SettingsError
from kdui.core.run import RunState
from kdui.settings import Settings
from kdui.workbench import webhook
from kdui.workbench.webhook import webhook_of
from tests.ui.stocked import StockedWorkbench


@pytest.fixture
def receiver():
    """Takes what is posted; answers with the statuses that are left in ``statuses``, then with 200."""

    class Receiver(BaseHTTPRequestHandler):
        received, statuses = [], []

        def do_POST(self):
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = self.statuses.pop(0) if self.statuses else 200
            if status == 200:
                self.received.append(message)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, Receiver
    server.shutdown()
    server.server_close()


@pytest.fixture
def bench(tmp_path, receiver):
    address = f"http://127.0.0.1:{receiver[0]}/hook-5e3c"
    return StockedWorkbench(Settings(home=tmp_path / "home", quickstart=False, webhook=address))


def test_news_is_told_once_and_what_stood_before_is_none(bench, receiver, monkeypatch):
    monkeypatch.setattr(webhook, "WAITS", (0.0, 0.0))
    _, received = receiver
    bench.stock()
    waiting = bench.submit(bench.recipe("quickstart"))
    hook = webhook_of(bench)
    assert hook.look() == [] and received.received == []
    bench.store.runs.claim("cpu")
    assert hook.look() == []  # that it runs is no news
    bench.store.runs.transition(waiting.id, RunState.FAILED, error="The disk is full.")
    received.statuses[:] = [500, 302]  # tried again; a redirect is not followed
    hook.look()
    assert hook.look() == []
    (message,) = received.received
    assert message["run"] == waiting.id and message["state"] == "failed" and message["task"] == "digits"
    assert message["text"].endswith(": failed. The disk is full.")
    odd = bench.stock(headline=10.3)
    assert [alert.run for alert in hook.look()] == [odd.id] and len(received.received) == 2


def test_an_address_that_answers_nobody_is_given_up_and_written_nowhere(bench, receiver, monkeypatch, capfd):
    monkeypatch.setattr(webhook, "WAITS", (0.0, 0.0))
    hook = webhook_of(bench)
    hook.look()
    receiver[1].statuses[:] = [500] * 3
    bench.stock()
    assert len(hook.look()) == 1 and receiver[1].received == []
    log = "".join(capfd.readouterr())
    assert "was not told (OSError)" in log and "hook-5e3c" not in log
    assert not [path for path in bench.settings.home.rglob("*") if path.is_file() and b"hook-5e3c" in path.read_bytes()]
    assert "hook-5e3c" not in repr(bench.settings)


def test_what_is_no_address_is_refused_without_repeating_it():
    for wrong in ("ftp://example.org/hook-5e3c", "hook-5e3c", "https://"):
        with pytest.raises(SettingsError, match="KDUI_WEBHOOK") as raised:
            Settings.from_environment({"KDUI_WEBHOOK": wrong, "KDUI_HOME": "/tmp/none"})
        assert "hook-5e3c" not in str(raised.value)


def test_without_an_address_or_a_network_nobody_is_told(tmp_path):
    for settings in ({}, {"webhook": "https://example.org/", "offline": True}):
        assert webhook_of(StockedWorkbench(Settings(home=tmp_path / "home", quickstart=False, **settings))) is None
