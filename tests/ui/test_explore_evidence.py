"""What Explore says about the models of one run."""

import io
import json

import pandas as pd
import pytest

from kdui.charts.evidence_chart import CHARTS
from kdui.ui.explore_evidence import EvidenceCalls, evidence_markup
from kdui.ui.panel import answered
from tests.charts import evidence_frames as frames
from tests.ui.stocked import StockedWorkbench

FRAMES = {
    "comparisons": frames.comparisons(),
    "classes": frames.classes(),
    "slices": frames.slices(),
    "bins": frames.bins(),
    "shift": frames.shift(),
    "elsewhere": frames.elsewhere(),
    "robustness": frames.robustness(),
    "sweep": frames.sweep((64, 16)),
    "kernels": frames.kernels(),
    "measurements": frames.language(),
    "runtimes": frames.runtimes(),
}


@pytest.fixture
def bench(settings):
    return StockedWorkbench(settings)


@pytest.fixture
def calls(bench):
    return EvidenceCalls(bench)


def test_without_results_each_chart_states_which_knob_to_turn(calls, bench):
    for stock in (False, True):
        if stock:
            bench.stock()  # measured, but nothing of what these charts show
        answer = calls.explore_evidence({"task": "digits"})
        assert all("figure" not in answer[name] and answer[name]["note"] for name in CHARTS)
        assert "Robustness examples" in answer["robustness"]["note"] and "Latency sweep" in answer["sweep"]["note"]
        assert "Out-of-domain examples" in answer["elsewhere"]["note"]


def test_one_answer_holds_all_charts_and_what_to_choose_from(calls, bench, monkeypatch):
    run, other = bench.stock(), bench.stock(bits=4)
    monkeypatch.setattr(bench, "evidence", lambda run: FRAMES)
    answer = calls.explore_evidence({"task": "digits"})
    assert all(json.loads(answer[name]["figure"])["data"] for name in CHARTS)
    assert answer["run"] == other.id and run.id in answer["run-options"]
    assert answer["model"] == "measure.quantize" and "The student" in answer["model-options"]
    assert (answer["corruption"], answer["by"]) == ("mean", "batch") and "word drop" in answer["corruption-options"]
    assert answer["kernels"]["text"] == "<li>Student · int8: 2 × Softmax: no int8 kernel for Softmax</li>"
    assert "+1.0 points against the control" in answer["flips"]["text"] and answer["flips"]["text"].count("<li>") == 3
    assert answer["sliced"] == "measure.quantize" and answer["harmed"] == 2.0 and "on 1 of 4 slices" in answer["slices"]["title"]
    stricter = calls.explore_evidence({"task": "digits", "harmed": "19.5"})
    assert stricter["harmed"] == 19.5 and "though on 1 it may" in stricter["slices"]["title"]
    assert answer["trait"] == "novelty" and "length" in answer["trait-options"]
    wish = {"task": "digits", "run": run.id, "model": "measure.distill", "corruption": "noise", "by": "tokens", "trait": "length"}
    chosen = calls.explore_evidence(wish)
    assert (chosen["run"], chosen["model"], chosen["corruption"], chosen["by"], chosen["trait"]) == (*list(wish.values())[1:],)
    assert "The student loses most" in chosen["harm"]["title"] and "tokens" in chosen["sweep"]["title"]
    assert "on long inputs" in chosen["shift"]["title"]
    assert answer["quantity"] == "teacher_agreement" and "Repeated 4-grams" in answer["quantity-options"]


def test_csv_holds_the_rows_behind_a_chart(calls, bench, monkeypatch):
    bench.stock()
    monkeypatch.setattr(bench, "evidence", lambda run: FRAMES)
    table = pd.read_csv(io.StringIO(calls.explore_evidence_csv({"task": "digits", "of": "flips"})["csv"]))
    assert table["p_value"].tolist() == frames.comparisons()["p_value"].tolist()


def test_wrong_wishes_are_refused_in_words(calls):
    assert "Did you mean 'digits'" in answered(calls.explore_evidence)({"task": "digit"})["error"]
    assert "from 0 to 20" in answered(calls.explore_evidence)({"task": "digits", "harmed": "nan"})["error"]
    assert "Known: by, corruption" in answered(calls.explore_evidence)({"task": "digits", "luck": "batch"})["error"]
    assert "Known: elsewhere, flips" in answered(calls.explore_evidence_csv)({"task": "digits", "of": "luck"})["error"]


def test_every_chart_has_its_place():
    markup = evidence_markup()
    assert all(f'id="{name}-chart"' in markup for name in CHARTS)
    assert markup.count('<details class="fold group"') == 5 and markup.count('fold group" open>') == 1
