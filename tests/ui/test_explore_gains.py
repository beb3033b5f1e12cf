"""The gain from distillation in Explore."""

import io
import json
import statistics
import time

import pandas as pd
import pytest

from kdui.ui.explore_gains import GainCalls
from kdui.ui.panel import answered
from kdui.workbench.results_frame import Makers
from tests.charts.frames import random_points
from tests.charts.test_gains import seeds
from tests.charts.test_grid import GRID
from tests.ui.stocked import StockedWorkbench


@pytest.fixture
def bench(settings):
    return StockedWorkbench(settings)


@pytest.fixture
def calls(bench):
    return GainCalls(bench)


def test_without_results_it_suggests_what_to_do(calls):
    answer = calls.explore_gains({"task": "digits"})
    assert "Control run" in answer["gains"]["note"] and "Queue a sweep" in answer["grid"]["note"]
    assert "figure" not in answer["gains"] and answer["pairs"] == ""


def test_measured_runs_give_a_gain_by_method_for_their_pair(bench, calls):
    for seed, better in enumerate((0.0, 0.2, -0.1)):
        bench.stock(seed=seed, better=better)
    answer = calls.explore_gains({"task": "digits"})
    assert answer["pair"] == "cnn-medium → cnn-small"
    assert answer["gains"]["title"] == "Soft targets beats the same student without KD by +1.2 ± 0.2 points"
    drawn = json.loads(answer["gains"]["figure"])
    assert drawn["data"][0]["customdata"][0][1] == "Soft targets"
    assert "No grid" in answer["grid"]["title"]


def test_a_chain_of_methods_is_named_as_one(calls, bench, monkeypatch):
    frame = pd.DataFrame([{**row, "method": "assistant+distill"} for row in seeds("distill", (1.0, 1.1))])
    monkeypatch.setattr(bench, "points", lambda task: frame)
    drawn = json.loads(calls.explore_gains({"task": "digits"})["gains"]["figure"])
    assert drawn["data"][0]["customdata"][0][1] == "Soft targets after teacher assistant"


def test_the_stage_that_taught_a_model_is_among_the_points(bench):
    bench.stock()
    made = bench.points("digits").set_index("role")["method"]
    assert made.to_dict() == {"teacher": "", "student": "distill", "control": "distill", "compressed": "distill"}


@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("quantize", {}, "distill"),
        ("quantize", {"epochs": 1}, "distill+quantize"),
        ("prune", {"epochs": 0}, "distill"),
        ("prune", {}, "distill+prune"),
        ("encode", {}, "distill"),
    ],
)
def test_a_compression_taught_the_model_that_it_recovers_and_no_other(method, settings, words):
    recipe = {"stages": [{"method": "teach"}, {"method": "distill"}, {"method": method, "settings": settings}]}
    assert Makers(recipe).taught_by(f"measure.{method}") == words


def test_a_grid_is_drawn_by_gain_or_accuracy_and_kept_until_the_points_change(bench, calls, monkeypatch):
    frame = pd.DataFrame([row for cell in GRID for row in cell])
    monkeypatch.setattr(bench, "points", lambda task: frame)
    gain, level = (calls.explore_gains({"task": "digits", "quantity": each})["grid"] for each in ("value", "headline"))
    assert "+2.0 ± 0.2 points" in gain["title"] and "97.0 %" in level["title"] and gain["figure"] != level["figure"]
    assert calls.explore_gains({"task": "digits"}) is calls.explore_gains({"task": "digits"})
    table = pd.read_csv(io.StringIO(calls.explore_gains_csv({"task": "digits", "of": "grid"})["csv"]))
    assert table[["temperature", "soft_weight", "seeds"]].to_numpy().tolist() == [[1, 0.3, 3], [1, 0.9, 3], [4, 0.3, 3]]
    rows = pd.read_csv(io.StringIO(calls.explore_gains_csv({"task": "digits", "of": "gains"})["csv"]))
    assert rows["title"].tolist() == ["Soft targets"]


def test_wrong_wishes_are_refused_in_words(calls):
    assert "Did you mean 'digits'" in answered(calls.explore_gains)({"task": "digit"})["error"]
    assert "quantity" in answered(calls.explore_gains)({"task": "digits", "quantity": "luck"})["error"]


def test_ten_thousand_runs_are_answered_at_once(bench, calls, monkeypatch):
    spent = []
    for _ in range(3):
        frame = random_points(40_000).assign(method="distill")
        frame["step"] = "measure.distill" + frame["role"].map({"control": ".control"}).fillna("")
        monkeypatch.setattr(bench, "points", lambda task, frame=frame: frame)
        start = time.process_time()
        assert calls.explore_gains({"task": "digits"})["gains"]["figure"]
        spent.append(time.process_time() - start)
    assert statistics.median(spent) < 1.5  # once for each new result; after that it is kept
