"""What the tests in a real browser share."""

import pytest

from kdui.bench.browser import open_browser


@pytest.fixture(scope="module")
def browser(all_cores):
    with open_browser() as browser:
        yield browser
