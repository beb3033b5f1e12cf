"""The main job from the first start to the last answer: watch the quickstart, build, queue, watch, explore, compare."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests
from playwright.sync_api import Page, expect

from kdui.bench.browser import WITHOUT_WEBGL, open_browser

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_MS = 90_000
RUN_MS = 500_000  # for a whole quickstart on a busy machine; `make bench` tells how long it takes on a quiet one

pytestmark = pytest.mark.timeout(1200)


class Server:
    """``python app.py`` on a free port and a home of its own."""

    def __init__(self, home: Path):
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "KDUI_HOME": str(self.home), "KDUI_PORT": str(self.port)}
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py")], cwd=self.home, env=environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while True:
            try:
                assert requests.get(self.url, timeout=60).status_code == 200
                return
            except requests.ConnectionError:
                assert self.process.poll() is None and time.monotonic() < deadline, (self.home / "server.log").read_text()
                time.sleep(0.1)

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def workers(self) -> list[psutil.Process]:
        collected = []
        for process in psutil.process_iter(["cmdline"]):
            line = process.info["cmdline"] or []
            if "kdui.worker" in line:
                try:
                    mine = process.environ().get("KDUI_HOME") == str(self.home)
                except (psutil.NoSuchProcess, psutil.ZombieProcess):
                    continue
                if mine:
                    collected.append(process)
        return collected

    def first_worker(self) -> psutil.Process:
        """That of the run which the server queues by itself, as soon as it is there."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not (found := self.workers()):
            assert time.monotonic() < deadline, (self.home / "server.log").read_text()
            time.sleep(0.1)
        return found[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("home"))
    yield server
    server.process.send_signal(signal.SIGINT)
    server.process.wait(timeout=PATIENCE_MS / 1000)
    for worker in server.workers():
        worker.kill()


@pytest.fixture(scope="module")
def chromium():
    with open_browser(*WITHOUT_WEBGL) as browser:
        yield browser


def open_page(chromium, scheme: str = "light") -> Page:
    page = chromium.new_page(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.problems = []
    page.on("pageerror", lambda problem: page.problems.append(str(problem)))
    page.on(
        "request",
        lambda request: (
            page.problems.append(f"outside: {request.url}")
            if not request.url.startswith(("http://127.0.0.1", "data:", "blob:"))
            else None
        ),
    )
    return page


@pytest.fixture
def page(chromium):
    page = open_page(chromium)
    yield page
    page.close()
    assert page.problems == []


def wait_for_success(page: Page) -> None:
    """The chosen run's badge says that it succeeded."""
    expect(page.locator("#run-head .badge")).to_have_text(re.compile("succeeded"), timeout=RUN_MS)


def test_the_quickstart_queues_itself_and_survives_the_death_of_server_and_worker(server, chromium):
    worker = server.first_worker()
    worker.suspend()  # a run of a minute would be over before a busy machine shows the page
    page = open_page(chromium)
    page.goto(server.url + "?tab=runs")
    page.locator("#runs-table").get_by_role("link", name="Quickstart: few labels on digits").first.click()
    expect(page.locator("#run-actions")).to_contain_text("Cancel")
    worker.resume()
    page.wait_for_function("document.querySelector('#run-loss')?.data?.length >= 1", timeout=RUN_MS)
    server.kill()
    assert worker.is_running()
    worker.kill()
    server.start()
    # A page that finds its server gone loads itself anew when one is back; a second browser must see the same.
    address = page.url
    page.close()
    page = open_page(chromium)
    page.goto(address)
    wait_for_success(page)
    assert "interrupted" in (next((server.home / "runs").iterdir()) / "events.jsonl").read_text()
    expect(page.locator("#run-results")).to_contain_text("Control")
    expect(page.locator("#run-strip")).to_contain_text("6-bit")
    expect(page.locator("#run-results")).to_contain_text("Gain from distillation")
    page.close()
    assert page.problems == []


def test_a_person_builds_queues_and_watches_and_only_the_turned_knob_costs(server, page):
    page.goto(server.url + "?tab=build&from=few-labels")
    expect(page.locator("#queue-run")).to_be_enabled()
    page.locator("#open-quantize").click()
    page.wait_for_function("document.querySelectorAll('#build-step .js-plotly-plot').length >= 1")
    page.get_by_label("Bit-width").fill("4")
    page.get_by_label("Bit-width").press("Tab")
    expect(page.locator("#build-command")).to_have_text(re.compile(r"quantize\.bits=4"))
    expect(page.locator("#build-cost")).to_contain_text("No 4-bit kernel")
    page.locator("#queue-run").click()
    page.locator("#build-status a").first.click()
    wait_for_success(page)
    expect(page.locator("#run-results")).to_contain_text("4-bit")
    run_id = re.search("run=([0-9a-f]+)", page.url).group(1)
    trained = [line for line in (server.home / "runs" / run_id / "events.jsonl").read_text().splitlines() if '"loss"' in line]
    assert trained == []


def test_bad_input_is_answered_in_words_and_nothing_is_queued(server, page):
    page.goto(server.url + "?tab=build")
    expect(page.locator("#queue-run")).to_be_enabled()
    page.locator("#build-yaml-fold").get_by_text("YAML").first.click()
    page.locator("#build-yaml").fill("task: [digits\nstages")
    page.locator("#load-yaml").click()
    expect(page.get_by_text("not valid YAML").first).to_be_visible()


def test_explore_names_the_best_model_within_a_budget_and_keeps_its_view_in_the_dark(server, chromium):
    page = open_page(chromium, "dark")
    page.goto(server.url + "?tab=explore")
    page.wait_for_function("document.querySelector('#explore-chart')?.data?.length >= 4")
    expect(page.locator("#explore-title")).to_contain_text("%")
    expect(page.locator("#explore-table")).to_contain_text("4-bit")
    best = page.locator("#explore-winner").inner_text()
    page.locator("#limit-download_mb").focus()
    for _ in range(8):
        page.keyboard.press("PageDown")
    expect(page.locator("#explore-winner")).not_to_have_text(best)
    dark = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number).every(v => v < 80)"
    )
    assert dark
    page.reload()
    page.wait_for_function("document.querySelector('#explore-chart')?.data?.length >= 4")
    expect(page.locator("#out-download_mb")).not_to_have_text("no limit")
    page.close()
    assert page.problems == []


def test_models_answer_side_by_side_to_a_test_example_and_to_a_drawing(server, page):
    page.goto(server.url + "?tab=compare")
    page.wait_for_function(
        "() => { const place = document.querySelector('#compare-examples');"
        " return place?.children.length && !place.querySelector('.lead'); }"
    )
    examples = page.locator("#compare-examples button, #compare-examples canvas, #compare-examples img")
    assert examples.count(), page.locator("body").inner_text()
    examples.first.click()
    expect(page.locator("#compare-cards .prob").first).to_be_visible()
    expect(page.locator("#compare-cards")).to_contain_text(re.compile(r"[\d.]+\s*(µs|ms)"))
    expect(page.locator("#compare-agreement")).to_contain_text(re.compile("agree|say", re.IGNORECASE))
    pad = page.locator("#compare-pad").bounding_box()
    page.locator("#compare-clear").click()
    page.mouse.move(pad["x"] + pad["width"] * 0.5, pad["y"] + pad["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(pad["x"] + pad["width"] * 0.5, pad["y"] + pad["height"] * 0.8, steps=12)
    page.mouse.up()
    expect(page.locator("#compare-cards .prob").first).to_contain_text("1")
    expect(page.locator("#compare-parted")).to_contain_text(re.compile(r"\d+ of 359"))
