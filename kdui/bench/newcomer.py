"""How long somebody who sees kdui for the first time needs until the first lesson, an own run and a report are done.

The waiting is measured in a browser. What a person adds is estimated from two sources. Silent reading of English: 238 words
a minute (Brysbaert, "How many words do we read per minute?", 2019, the mean of 190 studies). An action with the mouse: 1.35
s to decide, 1.1 s to point, 0.2 s to click; a key: 0.28 s (Card, Moran and Newell, "The keystroke-level model", 1980, table
1).
"""

import time
from typing import Any

from kdui.bench.browser import WITHOUT_WEBGL, open_browser
from kdui.bench.findings import Finding
from kdui.bench.laboratory import temporary_home
from kdui.bench.server import serving
from kdui.settings import Settings

WORDS_A_MINUTE = 238.0
DECIDE_S, POINT_S, CLICK_S, STROKE_S = 1.35, 1.1, 0.2, 0.28
LESSON_MINUTES, RUN_MINUTES, REPORT_MINUTES = 3.0, 5.0, 8.0
PATIENCE_MS = 600_000.0
CONTROL = "#lesson-figure input[type=range]"
# Words of an element that lie within the window, as somebody reads who does not scroll.
SEEN = """(root) => {
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), words = [];
    while (walk.nextNode()) {
        const range = document.createRange();
        range.selectNodeContents(walk.currentNode);
        const { top, bottom, width } = range.getBoundingClientRect();
        const holder = walk.currentNode.parentElement, box = holder.getBoundingClientRect();
        const shown = holder.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box.width > 1;
        if (shown && width && bottom > 0 && top < innerHeight) words.push(...walk.currentNode.data.split(/\\s+/).filter(Boolean));
    }
    return words.length;
}"""


class Newcomer:
    """Somebody at a page: measured seconds of waiting, estimated ones of reading and acting."""

    def __init__(self, page: Any):
        self.page = page
        self.waited = self.read_s = self.acted = 0.0
        self.words = self.actions = 0

    @property
    def minutes(self) -> float:
        """Since the page was asked for."""
        return (self.waited + self.read_s + self.acted) / 60

    def wait(self, selector: str) -> None:
        """Until ``selector`` can be seen."""
        began = time.perf_counter()
        self.page.locator(selector).first.wait_for(state="visible", timeout=PATIENCE_MS)
        self.waited += time.perf_counter() - began

    def open(self, url: str, shown: str) -> None:
        """Comes to ``url`` and waits for ``shown``."""
        began = time.perf_counter()
        self.page.goto(url, wait_until="commit")
        self.waited += time.perf_counter() - began
        self.wait(shown)

    def click(self, selector: str, shown: str) -> None:
        """Decides, points and clicks; then waits for ``shown``."""
        self.act()
        began = time.perf_counter()
        self.page.locator(selector).first.click()
        self.waited += time.perf_counter() - began
        self.wait(shown)

    def press(self, selector: str, key: str, times: int) -> None:
        """Moves a control by the keyboard."""
        self.act(DECIDE_S + POINT_S + CLICK_S + times * STROKE_S)
        for _ in range(times):
            self.page.locator(selector).first.press(key)

    def read(self, selector: str, scrolls: bool = False) -> None:
        """Reads what stands in the element; only what the window shows of it, unless one ``scrolls``."""
        element = self.page.locator(selector).first
        words = len(element.inner_text().split()) if scrolls else int(element.evaluate(SEEN))
        self.words += words
        self.read_s += words / WORDS_A_MINUTE * 60

    def act(self, seconds: float = DECIDE_S + POINT_S + CLICK_S) -> None:
        """An action whose seconds are estimated."""
        self.actions += 1
        self.acted += seconds

    def finding(self, title: str, aim: float) -> Finding:
        """What it has taken so far."""
        spread = f"{self.waited:.0f} s of waiting measured, {(self.read_s + self.acted):.0f} s of a person estimated"
        lines = (f"{self.words} words at {WORDS_A_MINUTE:.0f} a minute, {self.actions} actions of the keystroke-level model",)
        return Finding(title, self.minutes, "min", spread, "≤", aim, lines)


def newcomers_path(settings: Settings, own_report: bool = True) -> list[Finding]:
    """From the first page over the first lesson and an own recipe to a report in a file; of the own run, or of recorded ones."""
    with open_browser(*WITHOUT_WEBGL) as browser, temporary_home(settings) as home, serving(home) as server:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        somebody = Newcomer(page)
        found = [_lesson(somebody, server.url), _recipe(somebody), _report(somebody, own_report)]
        page.close()
    return found


def _lesson(somebody: Newcomer, url: str) -> Finding:
    somebody.open(url, "#home-goal .act")
    somebody.read("#home-panel")
    somebody.click(".door.learn", "#lesson-figure svg")
    somebody.read(".lesson-head")
    for part in (".lesson-text.opening", "#lesson-question .ask", "#lesson-question .choices"):
        somebody.read(part, scrolls=True)
    somebody.press(CONTROL, "ArrowRight", 10)
    somebody.click("#lesson-question .choice:nth-of-type(2)", "#lesson-verdict")
    somebody.read("#lesson-answer", scrolls=True)
    return somebody.finding("A newcomer: the first lesson is done", LESSON_MINUTES)


def _recipe(somebody: Newcomer) -> Finding:
    somebody.act(DECIDE_S + POINT_S + CLICK_S + STROKE_S)
    somebody.page.locator("#lesson-task").select_option("digits")
    somebody.click("#lesson-try", "#queue-run:not([disabled])")
    somebody.read("#build-panel")
    somebody.click("#queue-run", "#build-status a")
    return somebody.finding("A newcomer: an own recipe is queued", RUN_MINUTES)


def _report(somebody: Newcomer, own: bool) -> Finding:
    if own:
        somebody.click("#build-status a", "#run-results table")
        somebody.read("#runs-panel")
        somebody.click("[data-pin=results]", "#pin-told a")
    else:
        somebody.open(f"{somebody.page.url.split('?')[0]}?tab=explore&runs=recorded", "#explore-chart .main-svg")
        somebody.click("[data-pin=pareto]", "#pin-told a")
    somebody.click("#pin-told a", "#slide-view .slide")
    somebody.read("#slide-view")
    somebody.act()
    began = time.perf_counter()
    with somebody.page.expect_download(timeout=PATIENCE_MS):
        somebody.page.locator("#present-file").click()
    somebody.waited += time.perf_counter() - began
    return somebody.finding("A newcomer: the report is in a file", REPORT_MINUTES)
