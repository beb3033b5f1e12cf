"""How long a person waits from starting the server until the page can be used."""

import time

from kdui.bench.browser import open_browser
from kdui.bench.findings import Finding, Spread
from kdui.bench.laboratory import temporary_home
from kdui.bench.server import serving
from kdui.settings import Settings

READY = "#queue-run:not([disabled])"


def time_to_interactive(settings: Settings, repeats: int = 5) -> list[Finding]:
    """From the start of ``python app.py`` with an empty home until Build's Queue button can be pressed in a browser."""
    answered, ready = [], []
    with open_browser() as browser:
        for _ in range(repeats):
            with temporary_home(settings) as home, serving(home) as server:
                page = browser.new_page()
                page.goto(f"{server.url}?tab=build", wait_until="commit")
                page.locator(READY).wait_for(state="visible", timeout=60_000)
                ready.append(time.perf_counter() - server.started)
                answered.append(server.answered)
                page.close()
    usable, answers = Spread(tuple(ready), "s"), Spread(tuple(answered), "s")
    lines = (
        f"the page answers over HTTP after {answers}",
        "from the start of the process, with an empty home and without quickstart;",
        "the browser already runs, and files that an earlier start read may be in the system's cache",
    )
    return [Finding("Time to interactive: Queue run can be pressed", usable.median, "s", usable.range, "≤", 3.0, lines)]
