"""From a pin to slides and to a file that is opened without a network, as a person does it."""

import json

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import expect

from kdui.settings import Settings
from tests.ui.served import served
from tests.ui.test_page_in_order_in_browser import DARK, JUDGE, OF_THEME_AND_WIDTH, STILL, WATCH, WCAG_22_AA, Evident

PATIENCE_MS = 90_000
POINTS = """(chart) => chart._fullData.filter((trace) => trace.customdata).flatMap((trace) => [...trace.y]).sort()"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = Evident(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    bench.stock()
    return bench


@pytest.fixture(scope="module")
def page(browser, bench):
    expect.set_options(timeout=PATIENCE_MS)
    with served(bench) as address:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        page.set_default_timeout(PATIENCE_MS)
        wrong: list[str] = []
        page.on("pageerror", lambda problem: wrong.append(str(problem)))
        page.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
        page.add_init_script(WATCH)
        page.address = address
        yield page
        page.close()
        assert wrong == []


def headings(page):
    return page.locator("#kdui-slides .slide:visible h2").text_content()


def test_what_is_pinned_is_ordered_shown_and_kept_in_step(page, bench):
    page.goto(f"{page.address}?tab=explore&task=digits")
    expect(page.locator("#explore-chart .main-svg").first).to_be_visible()
    for number, place in enumerate(("pareto", "models"), start=1):
        page.locator(f"[data-pin={place}]").click()
        expect(page.locator("#pin-told")).to_contain_text(f"as slide {number}")
    page.locator("button[data-tab-id=runs]").click()
    expect(page.locator("#run-results table").first).to_be_visible()
    page.locator("[data-pin=results]").click()
    expect(page.locator("#pin-told")).to_contain_text("as slide 3")
    page.locator("#pin-told a").click()
    slides = page.locator("#present-list .pick")
    expect(slides).to_have_count(3)
    expect(page.locator("#decision-view .tile").first).to_be_visible()
    slides.nth(2).focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(slides.nth(1)).to_contain_text("Results of Digits")
    page.locator("#present-list li").nth(1).drag_to(page.locator("#present-list li").nth(0))
    expect(slides.nth(0)).to_contain_text("Results of Digits")
    page.locator("[data-go=undo]").click()
    expect(slides.nth(1)).to_contain_text("Results of Digits")
    slides.nth(1).click()
    page.locator("#slide-title").fill("What we found")
    page.locator("#slide-notes").fill("Slowly")
    expect(page.locator("#slide-view h2")).to_have_text("What we found")
    page.locator("[data-go=slides]").click()
    expect(page.locator("#kdui-slides")).to_be_visible()
    page.keyboard.press("Home")
    expect(page.locator("#kdui-slides .slide:visible .main-svg").first).to_be_visible()
    with page.context.expect_page() as opened:
        page.keyboard.press("n")
    window = opened.value
    expect(window.locator("#presenter-number")).to_have_text("1 / 3")
    page.keyboard.press("ArrowRight")
    expect(window.locator("#presenter-notes")).to_have_text("Slowly")
    window.keyboard.press("End")
    expect(page.locator("#kdui-slides .slide:visible .count")).to_have_text("3 / 3")
    window.close()
    page.keyboard.press("Escape")
    expect(page.locator("#kdui-slides")).to_have_count(0)


def test_present_and_its_slides_meet_wcag_22_aa(page):
    page.goto(f"{page.address}?tab=present")
    expect(page.locator("#decision-view .tile").first).to_be_visible()
    expect(page.locator("#slide-view .slide")).to_be_visible()
    assert page.evaluate("settled()") <= STILL
    page.add_script_tag(path=AXE_FILE_PATH)
    assert page.evaluate(JUDGE, WCAG_22_AA) == []
    page.locator("[data-go=slides]").click()
    expect(page.locator("#kdui-slides .slide:visible")).to_be_visible()
    assert page.evaluate(JUDGE, WCAG_22_AA) == []
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(DARK)
    wrong = page.evaluate(JUDGE, OF_THEME_AND_WIDTH)
    assert not wrong, wrong
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("localStorage.removeItem('kdui-theme')")
    page.set_viewport_size({"width": 1440, "height": 900})


def test_the_file_says_the_same_without_a_network(page, browser, bench, tmp_path):
    with page.expect_download() as saved:
        page.locator("#present-file").click()
    file = tmp_path / saved.value.suggested_filename
    saved.value.save_as(file)
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 720})
    alone, collected, wrong = context.new_page(), [], []
    alone.on("request", lambda request: collected.append(request.url))
    alone.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
    alone.on("pageerror", lambda problem: wrong.append(str(problem)))
    alone.goto(file.as_uri())
    chart = alone.locator(".slide:visible .plot.js-plotly-plot")
    expect(chart).to_be_visible()
    points = bench.points("digits")
    assert chart.evaluate(POINTS) == sorted(points["headline"].tolist())
    alone.keyboard.press("ArrowRight")
    expect(alone.locator(".slide:visible h2")).to_have_text("What we found")
    kept = bench.store.presentations.get(bench.store.presentations.names()[0])
    shown = alone.locator(".slide:visible tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((c) => c.textContent))"
    )
    assert shown == [list(row) for row in kept.pins[1].content.tables[0].rows]
    alone.locator(".slide:visible .source summary").click()
    expect(alone.locator(".slide:visible .source pre")).to_contain_text("python app.py run")
    alone.keyboard.press("t")
    assert alone.evaluate("document.body.classList.contains('dark')")
    assert [url for url in collected if not url.startswith(("file:", "data:", "blob:"))] == [] and wrong == [], (collected, wrong)
    assert json.loads(alone.locator("#figures").text_content()) == {kept.pins[0].id: kept.pins[0].content.figure}
    context.close()
