"""What the Runs tab asks and shows."""

import json
import re

import pytest

from kdui.core.errors import RecipeError
from kdui.core.metric import ACCURACY
from kdui.core.numbers import time_left
from kdui.core.page_rows import ModelResult
from kdui.core.run import RunState, StepState, StepStatus
from kdui.core.statistics.paired import Difference, Discordant, over_examples
from kdui.ui.build import BuildCalls
from kdui.ui.compare import CompareCalls
from kdui.ui.explore import ExploreCalls
from kdui.ui.panel import answered
from kdui.ui.run_family import FamilyCalls
from kdui.ui.run_table import ago
from kdui.ui.run_view import gain_html, results_html, stage_state, strip_html
from kdui.ui.runs import RunCalls
from tests.ui.stocked import StockedWorkbench, measured
from tests.workbench.families.made import finish


@pytest.fixture
def bench(settings):
    return StockedWorkbench(settings)


@pytest.fixture
def calls(bench):
    return RunCalls(bench)


def test_the_empty_store_suggests_what_to_do(calls):
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
    assert "There is no run 'nope'" in answered(calls.run_detail)({"run": "nope"})["error"]
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
    assert answered(calls.run_detail)({"run": first.id, "known": True}) == {"error": "This run was deleted."}
    assert "it was deleted" in answered(calls.run_detail)({"run": first.id})["error"]


def test_a_chosen_run_shows_results_recipe_and_a_way_to_clone(bench, calls):
    run = bench.stock(name="My <run>")
    detail = calls.run_detail({"run": run.id})
    assert "My &lt;run&gt;" in detail["head"] and "succeeded" in detail["head"]
    assert detail["results"].count('scope="col"') == 8 and "Same student" not in detail["results"]
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


def step(name: str, role: str | None, state: StepState, **values) -> StepStatus:
    stage = name.partition(".")[0]
    facts = {"name": name, "stage": stage, "method": stage, "role": role, "label": f"The {role}", "produces": "model"}
    return StepStatus(**{**facts, "digest": name, "state": state, **values})


def test_the_strip_shows_one_box_a_model_in_the_order_of_time():
    steps = [
        step("teach", "teacher", StepState.CACHED),
        step("measure.teach", "teacher", StepState.DONE, seconds=2.0),
        step("distill.outputs", None, StepState.DONE),
        step("distill", "student", StepState.RUNNING, progress=0.5, eta_seconds=40),
        step("measure.distill", "student", StepState.WAITING),
        step("distill.control", "control", StepState.WAITING),
    ]
    html = strip_html(steps)
    assert re.findall(r'class="stage (\w+)".*?<b>(.*?)</b>', html) == [
        ("done", "✓ Teacher"),
        ("running", "▶ Student"),
        ("waiting", "Control"),
    ]
    assert "50 % · in training" in html and " left" not in html
    assert "waiting</li>" in html and "not finished</li>" in strip_html(steps, over=True) != html
    assert stage_state(steps[:1]) is StepState.CACHED and stage_state(steps[3:]) is StepState.RUNNING
    assert stage_state(steps[:2]) is StepState.DONE


def student_row(bench, run_id):
    """A student's row as the engine writes it."""
    row = next(row for row in bench.store.results.rows_of_run(run_id) if row["role"] == "student")
    return {key: value for key, value in row.items() if key not in ("id", "run", "step")}


def test_the_queue_stands_in_its_order_behind_what_runs_and_before_what_has_ended(bench, calls):
    ended = bench.stock(name="Ended")
    first = bench.submit(bench.recipe("quickstart").with_values({"name": "First"}))
    bench.store.runs.claim("cpu")
    waiting = [bench.submit(bench.recipe("quickstart").with_values({"name": f"Waiting {at}"})) for at in range(3)]
    bench.store.runs.update(first.id, headline="97.8 % ●")  # of its teacher: the student is not measured yet
    table = calls.run_table({})
    assert table["first"] == first.id and "97.8" not in table["html"]
    order = [run.id for run in (first, *waiting, ended)]
    assert re.findall(r'<tr class="pickable[^"]*" data-run="(\w+)"', table["html"]) == order
    assert re.findall(r"(\w+) in the queue</div>", table["html"]) == ["1st", "2nd", "3rd"]
    calls.run_act({"run": waiting[2].id, "act": "move", "places": -1})
    moved = re.findall(r'<tr class="pickable[^"]*" data-run="(\w+)"', calls.run_table({})["html"])
    assert moved == [first.id, waiting[0].id, waiting[2].id, waiting[1].id, ended.id]
    bench.store.results.record(first.id, "measure.distill", [measured("accuracy", 97.8, "%")], student_row(bench, ended.id))
    assert "97.8" in calls.run_table({})["html"]


def test_runs_are_distinguished_by_what_differs_and_a_sweep_is_one_row(bench, calls):
    quickstart = bench.recipe("quickstart")
    bench.submit(quickstart)
    bench.submit(quickstart.with_values({"distill.temperature": 6.0}))
    bench.submit(quickstart.with_values({"name": "", "seed": 3, "student": "resnet-tiny"}))
    named = bench.submit(quickstart.with_values({"name": "My <own>"}))
    sweep = bench.submit_sweep(quickstart.with_values({"name": "Demo"}), {"distill.temperature": [1.0, 8.0], "seed": [0, 1]})
    rows = {row.id: row for row in bench.runs().rows}
    titles = [row.title for row in rows.values() if row.title and not row.sweep]
    assert sorted(titles) == [
        "Digits · CNN small · T 4 · seed 0",
        "Digits · CNN small · T 6 · seed 0",
        "Digits · ResNet tiny · T 4 · seed 3",
    ]
    assert rows[named.id].title == "" and [rows[run.id].title for run in sweep] == [
        "T 1 · seed 0", "T 1 · seed 1", "T 8 · seed 0", "T 8 · seed 1",
    ]  # fmt: skip
    html = calls.run_table({})["html"]
    assert html.count("<details") == 1 and "4 runs: 4 queued" in html and "My &lt;own&gt;" in html
    assert "<details" in html and " open>" not in html and " open>" in calls.run_table({"chosen": sweep[1].id})["html"]
    assert bench.run(sweep[0].id).run.name == "Demo · distill.temperature=1.0, seed=0"  # what is stored stays


def test_a_few_metrics_are_in_sight_and_all_below():
    names = ("accuracy", "latency_p50", "latency_p95", "speedup", "parameters", "macs", "peak_memory", "load_time", "ece", "top5")
    values = {name: measured(name, 1.0, "%" if name == "accuracy" else "") for name in names}
    html = results_html([ModelResult(step="measure", role="student", label="S", digest="d", measurements=values)], ACCURACY)
    shown, _, folded = html.partition('<details class="fold" id="all-metrics"><summary>Show all 10 metrics</summary>')
    assert (shown.count('<th scope="row">'), folded.count('<th scope="row">')) == (4, 6)
    assert shown.index("Accuracy") < shown.index("Latency p50") < shown.index("Parameters") and "Load time" in folded


@pytest.mark.parametrize(("seconds", "words"), [
    (0.3, "a few seconds"), (7, "a few seconds"), (22, "about 20 s"), (54, "about 50 s"), (58, "about 1 min"),
    (100, "about 2 min"),    (170, "about 3 min"), (700, "about 10 min"), (4000, "about 65 min"), (6000, "about 1 h 40 min"),
])  # fmt: skip
def test_what_is_left_is_reported_as_roughly_as_it_is_known(seconds, words):
    assert time_left(seconds).replace("\u202f", " ") == words


def test_the_gain_of_one_run_claims_no_more_than_one_seed():
    assert "not enough to tell" in gain_html(Difference(value=1.2), ACCURACY)
    assert "paired over 1,000 test examples" in gain_html(over_examples([Discordant(20, 60, 1000)]), ACCURACY)
    assert "differences below 3.4 points could not be detected" in gain_html(over_examples([Discordant(10, 9, 359)]), ACCURACY)
    assert gain_html(None, ACCURACY) == ""


def test_ages_are_reported_in_the_largest_unit():
    from datetime import UTC, datetime

    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert ago("2026-11-24T11:57:30", now) == "2 min ago" and ago("2026-11-22T11:00:00", now) == "2 d ago"
    assert ago("yesterday", now) == "yesterday"


def test_what_is_not_there_yet_states_what_is_running(bench):
    explore, compare = ExploreCalls(bench), CompareCalls(bench)
    assert "Nothing measured on this task yet" in explore.explore_view({"task": "digits"})["empty"]
    run = bench.submit(bench.recipe("quickstart"))
    assert "waits in the queue" in compare.compare_start({"task": "digits"})["empty"]
    bench.store.runs.claim("cpu")
    bench.store.runs.set_step(run.id, "teach", state=StepState.RUNNING, progress=0.3)
    bench.store.runs.update(run.id, progress=0.25, eta_seconds=41.0)
    for message in (explore.explore_view({"task": "digits"})["empty"], compare.compare_start({"task": "digits"})["empty"]):
        assert "Soft targets on digits is training the teacher: about 40\u202fs left." in message
        assert 'aria-valuenow="25"' in message and f"?tab=runs&amp;run={run.id}" in message
    assert "Nothing measured" in explore.explore_view({"task": "fashion-mnist"})["empty"]


def test_a_family_has_a_view_and_is_paused_extended_and_deleted_from_it(bench, calls):
    family = FamilyCalls(bench)
    wish = {"distill.temperature": [1.0, 8.0], "distill.soft_weight": [0.3, 0.9]}
    key = bench.families.grid(bench.recipe("quickstart").with_values({"name": "De<mo"}), wish).id
    assert "Nothing of it is measured" in family.run_family({"family": key})["map"]["note"]
    runs = bench.families.runs(key)
    for run, headline in zip(runs, (90.0, 91.0, 92.5), strict=False):
        finish(bench, run, headline)
    shown = family.run_family({"family": key})
    assert "distill temperature 8, distill soft weight 0.3 (92.5 %; 1 run" in shown["map"]["title"]
    assert "3 of 4 settings measured" in shown["map"]["subtitle"] and "Best of 3 models" in shown["lines"]["title"]
    assert "De&lt;mo" in shown["head"] and "3 of 4 runs finished" in shown["head"]
    assert re.findall(r'run=(\w+)">(\d)', shown["table"])[:2] == [(runs[2].id, "3"), (runs[1].id, "2")]  # the best first
    table = calls.run_table({"chosen": key})
    assert table["html"].count("<details") == 1 and "best 92.5" in table["html"] and 'class="sweep chosen"' in table["html"]
    assert "settings" not in family.run_family_csv({"family": key})["csv"].splitlines()[0]
    family.run_family_act({"family": key, "act": "pause"})
    assert "Paused" in family.run_family({"family": key})["head"]
    wish = {"family": key, "act": "extend", "setting": "distill.temperature", "values": "4"}
    assert family.run_family_act(wish)["done"] == "2 runs added"
    for values, words in (("4", "all of these runs"), ("x", "is not a number")):
        with pytest.raises(RecipeError, match=words):
            family.run_family_act({**wish, "values": values})
    with pytest.raises(RecipeError, match="can't be done to a family"):
        family.run_family_act({"family": key, "act": "explode"})
    family.run_family_act({"family": key, "act": "delete"})
    assert bench.runs().total == 0


def test_a_search_is_begun_in_build_and_its_view_names_the_pick_and_the_reason(bench):
    build, family = BuildCalls(bench), FamilyCalls(bench)
    assert "distill.temperature = 1..20" in build.build_search({})["axes"]
    wish = {"axes": "distill.temperature = 1..8\nquantize.bits = 4, 8", "download_mb": "0.5", "latency_ms": "", "minutes": "5"}
    said = build.build_search({"search": wish, "queue": True})["said"]
    key = re.search(r"family=([\w-]+)", said)[1]
    shown = family.run_family({"family": key})
    assert "Nothing is measured yet" in shown["map"]["note"] and not shown["settled"]
    for headline, size in ((95.0, 0.9), (90.0, 0.4), (91.0, 0.4)):
        finish(bench, bench.families.runs(key)[-1], headline, download_mb=size)
        bench.searches.look(key)
    shown = family.run_family({"family": key})
    assert "Best of 2 trials that keep the limits: trial 3 (91.0 %, 400 kB)" in shown["map"]["title"]
    assert "at most 500" in shown["map"]["subtitle"] and "Next best: trial 2" in shown["found"] and "91.0" in shown["found"]
    assert family.run_family_act({"family": key, "act": "extend", "count": 5})["done"] == "5 min added"
    for wrong, words in (({"axes": "temperature"}, "is not STEP.SETTING"), ({**wish, "minutes": "0"}, "minutes cannot be used")):
        answer = answered(build.build_search)({"search": wrong, "queue": True})
        assert words.lower() in answer["error"].lower()
