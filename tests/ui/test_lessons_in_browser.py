"""Learn as a reader uses it, in a real browser: each lesson is opened, moved, answered, judged by axe-core and printed."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import expect

from kdui.catalogue.lessons import glossary, lessons
from kdui.settings import Settings
from kdui.ui.page import assets_version
from tests.ui.served import served
from tests.ui.stocked import StockedWorkbench
from tests.ui.test_page_in_order_in_browser import JUDGE, WCAG_22_AA

VECTORS = Path(__file__).parents[1] / "data"
NAMES = list(lessons())
PATIENCE_MS = 90_000
# Moves each control to its other end; the ms that the slowest answer took, of the quickest of five tries.
MOVE = """(root) => Math.max(...[...root.querySelectorAll('input[data-knob]')].map((input) => {
    const taken = [];
    for (let tries = 0; tries < 5; tries += 1) {
        if (input.type === 'range') input.value = input.value === input.max ? input.min : input.max;
        else input.checked = input.type === 'radio' || !input.checked;
        const started = performance.now();
        input.dispatchEvent(new Event('input', { bubbles: true }));
        taken.push(performance.now() - started);
    }
    return Math.min(...taken);
}))"""

JUDGE_LESSON = JUDGE.replace("axe.run(document", "axe.run('#learn-lesson'")  # the frame is judged with the other tabs


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    expect.set_options(timeout=PATIENCE_MS)
    with served(StockedWorkbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))) as address:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        page.set_default_timeout(PATIENCE_MS)
        wrong: list[str] = []
        page.on("pageerror", lambda problem: wrong.append(str(problem)))
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.goto(f"{address}?tab=learn")
        expect(page.locator("#lesson-figure svg").first).to_be_visible()
        page.add_script_tag(path=AXE_FILE_PATH)
        yield page
        page.close()
        assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_is_moved_answered_judged_and_printed(page, name):
    page.set_viewport_size({"width": 1440, "height": 900})
    result, figure = lessons()[name], page.locator("#lesson-figure")
    page.locator(f'#learn-list a[href="?tab=learn&lesson={name}"]').click()
    expect(page.locator("#lesson-title")).to_have_text(result.title)
    expect(figure.locator("svg").first).to_be_visible()
    before = figure.inner_html()
    assert figure.evaluate(MOVE) <= 50
    assert figure.inner_html() != before
    assert "NaN" not in figure.inner_html() and "undefined" not in figure.inner_html()
    expect(page.locator("#lesson-answer")).to_be_hidden()
    page.locator(".choice").nth(result.question.right).click()
    expect(page.locator("#lesson-verdict")).to_have_text("✓ As you predicted.")
    for knob, value in result.question.show.items():
        if not isinstance(value, (bool, str)):
            expect(figure.locator(f'input[data-knob="{knob}"]')).to_have_value(f"{value:g}")
    assert page.evaluate(JUDGE_LESSON, WCAG_22_AA) == []
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", page.pdf(prefer_css_page_size=True))) <= 2
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_turns_lessons_and_done_ones_are_remembered(page):
    page.set_viewport_size({"width": 1440, "height": 900})
    page.evaluate("(done) => localStorage.setItem('kdui-lessons', done.join())", NAMES)
    page.goto(re.sub(r"lesson=[\w-]+", f"lesson={NAMES[0]}", page.url))
    expect(page.locator("#learn-list .prov")).to_have_text(f"{len(NAMES)} of {len(NAMES)} done")
    page.locator("#lesson-title").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#lesson-title")).to_have_text(lessons()[NAMES[1]].title)
    expect(page).to_have_url(re.compile(f"lesson={NAMES[1]}$"))
    page.locator("#lesson-figure input[type=range]").first.press("ArrowLeft")  # moves the control, not the lesson
    expect(page).to_have_url(re.compile(f"lesson={NAMES[1]}$"))


def test_a_term_shows_its_definition_until_escape(page):
    term, tip = page.locator(".term").first, page.locator("#learn-tip")
    term.hover()
    expect(tip).to_have_text(glossary()[term.get_attribute("data-term")].words)
    tip.hover()
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_a_recipe_fills_build(page):
    page.locator("#lesson-task").select_option("digits")
    page.locator("#lesson-try").click()
    expect(page.locator("#build-task")).to_have_value("digits")
    expect(page).to_have_url(re.compile("tab=build.*recipe="))


def test_sums_of_the_pictures_are_those_of_the_program(page):
    vectors = json.loads((VECTORS / "coding.json").read_text("utf-8"))
    grids = json.loads((VECTORS / "mathematics.json").read_text("utf-8"))["rounding"]
    code = """async ([version, vectors, grids]) => {
        const load = (name) => import(new URL(`kdui-assets/modules/${version}/lessons/${name}.js`, document.baseURI));
        const { coding } = await load('coding'), { rounding } = await load('rounding'), { halfWidth } = await load('statistics');
        const pairs = [];
        for (const [values, k, wanted] of vectors.centroids) {
            const found = coding.centroids(values, k);
            pairs.push([found.length, wanted.length], ...found.map((each, i) => [each, wanted[i]]));
        }
        for (const [counts, bits, entropy] of vectors.huffman) {
            const codes = coding.huffman(new Map(counts.entries()));
            pairs.push([codes.reduce((sum, { count, code }) => sum + count * code.length, 0), bits]);
            pairs.push([coding.entropyBits(counts), entropy]);
            const begun = codes.filter(({ code }, i) => codes.some((other, k) => k !== i && other.code.startsWith(code)));
            pairs.push([begun.length, 0]);
        }
        for (const [values, bits, wanted] of grids) {
            const found = rounding.rounded(values, rounding.ranges(values, values.length), bits);
            pairs.push(...found.map((each, i) => [each, wanted[i]]));
        }
        for (const [values, half] of vectors.intervals) pairs.push([halfWidth(values), half]);
        return pairs;
    }"""
    pairs = page.evaluate(code, [assets_version(), vectors, grids])
    assert len(pairs) > 40
    assert all(result == pytest.approx(wanted, abs=1e-4) for result, wanted in pairs), pairs
