"""Generated text as the browser receives it: token by token, as text whatever it says, and stopped by whoever reads it."""

import time

import pytest

from kdui.settings import Settings
from kdui.workbench.workbench import Workbench
from tests.serving.generators import circle, store_generator
from tests.ui.served import served

MODEL, OTHER = "ab" * 32, "cd" * 32
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
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    store_generator(bench.settings, MODEL)
    store_generator(bench.settings, OTHER, table=circle().T)
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
    assert boxes["ab"].locator("b").count() == 0 and boxes["ab"].locator(".token.apart").count() == 0
    assert boxes["cd"].locator(".token.apart").count() == 2 and "Ended at the limit" in boxes["cd"].inner_text()
    assert "reference < 1 %" in boxes["cd"].locator(".token").first.get_attribute("title")


def test_whoever_reads_can_stop_it_in_the_middle(page, bench):
    end = page.evaluate(DRAW, [[MODEL, OTHER], "four", {"limit": 4000}, "", 5])
    assert end["stopped"] and end["count"] < 8000
    deadline = time.monotonic() + 30
    while bench.serving.call("status")["running"]:
        assert time.monotonic() < deadline, "a stream still runs"


def test_a_refusal_is_a_sentence(page):
    assert "Top p cannot be used" in page.evaluate(DRAW, [[MODEL], "x", {"top_p": 0}, "", 0])["error"]
