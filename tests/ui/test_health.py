"""What watches over the server is told, and what it must bring for that."""

import base64

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kdui.settings import Settings
from kdui.ui.sign_in import MOST_WRONG
from tests.ui.served import launched
from tests.ui.stocked import StockedWorkbench
from tests.ui.test_guard import CALL, ask, panel


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    bench = StockedWorkbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    run = bench.stock()
    bench.submit(bench.recipe("quickstart"))
    bench.store.runs.set_step(run.id, run.steps[0].name, state="done", seconds=2.5)
    bench.store.runs.set_step(run.id, run.steps[1].name, state="cached", seconds=0.1)
    with launched(bench, auth=("owner", "right")) as page:
        page.methods = [step.method for step in run.steps[:2]]
        yield page
    bench.close()


def basic(password, user="owner"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def figures(text):
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_health_needs_no_password_and_metrics_do(page):
    assert [part if isinstance(part, str) else part.status for part in ask(page, path="/healthz")] == [200, "ok\n"]
    assert ask(page, path="/healthz", host="evil.example")[0].status == 403
    assert ask(page, path="/metrics")[0].status == 401
    assert ask(page, path="/metrics", host="evil.example", Authorization=basic("right"))[0].status == 403
    assert ask(page, path="/config", Authorization=basic("right"))[0].status == 401  # for metrics alone


def test_metrics_count_runs_steps_answers_and_memory(page):
    before = figures(ask(page, path="/metrics", Authorization=basic("right"))[1])
    call = {"component_id": panel(page, "run_table"), "fn_name": "run_table", "data": {}}
    ask(page, "POST", CALL, call)  # without a cookie: refused before it is an answer
    answer, text = ask(page, path="/metrics", Authorization=basic("right"))
    now = figures(text)
    assert answer.getheader("content-type").startswith("text/plain")
    assert now["kdui_runs", "succeeded"] == 1 and now["kdui_runs", "queued"] == now["kdui_queue_length",] == 1
    taught, distilled = page.methods
    assert now["kdui_step_seconds", taught] == 2.5
    assert now["kdui_steps", "computed", taught] == now["kdui_steps", "cached", distilled] == 1
    assert now["kdui_answer_seconds_count",] == before["kdui_answer_seconds_count",]
    assert now["kdui_memory_bytes", "page"] > 50e6


def test_guesses_at_the_metrics_are_throttled_like_those_of_the_form(page):
    there = {"X_Forwarded_For": "10.0.3.1"}
    wrong = [ask(page, path="/metrics", Authorization=basic("wrong"), **there)[0].status for _ in range(MOST_WRONG + 1)]
    assert wrong == [401] * MOST_WRONG + [429]
    assert ask(page, path="/metrics", Authorization=basic("right"), **there)[0].status == 429
    assert ask(page, path="/metrics", Authorization=basic("right", "other"))[0].status == 401
    assert ask(page, path="/metrics", Authorization="Basic ???")[0].status == 401
