"""What the Runs tab asks and shows."""

import json

import pytest

from kdui.core.metric import ACCURACY
from kdui.core.run import RunState, StepState, StepStatus
from kdui.core.statistics.paired import Difference, Discordant, over_examples
from kdui.ui.panel import answered
from kdui.ui.run_table import ago
from kdui.ui.run_view import gain_html, stage_state, strip_html
from kdui.ui.runs import RunCalls
from tests.ui.stocked import StockedWorkbench


@pytest.fixture
def bench(settings):
    return StockedWorkbench(settings)


@pytest.fixture
def calls(bench):
    return RunCalls(bench)


def test_the_empty_store_says_what_to_do(calls):
    answer = calls.run_table({})
    assert answer["total"] == 0 and "No runs yet" in answer["html"] and "?tab=build" in answer["html"]


def test_the_table_pages_filters_and_names_the_task(bench, calls):
    for number in range(30):
        bench.submit(bench.recipe("quickstart").with_values({"name": f"Run <{number}>"}))
    first, second = calls.run_table({"page": 1}), calls.run_table({"page": 2})
    assert first["total"] == 30 and first["html"].count("<tr class") == 25 and second["html"].count("<tr class") == 5
    assert "1 – 25 of 30" in first["html"] and "26 – 30 of 30" in second["html"]
    assert "Run &lt;1&gt;" in first["html"] + second["html"] and "Run <1>" not in first["html"] + second["html"]
    assert calls.run_table({"text": "<7>"})["total"] == 1
    assert "No run matches" in calls.run_table({"state": "failed"})["html"]
    assert "Digits" in first["html"]


def test_odd_wishes_are_refused_in_words(calls):
    answer = answered(calls.run_table)({"state": "lost"})
    assert "State" in answer["error"] and "queued" in answer["error"]
    assert "Page" in answered(calls.run_table)({"page": 0})["error"]
    assert "There is no run called 'nope'" in answered(calls.run_detail)({"run": "nope"})["error"]
    assert "can't be done" in answered(calls.run_act)({"run": "x", "act": "explode"})["error"]


def test_queue_moves_cancels_resumes_and_deletes(bench, calls):
    first, second = (bench.submit(bench.recipe("quickstart").with_values({"seed": seed})) for seed in (1, 2))
    calls.run_act({"run": second.id, "act": "move", "places": -1})
    assert [run.id for run in bench.store.runs.in_state(RunState.QUEUED)] == [second.id, first.id]
    calls.run_act({"run": first.id, "act": "cancel"})
    assert "Resume" in calls.run_detail({"run": first.id})["actions"]
    calls.run_act({"run": first.id, "act": "resume"})
    assert bench.store.runs.get(first.id).state is RunState.QUEUED
    assert "Cancel" in calls.run_detail({"run": first.id})["actions"]
    calls.run_act({"run": first.id, "act": "cancel"})
    calls.run_act({"run": first.id, "act": "delete"})
    assert "There is no run" in answered(calls.run_detail)({"run": first.id})["error"]


def test_a_chosen_run_shows_results_recipe_and_a_way_to_clone(bench, calls):
    run = bench.stock(name="My <run>")
    detail = calls.run_detail({"run": run.id})
    assert "My &lt;run&gt;" in detail["head"] and "succeeded" in detail["head"]
    assert detail["results"].count('scope="col"') == 4 and "Same student" not in detail["results"]
    assert "97.6" in detail["results"] and "n = 359" in detail["results"]
    assert f"?tab=build&amp;from={run.id}" in detail["actions"] and "python app.py run quickstart" in detail["recipe"]


def test_curves_come_as_plotly_json_and_later_only_what_is_new(bench, calls):
    run = bench.submit(bench.recipe("quickstart"))
    log = bench.store.events(run.id)
    log.append("loss", step="distill", at=0.1, soft=2.0, hard=1.0)
    log.append("metric", step="distill", at=1.0, validation=91.0, validation_loss=0.4)
    first = calls.run_detail({"run": run.id, "cursor": 0})
    series = [trace["uid"] for trace in json.loads(first["curves"]["loss"])["data"]]
    assert series == ["distill--soft", "distill--hard", "distill--validation-5f-loss"]
    assert [trace["uid"] for trace in json.loads(first["curves"]["metric"])["data"]] == ["distill--validation"]
    assert calls.run_detail({"run": run.id, "cursor": first["cursor"]})["curves"] == {}
    log.append("loss", step="distill", at=0.2, soft=1.5)
    later = calls.run_detail({"run": run.id, "cursor": first["cursor"]})
    assert [trace["uid"] for trace in json.loads(later["curves"]["loss"])["data"]] == ["distill--soft"]


def step(name: str, stage: str, state: StepState, **values) -> StepStatus:
    return StepStatus(
        name=name, stage=stage, method=stage, role=None, label=name, produces="model", digest=name, state=state, **values
    )


def test_the_strip_follows_the_recipe_and_says_what_is_left():
    steps = [
        step("teach", "teach", StepState.CACHED),
        step("export.teach", "export", StepState.DONE, seconds=2.0),
        step("distill", "distill", StepState.RUNNING, progress=0.5, eta_seconds=40),
        step("export.distill", "export", StepState.WAITING),
    ]
    ready = strip_html(steps, ["distill", "export"])  # the teacher came as it is
    assert ready.index("Teach</b>") < ready.index("Distill</b>")
    html = strip_html(steps, ["teach", "distill", "export"])
    assert html.index("Teach") < html.index("Distill") < html.index("Export")
    assert "from the store" in html and "50 % · 40" in html and "1 of 2 done" in html
    assert stage_state(steps[:1]) is StepState.CACHED and stage_state(steps[2:]) is StepState.RUNNING
    assert stage_state([steps[0], steps[1]]) is StepState.DONE


def test_the_gain_of_one_run_claims_no_more_than_one_seed():
    assert "not enough to tell" in gain_html(Difference(value=1.2), ACCURACY)
    assert "paired over 1,000 test examples" in gain_html(over_examples([Discordant(20, 60, 1000)]), ACCURACY)
    assert "less than 3.4 points could not have been seen" in gain_html(over_examples([Discordant(10, 9, 359)]), ACCURACY)
    assert gain_html(None, ACCURACY) == ""


def test_ages_are_told_in_the_largest_unit():
    from datetime import UTC, datetime

    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert ago("2026-11-24T11:57:30", now) == "2 min ago" and ago("2026-11-22T11:00:00", now) == "2 d ago"
    assert ago("yesterday", now) == "yesterday"
