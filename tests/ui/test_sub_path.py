"""The page below a path of a reverse proxy: a small real one takes the path off, as nginx and Caddy are told to."""

import http.client
import re
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import ValidationError

from kdui import Workbench as Client
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench
from tests.ui.served import launched

PREFIX = "/lab/kdui"
DROPPED = {"transfer-encoding", "connection", "content-length"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False, root_path=PREFIX))
    with launched(bench) as page:
        yield page
    bench.close()


@pytest.fixture(scope="module")
def address(page):
    """Where the proxy serves it."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self):
            if not self.path.startswith(PREFIX + "/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            there = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=60)
            there.request(self.command, self.path.removeprefix(PREFIX), body, dict(self.headers))
            answer = there.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in DROPPED:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while piece := answer.read1():
                self.wfile.write(piece)
            there.close()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}/"
    server.shutdown()
    server.server_close()


def fetch(url):
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60) as answer:
        return answer.read().decode()


def test_every_file_that_the_page_names_lies_below_the_path(address):
    shown = fetch(address).replace('\\"', '"')  # the head stands in the page's configuration as well
    named = set(re.findall(r'(?:src|href)="([^"#]+\.(?:js|css|svg|ico)[^"]*)"', shown)) | {
        part + "shell.js" for part in re.findall(r'"(kdui-assets/modules/[^/"]+/)"', shown)
    }
    ours = {name for name in named if "kdui-assets" in name}
    assert len(ours) > 10 and [name for name in named if name.startswith("/") and not name.startswith(PREFIX)] == []
    assert 'rel="manifest"' not in shown  # Gradio's page names one at the root of the host
    base = address.rpartition(PREFIX)[0]
    for name in sorted(named)[:6] + sorted(ours)[:3]:
        assert fetch(base + name if name.startswith("/") else address + name.removeprefix("./"))


def test_configuration_and_calls_go_below_the_path(address):
    assert f'"root":"{address.rstrip("/")}"' in fetch(address + "config").replace(" ", "")
    assert fetch(address + "healthz") == "ok\n"
    with Client(address) as client:
        assert "digits" in [task.name for task in client.tasks()]


def test_only_a_plain_path_is_taken():
    assert Settings.from_environment({"KDUI_HOME": "/tmp", "KDUI_ROOT_PATH": "/kdui/"}).root_path == "/kdui"
    for wrong in ("kdui", "//evil.example", "/a b", "https://evil.example/x", "/../x?y"):
        with pytest.raises(ValidationError):
            Settings(home="/tmp", root_path=wrong)
