"""What the tests in a real browser share."""

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from kdui.bench.browser import WITHOUT_WEBGL, open_browser

PATIENCE_MS = 90_000  # for what a page does: other tests have the processor meanwhile


@pytest.fixture(scope="module")
def browser():
    """A browser whose pages and expectations are as patient as a busy machine needs."""
    expect.set_options(timeout=PATIENCE_MS)
    with open_browser(*WITHOUT_WEBGL) as browser:
        open_page = browser.new_page

        def new_page(**options):
            page = open_page(**options)
            page.set_default_timeout(PATIENCE_MS)
            return page

        browser.new_page = new_page
        yield browser


@pytest.fixture(scope="module")
def visitor(browser):
    """What the pages of a module share: a cache, in which their scripts lie compiled."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(visitor, address):
    """A page of a person who comes for the first time; it fails the test when its script does."""
    page = visitor.new_page()
    visitor.new_cdp_session(page).send(
        "Storage.clearDataForOrigin", {"origin": address.rstrip("/"), "storageTypes": "local_storage"}
    )
    wrong: list[str] = []
    page.on("pageerror", lambda problem: wrong.append(str(problem)))
    yield page
    page.close()
    assert wrong == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A test that fails in a browser says what its page showed."""
    report = yield
    shown = getattr(item, "funcargs", {}).get("page")
    if report.failed and report.when == "call" and hasattr(shown, "evaluate"):
        try:
            report.sections.append(("The page", f"{shown.url}\n{shown.evaluate('document.body.innerText')[:6000]}"))
        except PlaywrightError as problem:
            report.sections.append(("The page", f"could not be read: {problem}"))
    return report
