"""Pictures in Compare: one noise, by its seed and two sliders, goes through both models; no noise is refused in words."""

import pytest
from playwright.sync_api import expect

from kdui.settings import Settings
from kdui.ui.pins.pinner import look
from kdui.workbench.predicting import payload
from tests.ui.pictures import MODEL, OTHER, WithPictures
from tests.ui.served import served

TASK = "fashion-pictures"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = WithPictures(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


def test_one_noise_makes_pictures_side_by_side(browser, bench):
    with served(bench) as address:
        page = browser.new_page()
        page.goto(f"{address}?tab=compare&task={TASK}")
        cards, message = page.locator("#compare-cards .card"), page.locator("#compare-agreement")
        pictures = page.locator("#compare-cards figure.made img")
        page.locator(".example", has_text="4").click()
        expect(message).to_contain_text("of 255 levels", timeout=60_000)
        expect(cards).to_have_count(2)
        expect(page.locator("#noise-seed")).to_have_value("4")
        expect(cards.first).to_contain_text("judged as")
        fourth = pictures.first.get_attribute("src")
        page.locator("#noise-first").fill("2")
        expect(page.locator("#noise-first-value")).to_have_text("2")
        expect(pictures.first).not_to_have_attribute("src", fourth)
        page.locator("#noise-first").fill("0")
        expect(pictures.first).to_have_attribute("src", fourth)
        page.locator("#noise-next").click()
        expect(page.locator("#noise-seed")).to_have_value("5")
        expect(pictures.first).not_to_have_attribute("src", fourth)
        page.locator("#noise-seed").fill("-1")
        page.locator("#noise-go").click()
        expect(message).to_contain_text("Noise is a seed from 0 to 2147483647")
        page.close()


def test_the_command_line_takes_a_seed_and_an_answer_is_pinned(bench):
    answers = bench.ask(TASK, [MODEL, OTHER], payload(bench, TASK, "4"))
    same = bench.ask(TASK, [MODEL], payload(bench, TASK, "test:1"))  # the second example is seed 4
    assert answers[0].parts[0].image == same[0].parts[0].image != answers[1].parts[0].image
    seen = look(bench, "answers", {"task": TASK, "models": [MODEL, OTHER], "text": "4"})
    assert seen.content.title.startswith("Mean difference from the first picture")
    assert seen.content.tables[0].rows[0][1] == answers[0].parts[0].text
