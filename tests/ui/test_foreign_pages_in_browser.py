"""What a page of another site can do with a kdui that runs on its visitor's machine: open it by a link, and nothing else."""

import http.server
import json
import threading

import pytest
from playwright.sync_api import Error, Frame

from kdui.bench.browser import WITHOUT_WEBGL, open_browser
from kdui.core.run import RunState
from kdui.settings import Settings
from kdui.workbench.workbench import Workbench
from tests.ui.served import launched

# Each leads to this machine; the last one as a name does whose owner points it here (DNS rebinding).
NAMES = ("127.0.0.1", "localhost", "x.localhost", "localhost.", "[::1]", "evil.example")
ATTACK = """
async ({host, form, call}) => {
  const base = `http://${host}`, told = {};
  const within = (promise) => Promise.race([promise, new Promise((_, no) => setTimeout(() => no("silent"), 5000))]);
  const text = async (answer) => (answer.type === "opaque" ? "" : await answer.text());
  const tries = {
    page: () => fetch(base + "/").then(text),
    config: () => fetch(base + "/config", {credentials: "include"}).then(text),
    json: () => fetch(base + call.path, {method: "POST", headers: {"Content-Type": "application/json"},
      body: call.body}).then(text),
    plain: () => fetch(base + call.path, {method: "POST", mode: "no-cors", credentials: "include",
      headers: {"Content-Type": "text/plain"}, body: call.body}).then(text),
    beacon: async () => { navigator.sendBeacon(base + call.path, call.body); return ""; },
    upload: () => { const files = new FormData(); files.append("files", new Blob(["x"]), "x.txt");
      return fetch(base + "/gradio_api/upload", {method: "POST", mode: "no-cors", body: files}).then(text); },
    events: () => new Promise((yes, no) => { const source = new EventSource(base + "/gradio_api/queue/data?session_hash=x");
      source.onmessage = (event) => yes(event.data); source.onopen = () => yes("open"); source.onerror = () => no("closed"); }),
    socket: () => new Promise((yes, no) => { const socket = new WebSocket(`ws://${host}/gradio_api/queue/join`);
      socket.onopen = () => yes("open"); socket.onerror = () => no("closed"); }),
    script: () => new Promise((yes, no) => { const script = document.createElement("script");
      script.onload = () => yes("loaded"); script.onerror = () => no("refused"); script.src = base + "/kdui-assets/plotly.min.js";
      document.head.append(script); }),
    picture: () => new Promise((yes, no) => { const picture = new Image(); picture.onload = () => yes("loaded");
      picture.onerror = () => no("refused"); picture.src = base + "/favicon.ico"; }),
    frame: () => new Promise((yes) => { const frame = document.createElement("iframe");
      frame.onload = () => yes(""); frame.name = "framed"; frame.src = base + "/"; document.body.append(frame); }),
    form: () => new Promise((yes) => { const frame = document.createElement("iframe");
      frame.name = "posted"; frame.onload = () => yes(""); document.body.append(frame);
      const sent = document.createElement("form"), field = document.createElement("input");
      Object.assign(sent, {action: base + call.path, method: "POST", enctype: "text/plain", target: "posted"});
      [field.name, field.value] = form; sent.append(field); document.body.append(sent); sent.submit(); }),
  };
  for (const [name, attempt] of Object.entries(tries)) {
    try { told[name] = await within(attempt()); } catch (error) { told[name] = ""; }
  }
  return told;
}
"""


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """The other site: an empty page."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><body></body>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def elsewhere():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture(scope="module")
def chromium():
    with open_browser(*WITHOUT_WEBGL, "--host-resolver-rules=MAP *.example 127.0.0.1") as browser:
        yield browser


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def demo(bench):
    with launched(bench) as demo:
        yield demo


def cancelling(demo, run):
    """The call that cancels a run, as the page's own script sends it; and the same as a form's one field and its value."""
    panel = next(
        number for number, block in demo.blocks.items() if "run_act" in [f.__name__ for f in getattr(block, "server_fns", ())]
    )
    body = json.dumps(
        {"component_id": panel, "fn_name": "run_act", "session_hash": "x", "data": {"run": run.id, "act": "cancel", "pad": "="}}
    )
    head, _, tail = body.partition("=")
    return {"path": "/gradio_api/component_server", "body": body}, [head, tail]


@pytest.mark.parametrize("site", ["elsewhere.localhost", "localhost", "evil.example"])
def test_a_page_of_another_site_reads_and_starts_nothing(chromium, demo, bench, elsewhere, site):
    run = bench.submit(bench.recipe("quickstart"))
    call, form = cancelling(demo, run)
    page = chromium.new_page()
    answered: list[tuple[int, str]] = []
    page.on("response", lambda answer: answered.append((answer.status, answer.url)))
    page.goto(f"http://{site}:{elsewhere}/")
    for name in NAMES:
        message = page.evaluate(ATTACK, {"host": f"{name}:{demo.server_port}", "form": form, "call": call})
        assert {key: text for key, text in message.items() if text} == {}, name
        assert all("kdui" not in text_of(frame) for frame in page.frames[1:]), name
    of_kdui = [(status, url) for status, url in answered if f":{demo.server_port}" in url]
    assert {status for status, _ in of_kdui} == {403}
    assert {url.split("/")[2].rpartition(":")[0] for _, url in of_kdui} == set(NAMES) - {"[::1]"}  # nothing listens there
    assert bench.run(run.id).run.state is RunState.QUEUED
    # The very same call from kdui's own page does it.
    page.goto(f"http://127.0.0.1:{demo.server_port}/kdui-assets/modules/-/shell.js")
    message = page.evaluate(ATTACK, {"host": f"127.0.0.1:{demo.server_port}", "form": form, "call": call})
    assert json.loads(message["json"]) == {"done": "cancel"} and bench.run(run.id).run.state is RunState.CANCELLED
    page.close()


def text_of(frame: Frame) -> str:
    """What a frame shows that kdui's answer, if any, was put into; the error page of a refused one may not be looked into."""
    while True:
        try:
            return frame.evaluate("document.documentElement.outerHTML")
        except Error as error:
            if "navigation" not in str(error):  # else the answer to a form came in while the frame was read
                return ""
        frame.wait_for_load_state()


def test_under_a_name_that_is_pointed_here_its_own_page_is_refused(chromium, demo):
    page = chromium.new_page()
    for name in ("evil.example", "x.localhost", "localhost."):
        answer = page.goto(f"http://{name}:{demo.server_port}/")
        assert answer.status == 403 and "is not served under that name" in page.inner_text("body")
    page.close()


def test_a_link_from_another_site_opens_the_page(chromium, demo, elsewhere):
    page = chromium.new_page()
    page.goto(f"http://elsewhere.localhost:{elsewhere}/")
    page.evaluate("(to) => { location.href = to; }", f"http://127.0.0.1:{demo.server_port}/?tab=runs")
    page.wait_for_selector("#kdui-tabs", timeout=60_000)
    page.reload()
    page.wait_for_selector("#kdui-tabs", timeout=60_000)
    page.close()
