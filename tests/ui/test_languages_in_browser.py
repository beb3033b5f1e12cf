"""A Chinese browser sees every tab in Chinese while another visitor sees English, and the switch turns a page over."""

import re

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import expect

from kdui.catalogue.languages import catalogue
from kdui.catalogue.translation import translator
from kdui.settings import Settings
from tests.ui.english_texts import TEXTS, english
from tests.ui.served import served
from tests.ui.test_page_in_order_in_browser import DARK, JUDGE, OF_THEME_AND_WIDTH, UNFOLD, WCAG_22_AA, WHOLE, Evident

PATIENCE_MS = 90_000
CHINESE = re.compile("[\u4e00-\u9fff]")
OWN = ("compressed 8-bit", "compressed 8-bit · ONNX", "The student", "Student · int8", "logit", "softmax")  # also terms that stay
HEADINGS = {"build": "构建", "runs": "运行", "explore": "探索", "compare": "对比", "learn": "学习", "present": "演示"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    bench = Evident(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    bench.stock()
    with served(bench) as url:
        yield url


PAINTED = "() => new Promise((told) => requestAnimationFrame(() => requestAnimationFrame(told)))"
LOOK_UP = "(texts) => kdui.module('language.js').then(({ translated }) => texts.map(translated))"
COMPOSED = [
    "Stage 'prune': movement pruning reads where training moves the weights, so it prunes while it trains. Set 'prune_schedule: "
    "cubic' there, or choose kind: taylor.",
    "There is no task called 'digit'. Did you mean 'digits'? Known: books, digits.",
    " frozen · 2 runs · 2026-01-01 12:00 UTC · kdui 0.1.0 · 1 / 3, continued ",
    "● measured ◐ simulated, ○ estimated",
    "compressed 8-bit instead of The teacher",
    "−1.1 points (one seed)",
    "<0>1,797</0> handwritten digits",
    "Nobody knows this text: it stays. Really.",
    "All of it.",
    "Could not download Fashion-MNIST. Tried:\n- npm, x 1.0: npm was not found. Debian, Ubuntu: apt install npm; macOS: brew "
    "install node\n- Hugging Face Hub, a/b: it has no file c\nWhat to do: check the network connection, then try again.",
]


def test_the_server_writes_what_the_page_would(browser, address):
    keys = sorted(catalogue("zh"))[::25]
    texts = [*COMPOSED, *keys, *(re.sub(r"\{\d+\}", "7 ms", key) for key in keys)]
    page = browser.new_page(locale="zh-CN")
    try:
        page.goto(address)
        expect(page.locator("#tab-home h2").first).to_have_text(CHINESE)
        assert page.evaluate(LOOK_UP, texts) == [translator("zh")(text) for text in texts]
    finally:
        page.close()


def test_two_visitors_read_two_languages_and_each_tab_has_its_chinese_heading(browser, address):
    expect.set_options(timeout=PATIENCE_MS)
    page, other = browser.new_page(locale="zh-CN"), browser.new_page(locale="en-GB")
    try:
        page.goto(address)
        other.goto(address)
        expect(page.locator("#tab-home h2").first).to_have_text("您想做什么？")
        expect(other.locator("#tab-home h2").first).to_have_text("What would you like to do?")
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        for name, title in HEADINGS.items():
            tab = page.locator(f'#kdui-tabs > .tab-wrapper button[data-tab-id="{name}"]')
            expect(tab).to_have_text(title)
            tab.click()
            expect(page.locator(f"#tab-{name} :is(h2, h3):visible").first).to_have_text(CHINESE)
        expect(page.locator("#tab-home h2").first).to_have_text("您想做什么？")
        page.locator('#kdui-tabs > .tab-wrapper button[data-tab-id="learn"]').click()
        expect(page.locator("#lesson-title")).to_have_text("暗知识与温度")
        page.locator("#language-switch").click()
        expect(page.locator("#lesson-title")).to_have_text("Dark knowledge and temperature")
        assert "lang=en" in page.url
    finally:
        page.close()
        other.close()


def test_no_tab_holds_an_english_text_or_a_barrier_in_either_theme(browser, address):
    page = browser.new_page(locale="zh-CN", viewport={"width": 1440, "height": 900})
    spoken: dict[str, list[list[str]]] = {}
    barriers, wrong = {}, list[str]()
    page.on("pageerror", lambda problem: wrong.append(str(problem)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    try:
        page.goto(address)
        for tab in WHOLE:
            page.goto(f"{address}?tab={tab}" + ("&task=digits" if tab != "build" else ""))
            expect(page.locator(WHOLE[tab]).first).to_be_visible()
            page.evaluate(UNFOLD)
            page.add_script_tag(path=AXE_FILE_PATH)
            barriers[tab, "light"] = page.evaluate(JUDGE, WCAG_22_AA)
            page.evaluate(DARK)
            barriers[tab, "dark"] = page.evaluate(JUDGE, OF_THEME_AND_WIDTH)
            page.evaluate("localStorage.removeItem('kdui-theme')")
            spoken[tab] = english(page.evaluate(TEXTS), OWN)
        assert not any(barriers.values()), barriers
        assert not any(spoken.values()), spoken
        assert wrong == []
    finally:
        page.close()


def test_dialogs_say_nothing_in_english_when_they_are_opened_and_filled(browser, address, tmp_path):
    table = tmp_path / "reviews.csv"
    table.write_text("text,label\n" + "".join(f"word {at} here,{'ab'[at % 2]}\n" for at in range(60)), encoding="utf-8")
    page = browser.new_page(locale="zh-CN", viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    spoken: dict[str, list[list[str]]] = {}

    def heard(dialog: str) -> None:
        """Every text of an open dialog, which is then closed."""
        expect(page.locator(f"#{dialog}")).to_be_visible()
        page.evaluate(PAINTED)  # the page translates what is new before it is painted
        spoken[dialog] = english(page.evaluate(TEXTS, f"#{dialog}"), (*OWN, "reviews", "Own"))
        page.keyboard.press("Escape")
        expect(page.locator(f"#{dialog}")).to_be_hidden()

    try:
        page.goto(f"{address}?tab=build")
        expect(page.locator(WHOLE["build"]).first).to_be_visible()
        page.locator("#open-sweep").click()
        page.locator("#sweep-values").fill("1, 2")
        page.locator("#sweep-effect").fill("1")
        expect(page.locator("#sweep-needed")).not_to_be_empty()
        heard("sweep-panel")
        page.locator("#open-search").click()
        page.locator("#search-axes").fill("nothing: 1")
        page.locator("#start-search").click()
        expect(page.locator("#search-said")).not_to_be_empty()
        heard("search-panel")
        for name in ("Kept", "Kept"):
            page.locator("#open-save").click()
            page.locator("#save-name").fill(name)
            page.locator("#save-recipe").click()
        expect(page.locator("#replace-recipe")).to_be_visible()
        heard("save-panel")
        page.locator("#build-task").select_option(label="自己的数据…")
        page.locator("#own-file").set_input_files(table)
        expect(page.locator("#own-keep")).to_be_visible()
        heard("own-panel")
        page.goto(f"{address}?tab=runs")
        page.locator("#run-delete").click()
        heard("run-dialog")
        page.goto(f"{address}?tab=learn")
        page.locator("[data-classroom]:visible").first.click()
        expect(page.locator("#class-shown h3").first).to_have_text(CHINESE)
        heard("class-screen")
        page.goto(f"{address}?tab=explore&task=digits")
        expect(page.locator(WHOLE["explore"]).first).to_be_visible()  # before, a pin is told to wait
        page.locator("[data-pin=best]").click()
        page.locator("#pin-told a").click()
        page.locator("#tab-present [data-name=delete]").click()
        heard("present-dialog")
        assert not any(spoken.values()), spoken
    finally:
        page.close()
