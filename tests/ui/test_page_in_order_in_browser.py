"""Explore's sections and menus by keyboard; of every tab what a screen reader finds, what axe-core says, and how much moves."""

from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import expect

from kdui.bench.browser import open_browser
from kdui.catalogue.lessons import glossary
from kdui.settings import Settings
from tests.ui.served import served
from tests.ui.stocked import StockedWorkbench
from tests.ui.test_explore_evidence import FRAMES

PATIENCE_MS = 90_000
DRAWN = "(names) => names.filter((name) => document.querySelector(`#${name}-chart`)?.querySelector('.main-svg'))"
# Of one panel: levels of the headings that are there for a screen reader, in their order, and its live regions.
FOUND = """(panel) => ({
    levels: [...document.querySelectorAll(`h1, ${panel} :is(h1, h2, h3, h4, h5, h6)`)].filter((each) => each.checkVisibility())
        .map((each) => Number(each.tagName[1])),
    live: document.querySelectorAll(`${panel} [aria-live]:not([aria-live=off])`).length,
    roles: [...document.querySelectorAll(`${panel} :is(a[href], button, summary)[role]`)].map(({ role }) => role),
})"""
# How much of the page moves how far, in the unit of Cumulative Layout Shift: all added up, moves that answer a hand among them.
WATCH = """window.moved = 0;
    const added = (entries) => { for (const { value } of entries) window.moved += value; };
    const watch = new PerformanceObserver((list) => added(list.getEntries()));
    watch.observe({ type: "layout-shift", buffered: true });
    // The themes that frames were painted in, from the first one with the stylesheet.
    window.painted = new Set();
    const paint = () => {
        const { classList } = document.body ?? document.documentElement;
        if (document.querySelector("#kdui-style")) window.painted.add(classList.contains("dark") ? "dark" : "light");
        requestAnimationFrame(paint);
    };
    requestAnimationFrame(paint);
    window.settled = () => new Promise((told) => requestAnimationFrame(() => requestAnimationFrame(() => {
        added(watch.takeRecords());
        told(window.moved);
    })));"""
STILL = 0.1  # what counts as good
# Each tab, and what is there once it is whole.
WHOLE = {
    "home": "#home-goal table",
    "build": "#build-step .lens, #build-step .lens-blank",
    "runs": "#run-results table",
    "explore": "#flips-chart .main-svg",
    "compare": "#compare-table .example",
    "learn": "#lesson-figure svg",
    "present": "#decision-view table",
}
# What a tab shows once it can be used.
SEEN = {"build": "#build-task", "compare": "#compare-cards section", "learn": "#lesson-title", "home": "#home-fill"}
# What axe-core finds: rule, place and what to do.
JUDGE = """(runOnly) => axe.run(document, { runOnly, resultTypes: ["violations"] })
    .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(
        ({ target, failureSummary }) => [id, target, failureSummary])))"""
WCAG_22_AA = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
OF_THEME_AND_WIDTH = {"type": "rule", "values": ["color-contrast", "link-in-text-block", "target-size"]}  # not the rest
# Of a panel, what must be scrolled sideways to be read, the page itself among it.
SIDEWAYS = """(panel) => [document.documentElement, ...document.querySelectorAll(`${panel} .scroll-x`)]
    .filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.textContent.slice(0, 40))"""
UNFOLD = "() => { for (const fold of document.querySelectorAll('details:not(.menu, .group)')) fold.open = true; }"
DARK = """() => { while (!document.body.classList.contains("dark")) document.querySelector("#theme-switch").click(); }"""


class Evident(StockedWorkbench):
    """Its runs have been looked at in every way."""

    def evidence(self, run: str) -> dict[str, Any]:
        return FRAMES


@pytest.fixture(scope="module")
def browser():
    """One with WebGL, so that parallel coordinates are drawn and judged as well."""
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    bench = Evident(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    bench.stock()
    expect.set_options(timeout=PATIENCE_MS)
    with served(bench) as address:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        wrong: list[str] = []
        page.on("pageerror", lambda problem: wrong.append(str(problem)))
        page.add_init_script(WATCH)
        page.goto(f"{address}?tab=explore&task=digits")
        yield page
        page.close()
        assert wrong == []


def test_charts_of_a_question_are_drawn_when_it_is_opened(page):
    questions = page.locator("#evidence .group")
    expect(questions).to_have_count(5)
    names = ["harm", "flips", "reliability", "shift", "elsewhere", "robustness", "sweep", "kernels"]
    page.wait_for_function(f"({DRAWN})({names[:2]}).length === 2")
    assert page.evaluate(DRAWN, names) == names[:2]
    assert [each.get_attribute("open") is not None for each in questions.all()] == [True, *[False] * 4]
    questions.filter(has_text="Why isn't it faster?").locator("summary").first.press("Enter")
    page.wait_for_function(f"({DRAWN})({names[6:]}).length === 2")
    assert page.evaluate(DRAWN, names) == [*names[:2], *names[6:]]
    widths = page.evaluate(
        "() => [document.querySelector('#sweep-chart'), document.querySelector('#sweep-chart .main-svg')]"
        ".map((each) => each.getBoundingClientRect().width)"
    )
    assert widths[0] > 300 and abs(widths[0] - widths[1]) < 2


def test_downloads_are_one_menu_that_the_keyboard_opens_and_closes(page):
    load(page, "explore")
    menu = page.locator("#harm .menu")
    buttons, summary = menu.locator("button"), menu.locator("summary")
    expect(summary).to_have_text("Download ▾")
    expect(buttons.first).to_be_hidden()
    summary.press("Enter")
    expect(buttons).to_have_text(["PNG", "SVG", "CSV"])
    expect(buttons.first).to_be_visible()
    summary.press("Tab")
    expect(buttons.first).to_be_focused()
    page.keyboard.press("Escape")
    expect(buttons.first).to_be_hidden()
    expect(summary).to_be_focused()
    summary.press("Enter")
    with page.expect_download() as saved:
        buttons.nth(2).press("Enter")
    assert saved.value.suggested_filename == "kdui-digits-harm.csv"
    expect(menu).not_to_have_attribute("open", "")
    summary.click()
    page.locator("#explore-title").click()  # anywhere else
    expect(menu).not_to_have_attribute("open", "")


def test_headings_roles_and_live_regions_are_in_order_on_every_tab(page):
    expect(page.get_by_role("link", name="Queue stopped")).to_have_attribute("id", "chip-queue")  # its text is its name
    result = {}
    for tab in ("explore", "compare", "learn", "runs", "home", "build"):
        page.locator(f"button[data-tab-id={tab}]").first.click()
        expect(page.locator(SEEN.get(tab, f"#{tab}-panel")).first).to_be_visible()
        result[tab] = page.evaluate(FOUND, f"#{tab}-panel" if tab != "build" else ".build")
    levels = {tab: each["levels"] for tab, each in result.items()}
    assert all(each.count(1) == 1 for each in levels.values()), levels
    assert not [tab for tab, each in levels.items() if any(after > before + 1 for before, after in pairwise(each))], levels
    assert all(each["live"] <= 1 for each in result.values()), result
    assert not {role for each in result.values() for role in each["roles"]} & {"status", "alert", "log", "img"}


def load(page, tab):
    """Loads the page at one tab; the layout shift until it is whole."""
    page.goto(f"{page.url.partition('?')[0]}?tab={tab}" + ("&task=digits" if tab != "build" else ""))
    expect(page.locator(WHOLE[tab]).first).to_be_visible()
    return page.evaluate("settled()")


def test_every_tab_meets_wcag_22_aa_and_moves_little_while_it_loads(page):
    moved, wrong = {}, {}
    for tab in WHOLE:
        page.set_viewport_size({"width": 1440, "height": 900})
        moved[tab] = load(page, tab)
        if tab == "compare":
            page.locator("#compare-examples .example").first.click()
            expect(page.locator("#compare-cards .bar-fill")).to_have_count(9)
            page.locator("#vote-blind").click()
            page.locator("#compare-examples .example").last.click()
            page.locator("[data-vote=a]").click()
            expect(page.locator("#vote-tally .vote-pair")).to_have_count(1)
        page.evaluate(UNFOLD)
        page.add_script_tag(path=AXE_FILE_PATH)
        wrong[tab, "light"] = page.evaluate(JUDGE, WCAG_22_AA)
        page.set_viewport_size({"width": 390, "height": 844})
        page.evaluate(DARK)
        wrong[tab, "dark and narrow"] = page.evaluate(JUDGE, OF_THEME_AND_WIDTH)
        page.evaluate("localStorage.removeItem('kdui-theme')")
    assert {place: each for place, each in wrong.items() if each} == {}
    assert max(moved.values()) <= STILL, moved


def test_terms_are_marked_and_explained_at_a_control_and_under_the_pointer(page):
    page.set_viewport_size({"width": 1440, "height": 900})
    load(page, "explore")
    page.wait_for_function("CSS.highlights.get('kdui-terms')?.size > 2")
    tip, axis = page.locator("#term-tip"), page.locator("#explore-x")
    axis.focus()
    page.keyboard.press("?")
    expect(axis).to_have_attribute("aria-describedby", "term-tip")
    names = tip.locator("b").all_text_contents()
    assert names and set(names) <= set(glossary()), names
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    assert axis.get_attribute("aria-describedby") is None
    place = page.evaluate(
        "[...CSS.highlights.get('kdui-terms')].map((range) => range.getBoundingClientRect())"
        ".filter(({ top, bottom, width }) => width && top > 80 && bottom < 800).map(({ x, y }) => [x + 3, y + 5])[0]"
    )
    page.mouse.move(*place)
    expect(tip).to_be_visible()


def test_a_narrow_window_shows_tables_as_cards_and_moves_little_while_it_loads(page):
    page.set_viewport_size({"width": 390, "height": 844})
    moved, sideways = {}, {}
    for tab in ("home", "runs", "explore", "compare"):
        moved[tab] = load(page, tab)
        page.evaluate(UNFOLD)
        sideways[tab] = page.evaluate(SIDEWAYS, f"#{tab}-panel")
        if tab == "explore":
            expect(page.locator("#explore-front li")).to_have_text(["compressed 8-bit", "The student", "The teacher"])
            page.wait_for_function("document.querySelector('#explore-chart').data?.length > 2")
            assert page.evaluate("document.querySelector('#explore-chart').data.every(({ text }) => !text)")
    assert not any(sideways.values()), sideways
    assert max(moved.values()) <= STILL, moved
    lists = page.locator("#compare-panel .long-names select")
    widths = lists.evaluate_all("(all) => all.map((each) => each.clientWidth)")
    assert len(widths) == 5 and min(widths) > 300, widths


def test_build_keeps_its_theme_and_its_place_while_it_loads_and_under_the_hand_that_turns_a_knob(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("localStorage.setItem('kdui-theme', 'dark')")
    assert load(page, "build") <= STILL
    assert page.evaluate("[...painted]") == ["dark"]  # as it was chosen, from the first frame on
    page.evaluate("localStorage.removeItem('kdui-theme')")
    page.set_viewport_size({"width": 1440, "height": 900})
    before = page.evaluate("settled()")
    knob, command = page.locator("#knob-distill-temperature"), page.locator("#build-command")
    knob.press("ArrowUp")
    expect(command).to_contain_text("distill.temperature=")
    knob.fill("19")
    expect(command).to_contain_text("distill.temperature=19")
    assert page.evaluate("settled()") - before <= STILL
