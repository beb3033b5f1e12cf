"""A verdict for machines over runs whose models gave known answers to the real test examples."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import app
from kdui.core.errors import KduiError
from kdui.core.metric import ACCURACY
from kdui.core.page_rows import ModelResult
from kdui.workbench.gating.figures import examples_needed, impossible
from kdui.workbench.gating.judge import gate
from kdui.workbench.gating.verdict import Aims, Verdict, aims_of
from tests.workbench.gating.crafted import N, measured

ALL = Aims(retain=97, faster=1.5, smaller=10)


def words(judgement):
    return " ".join(reason.words for reason in judgement.reasons)


def test_a_model_that_surely_meets_every_aim_is_accepted(crafted):
    actual = gate(crafted.bench, crafted.run(), "", ALL)
    assert (actual.verdict, actual.verdict.code, actual.model) == (Verdict.ACCEPT, 0, "The compressed")
    figures = {reason.aim: reason.figure for reason in actual.reasons if reason.figure}
    assert figures["retain"].value == pytest.approx(100 * 350 / 351) and figures["retain"].low > 97
    assert (figures["faster"].low, figures["smaller"].value) == (17, pytest.approx(1e6 / 14e3))
    assert "paired over 359 test examples" in words(actual)


def test_a_model_that_lost_too_much_is_a_regression(crafted):
    actual = gate(crafted.bench, crafted.run(wrong={"quantize": range(60)}), "quantize", Aims(retain=97))
    assert (actual.verdict, actual.verdict.code) == (Verdict.REGRESSION, 1)
    assert "missed" in words(actual) and "The student (distill) of this run meets all aims" in words(actual)


def test_retained_is_accepted_by_the_lower_end_of_its_interval_alone(crafted):
    run = crafted.run(wrong={"quantize": range(17)})  # nine examples less: 97.4 % retained
    actual = gate(crafted.bench, run, "", Aims(retain=97))
    assert actual.verdict is Verdict.REGRESSION and "not shown" in words(actual)
    assert gate(crafted.bench, run, "", Aims(retain=94)).verdict is Verdict.ACCEPT


def test_a_model_that_answers_one_label_is_an_anomaly(crafted):
    actual = gate(crafted.bench, crafted.run(wrong={"quantize": np.full(N, 3)}), "", Aims(smaller=10))
    assert (actual.verdict, actual.verdict.code) == (Verdict.ANOMALOUS, 3)
    assert "predicts one label for all inputs" in words(actual) and "most frequent label" in words(actual)


def test_a_share_of_a_teacher_that_knows_nothing_is_an_anomaly(crafted):
    actual = gate(crafted.bench, crafted.run(wrong={"teach": np.full(N, 3), "quantize": np.full(N, 3)}), "", Aims(retain=99))
    assert actual.verdict is Verdict.ANOMALOUS and "the teacher has" in words(actual)


def test_more_than_the_teacher_beyond_noise_is_an_anomaly_unless_it_is_meant(crafted):
    run = crafted.run(wrong={"teach": range(40)})
    actual = gate(crafted.bench, run, "", Aims(retain=99))
    assert actual.verdict is Verdict.ANOMALOUS and "more than its teacher beyond noise" in words(actual)
    assert gate(crafted.bench, run, "", Aims(retain=99), may_exceed=True).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wrong": {"quantize": np.arange(200) % 10}}, "different test sets"),
        ({"quantize": {"speedup": {"value": -2.0}}}, "cannot be"),
        ({"teach": {"file_bytes": {"value": 0.0}}}, "cannot be"),
        ({"quantize": {"accuracy": {"value": 140.0}}}, "cannot be"),
        (
            {"quantize": {"latency_p50": {"provenance": measured("x", 1, "", device="another CPU").provenance}}},
            "different devices",
        ),
        ({"quantize": {"speedup": {"low": None}}}, "has no speed-up"),
        ({"speed": {"quantize": (1.1, 1.6, 2.4)}}, "wide. Measure again"),
    ],
    ids=["unpaired", "speed", "size", "share", "devices", "missing", "noise"],
)
def test_measurements_that_cannot_be_trusted_are_an_anomaly(crafted, changes, said):
    actual = gate(crafted.bench, crafted.run(**changes), "", ALL)
    assert actual.verdict is Verdict.ANOMALOUS and said in words(actual)


def test_a_share_that_is_no_number_cannot_be():
    result = ModelResult(
        step="measure.x",
        role="student",
        label="X",
        digest="d",
        measurements={"accuracy": measured("accuracy", float("nan"), "%")},
    )
    assert impossible("X", result, ACCURACY) == ["X has nan % accuracy, which cannot be."]
    assert "no accuracy" in impossible("X", result.model_copy(update={"measurements": {}}), ACCURACY)[0]


def test_noise_does_not_matter_where_the_interval_is_clear_of_the_aim(crafted):
    run = crafted.run(speed={"quantize": (2.0, 3.0, 4.5)})
    assert gate(crafted.bench, run, "", Aims(faster=1.5)).verdict is Verdict.ACCEPT
    assert gate(crafted.bench, run, "", Aims(faster=5)).verdict is Verdict.REGRESSION  # the student reaches it


def test_what_no_model_of_the_run_could_reach_is_infeasible(crafted):
    run = crafted.run()
    for aims in (Aims(smaller=1e6), Aims(faster=1000), Aims(retain=150)):
        actual = gate(crafted.bench, run, "", aims)
        assert (actual.verdict, actual.verdict.code) == (Verdict.INFEASIBLE, 4) and "No model of this run could reach" in words(
            actual
        )


def test_too_few_test_examples_make_an_aim_infeasible(crafted):
    actual = gate(crafted.bench, crafted.run(wrong={"quantize": range(8)}), "", Aims(retain=99.9))
    assert actual.verdict is Verdict.INFEASIBLE and "359 test examples show 98.9" in words(actual)
    needed = examples_needed(99.9, 100 * 351 / 359)
    assert f"{needed:,} would be needed" in words(actual) and needed > 3000


def test_aims_that_contradict_each_other_are_infeasible(crafted):
    run = crafted.run(wrong={"quantize": range(60)})
    actual = gate(crafted.bench, run, "", Aims(retain=97, smaller=50))  # the student keeps enough, the compressed one is small
    assert actual.verdict is Verdict.INFEASIBLE and "contradict each other" in words(actual)


def test_int8_that_is_not_faster_is_reported(crafted):
    run = crafted.run(speed={"quantize": (9.6, 10.1, 10.6)})
    actual = gate(crafted.bench, run, "", Aims(smaller=10))
    assert actual.verdict is Verdict.ACCEPT
    assert "For speed keep fp32: int8 is 1.01× as fast as The student here (0.87 to 1.18)" in words(actual)
    assert any("keep fp32" in text for text in crafted.bench.run(run).findings)
    assert not any("keep fp32" in text for text in crafted.bench.run(crafted.run()).findings)


def test_a_wrong_call_is_reported(crafted):
    run = crafted.run()
    with pytest.raises(KduiError, match="at least one of --retain"):
        gate(crafted.bench, run, "", Aims())
    with pytest.raises(KduiError, match="model of this run"):
        gate(crafted.bench, run, "nobody", ALL)
    for value in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(KduiError, match="no aim"):
            aims_of(faster=value)
    queued = crafted.bench.submit(crafted.bench.recipe("quickstart"))
    with pytest.raises(KduiError, match="Wait for its end"):
        gate(crafted.bench, queued.id, "", ALL)
    crafted.bench.cancel(queued.id)
    assert gate(crafted.bench, queued.id, "", ALL).verdict is Verdict.ANOMALOUS


def test_the_command_ends_with_the_verdicts_code(crafted, monkeypatch):
    monkeypatch.setenv("KDUI_HOME", str(crafted.bench.settings.home))
    run = crafted.run()
    good, bad, none = (
        CliRunner().invoke(app.app, ["gate", run, *more])
        for more in (["--smaller", "10", "--json"], ["--smaller", "1e6"], ["--retain", "x"])
    )
    output = json.loads(good.stdout)
    assert (good.exit_code, output["verdict"], output["code"]) == (0, "ACCEPT", 0)
    assert output["reasons"][0]["figure"]["unit"] == "×" and output["aims"] == {"retain": None, "faster": None, "smaller": 10.0}
    assert bad.exit_code == 4 and bad.stdout.startswith("INFEASIBLE  The compressed  (quantize)")
    assert none.exit_code == 2
