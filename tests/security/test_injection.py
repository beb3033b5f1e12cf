"""A hostile name on its way to everything that shows it: the page, spreadsheets, Markdown, slides, the terminal."""

import csv
import io
import re

import pytest
from typer.testing import CliRunner

import app as command_line
from kdui.core.errors import KduiError
from kdui.core.marks import Marks
from kdui.settings import Settings
from kdui.ui.explore import ExploreCalls
from kdui.ui.present import PresentCalls
from kdui.ui.runs import RunCalls
from kdui.workbench.workbench import Workbench
from tests.ui.stocked import StockedWorkbench

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
FORMULA = "=cmd|'/C calc'!A0"
MARKDOWN = "[x](javascript:alert(1)) | ![y](http://evil.example/z) `"
STEERING = "\x1b]0;title\x07\x1b[2J"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = StockedWorkbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    for name in (MARKUP, FORMULA, MARKDOWN):
        run = bench.stock(name=name)
        bench.store.marks.put(run.id, Marks(tags=("<b>tag</b>",), note=MARKUP))
    yield bench
    bench.close()


def run_called(bench, name):
    return next(row.id for row in bench.runs().rows if row.name == name)


def assert_no_element(html):
    """Nothing that was in the name has become an element."""
    assert "&lt;" in html and "<img" not in html and "<script" not in html and "<b>tag" not in html


def test_html_in_a_name_a_tag_and_a_note_stays_a_text_on_the_page(bench):
    calls, run = RunCalls(bench), run_called(bench, MARKUP)
    assert_no_element(calls.run_table({})["html"])
    detail = calls.run_detail({"run": run})
    assert_no_element(detail["head"])
    assert "<img" not in detail["recipe"] + detail["results"] + detail["actions"]
    assert_no_element(calls.run_detail({"run": MARKUP}).get("error", "").replace("<", "&lt;"))  # set as text by its panel


def test_a_formula_in_a_name_stays_a_text_in_every_csv(bench):
    text = ExploreCalls(bench).explore_csv({"task": "digits"})["csv"]
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    named = [cell for cell in cells if "calc" in cell]
    assert named and all(cell.startswith("'=") for cell in named)
    assert not [cell for cell in cells if cell[:1] in ("=", "@", "\t", "\r") or re.match(r"[+-](?![\d.])", cell)]


def test_markdown_in_a_name_makes_no_link_in_a_model_card(bench):
    for name in (MARKDOWN, MARKUP):
        card = PresentCalls(bench).present_card({"run": run_called(bench, name)})["text"]
        assert "](javascript:" not in card and "![y](" not in card and "<img" not in card and "<script" not in card


def test_what_steers_a_terminal_is_refused_in_a_name_and_shown_as_a_sign_in_a_message(bench, monkeypatch):
    with pytest.raises(KduiError):
        bench.recipe("quickstart").with_values({"name": STEERING})
    monkeypatch.setenv("KDUI_HOME", str(bench.settings.home))
    shown = CliRunner().invoke(command_line.app, ["list", "runs"])
    assert shown.exit_code == 0 and "\x1b]" not in shown.output
    failed = CliRunner().invoke(command_line.app, ["show", STEERING])
    assert failed.exit_code != 0 and "\x1b" not in failed.output


def test_an_address_with_markup_is_told_as_a_text(bench):
    with pytest.raises(KduiError) as refused:
        Workbench(Settings(home=bench.settings.home)).run(MARKUP)
    assert "There is no run called" in str(refused.value)  # the edges escape it: see tests/ui/test_edge.py
