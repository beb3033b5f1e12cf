"""Generated text as the browser receives it: token by token, as text whatever it says, and stopped by whoever reads it."""

import re
import time

import pytest
from playwright.sync_api import expect

from kdui.settings import Settings
from kdui.ui.in_language import content_in
from tests.ui.served import served
from tests.ui.writers import MODEL, OTHER, WithWriters

# Draws what the models write into two elements of the page, and gives the lines as they came.
DRAW = """
async ([models, prompt, sampling, reference, most]) => {
  const [stream, answer] = await Promise.all(["stream.js", "answer_text.js"].map((name) => window.kdui.module(name)));
  const texts = Object.fromEntries(models.map((model) => {
    const box = document.body.appendChild(document.createElement("div"));
    box.id = `box-${model.slice(0, 2)}`;
    return [model, answer.growing(box, "student")];
  }));
  let count = 0;
  const running = stream.generate({ models, prompt, sampling, ...(reference ? { reference } : {}) }, (line) => {
    count += 1;
    if (line.part) texts[line.model].add(line.part);
    if (count === most) running.stop();
  });
  return { ...(await running.done), count };
}
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = WithWriters(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def page(browser, bench):
    with served(bench) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("Boolean(window.kdui?.module)")
        yield page
        page.close()


def test_models_write_side_by_side_and_what_they_write_is_text(page):
    end = page.evaluate(DRAW, [[MODEL, OTHER], "four", {"limit": 2}, MODEL, 0])
    assert end == {"count": 6}
    boxes = {name: page.locator(f"#box-{name}") for name in ("ab", "cd")}
    assert boxes["ab"].inner_text().split("\n")[0] == " <b>five</b> six"
    assert boxes["ab"].locator("p").first.get_attribute("translate") == "no"  # a token may be a word of the page
    assert boxes["ab"].locator("b").count() == 0 and boxes["ab"].locator(".token.apart").count() == 0
    assert boxes["cd"].locator(".token.apart").count() == 2 and "Ended at the limit" in boxes["cd"].inner_text()
    assert "reference < 1 %" in boxes["cd"].locator(".token").first.get_attribute("title")


def wait_until_idle(bench):
    deadline = time.monotonic() + 60
    while bench.serving.call("status")["running"]:
        assert time.monotonic() < deadline, "a stream still runs"


def test_whoever_reads_can_stop_it_in_the_middle(page, bench):
    end = page.evaluate(DRAW, [[MODEL, OTHER], "four", {"limit": 4000}, "", 5])
    assert end["stopped"] and end["count"] < 8000
    wait_until_idle(bench)


def test_a_refusal_is_a_sentence(page):
    assert "Top p cannot be used" in page.evaluate(DRAW, [[MODEL], "x", {"top_p": 0}, "", 0])["error"]


def test_compare_lets_models_write_side_by_side_and_stops_them(page, bench):
    page.goto(f"{page.url.split('?')[0]}?tab=compare&task=writing")
    cards = page.locator("#compare-cards [data-model]")
    expect(cards).to_have_count(2)
    expect(page.locator("#compare-go")).to_have_text("Generate")
    expect(page.locator("#compare-parted")).to_be_hidden()
    expect(page.locator("#compare-examples .example").last).to_have_text(" ".join(["one two three"] * 4))
    for name, value in (("Temperature", "0"), ("Tokens", "3")):
        page.locator("#compare-sampling").get_by_label(name).fill(value)
    page.locator("#compare-text").fill("four")
    assert page.locator("#compare-cards .token").count() == 0  # nothing is generated while one types
    page.locator("#compare-go").click()
    expect(page.locator("#compare-agreement")).to_contain_text(
        "They part at the first word. Underlined tokens are not the teacher's first choice"
    )
    written = [cards.nth(at).locator(".generated") for at in range(2)]
    assert [each.text_content() for each in written] == [" <b>five</b> six zero", " three two one"]
    assert cards.first.locator(".apart").count() == 0 and cards.last.locator(".apart").count() == 3
    expect(cards.last.locator(".live")).to_contain_text("3 tokens, measured, one thread each, 2 models at a time")
    expect(page.locator("#compare-stop")).to_be_disabled()
    page.locator("#compare-pin [data-pin=written]").click()
    expect(page.locator("#pin-told")).to_contain_text("How 2 models continue one text")
    (slide,) = bench.store.presentations.get(bench.store.presentations.names()[0]).pins
    assert slide.content.lines == ("“four”", "Teacher · Writer 0: “<b>five</b> six zero”", "Student · Writer 1: “three two one”")
    assert slide.content.subtitle == "writing · always the most probable token · at most 3 tokens"
    heads, (first, _) = slide.content.tables[0].heads, slide.content.tables[0].rows
    assert heads[1:5] == ("Tokens", "First token", "Then", "Ended at") and first[1] == "3" and first[4] == "limit"
    assert first[2].endswith("ms ●") and first[3].endswith("tokens/s ●")
    chinese = content_in(slide.content, "zh")
    assert (chinese.title, chinese.subtitle) == ("2 个模型如何续写同一段文本", "writing · 总是选最可能的词元 · 最多 3 个词元")
    assert slide.source.settings["seed"] == "0" and slide.source.digests == (MODEL, OTHER)
    page.get_by_label("Chat template").check()
    page.locator("#compare-go").click()
    expect(written[0]).to_have_text(" two three four", use_inner_text=False)
    page.get_by_label("Chat template").uncheck()
    page.locator("#compare-sampling").get_by_label("Tokens").fill("4000")
    page.evaluate("for (const id of ['go', 'stop']) document.querySelector(`#compare-${id}`).click()")
    expect(page.locator("#compare-agreement")).to_contain_text("Stopped.")
    expect(page.locator("#compare-pin")).to_be_hidden()  # what was stopped cannot be written again
    page.locator("#compare-text").fill("")
    page.locator("#compare-go").click()
    expect(page.locator("#compare-agreement")).to_contain_text("Type a text first")
    wait_until_idle(bench)


def test_a_blind_vote_on_what_two_models_write(page, bench):
    page.locator("#vote-blind").click()
    expect(page.locator("#compare-cards h2")).to_have_text(["A", "B"])
    page.locator("#compare-sampling").get_by_label("Tokens").fill("3")
    page.locator("#compare-text").fill("four")
    page.locator("#compare-go").click()
    expect(page.locator("#vote-ways")).to_be_visible()
    expect(page.locator("#compare-cards .token")).to_have_count(6)
    shown = page.locator("#compare-cards").inner_text()
    assert "Writer" not in shown and "tokens/s" not in shown and "just now" not in shown
    page.locator("#vote-ways").get_by_text("Tie").click()
    expect(page.locator("#compare-cards h2")).to_have_text([re.compile("A: .+ Writer"), re.compile("B: .+ Writer")])
    assert bench.voting.tallies("writing")[0].ties == 1


IN_STEP = """
async () => {
  const { inStep } = await window.kdui.module("writing.js"), seen = [];
  const take = inStep(["A", "B"], ({ model, part }) => seen.push(model + part.n));
  const lines = [["A", 1], ["A", 2], ["A", 3, "limit"], ["B", 1], ["B", 2, "stop"]];
  for (const [model, n, ended] of lines) take({ model, part: { n, ended } });
  return seen.join(" ");
}
"""


def test_the_faster_model_waits_for_the_slower_one(page):
    assert page.evaluate(IN_STEP) == "A1 B1 A2 B2 A3"
