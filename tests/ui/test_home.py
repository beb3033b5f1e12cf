"""Home: what runs or comes next, and a recipe from three answers."""

import re
from html import unescape
from urllib.parse import parse_qs

import pytest

from kdui.core.run import RunState
from kdui.settings import Settings
from kdui.ui.build_address import unpacked
from kdui.ui.home import HomeCalls
from kdui.ui.walk import WalkCalls
from kdui.workbench.guided_start import suggest
from tests.ui.stocked import StockedWorkbench


@pytest.fixture
def bench(tmp_path):
    return StockedWorkbench(Settings(home=tmp_path, quickstart=False))


def test_what_is_next_follows_from_what_has_run(bench):
    calls = HomeCalls(bench)
    first = calls.home_now({})
    assert not first["busy"] and "from=few-labels" in first["html"]
    run = bench.stock(name="My <first>")
    html = calls.home_now({})["html"]
    assert "My &lt;first&gt;" in html and "Gain from distillation" in html
    assert re.findall(r"\?tab=(\w+)", html) == ["explore", "compare", "runs", "present"] and run.id in html
    waiting = bench.submit(bench.recipe("quickstart").with_values({"name": "Waiting"}))
    now = calls.home_now({})
    assert now["busy"] and "Waiting waits in the queue" in now["html"] and waiting.id in now["html"]
    bench.store.runs.claim("cpu")
    bench.store.runs.transition(waiting.id, RunState.FAILED, error="No <space>.")
    failed = calls.home_now({})
    assert not failed["busy"] and "No &lt;space&gt;." in failed["html"] and "See why in Runs" in failed["html"]


def test_three_answers_fill_build(bench):
    calls = HomeCalls(bench)
    answer = calls.home_goal({"goal": "few", "task": "books", "teacher": "lm-small"})  # neither fits: both are replaced
    assert "books" not in answer["tasks"] and 'value="digits" selected' in answer["tasks"]
    assert 'value="cnn-medium" selected' in answer["teachers"] and not answer["own"]
    assert "kB" in answer["html"] and "○" in answer["html"]
    (link,) = re.findall(r'id="home-fill" href="\?([^"]+)"', answer["html"])
    query = parse_qs(unescape(link))
    assert query["tab"] == ["build"]
    assert unpacked(query["recipe"][0])[1] == suggest(bench, "few", "digits").recipe
    own = calls.home_goal({"goal": "own", "task": "", "teacher": ""})
    assert own["own"] and own["html"] == "" and own["refused"].startswith("Name your model")


def test_the_walk_opens_the_quickstart_and_its_run(bench):
    stops = WalkCalls(bench).walk_stops({})["stops"]
    assert [stop["open"]["tab"] for stop in stops] == ["build", "runs", "explore", "compare", "present"]
    assert stops[0]["open"]["from"] == "few-labels" and stops[1]["open"]["run"] == ""
    run = bench.submit(bench.recipe("few-labels"))
    assert WalkCalls(bench).walk_stops({})["stops"][1]["open"]["run"] == run.id
