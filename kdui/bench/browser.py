"""The Chromium or Chrome of this machine, without a window."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdui.core.errors import KduiError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

# Where WebGL is not the point: a GPU stood in for by the processor takes a third of what a page costs. Charts are drawn as SVG.
WITHOUT_WEBGL = ("--disable-gpu-compositing", "--disable-software-rasterizer")


def find_browser() -> str:
    """Path of the browser; raises KduiError where there is none."""
    for browser in (*map(shutil.which, NAMES), *(path for path in APPLICATIONS if Path(path).exists())):
        if browser:
            return browser
    raise KduiError("Neither Chromium nor Chrome was found. Install one (Debian, Ubuntu: apt install chromium), then try again.")


@contextlib.contextmanager
def open_browser(*more: str) -> Iterator[Any]:
    """A running headless browser of Playwright, with ``more`` arguments of Chromium's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=[*ARGUMENTS, *more])
        try:
            yield browser
        finally:
            browser.close()
