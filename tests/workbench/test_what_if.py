"""What-if over a real store and a real serving process: models are found, layers measured once in pieces, a point at once."""

import json

import pytest

from kdui.core.errors import KduiError
from kdui.core.layout import SENSITIVITY_FILE
from kdui.core.recipe import Recipe
from kdui.ui.build import BuildCalls
from kdui.ui.build_changes import shown
from kdui.ui.panel import answered
from kdui.ui.what_if import WhatIfCalls
from kdui.workbench.workbench import Workbench
from tests.engine.digits import Bench, digest_of

RECIPE = {
    "task": "digits",
    "teacher": "cnn-small",
    "student": "cnn-tiny",
    "stages": [{"teach": {"epochs": 2}}, {"distill": {"epochs": 2, "control": False}}, "export"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run that exported its models and measured nothing."""
    bench = Bench(tmp_path_factory.mktemp("what-if"))
    run = bench.run(RECIPE)
    assert run.error is None
    return bench, run


@pytest.fixture(scope="module")
def workbench(made):
    workbench = Workbench(made[0].settings)
    yield workbench
    workbench.close()


def test_the_very_recipe_comes_before_an_earlier_run_and_the_student_before_its_teacher(made, workbench):
    here = workbench.what_if.models(workbench.plan(Recipe.model_validate(RECIPE)))
    assert [(each["role"], each["note"]) for each in here] == [("student", ""), ("teacher", "")]
    assert here[0]["digest"] == digest_of(made[1], "export.distill")
    other = Recipe.model_validate(RECIPE).with_values({"seed": 7})  # the teacher has a seed of its own: it stays the very one
    assert [(each["digest"], each["note"]) for each in workbench.what_if.models(workbench.plan(other))] == [
        (digest_of(made[1], "export.distill"), "from an earlier run"),
        (digest_of(made[1], "export.teach"), ""),
    ]
    strangers = Recipe.model_validate({**RECIPE, "teacher": "cnn-medium", "student": "cnn-medium"})
    assert workbench.what_if.models(workbench.plan(strangers)) == []


def test_a_sensitivity_is_measured_in_pieces_kept_and_found_by_a_recipe(made, workbench, monkeypatch):
    bench, run = made
    model = digest_of(run, "export.distill")
    monkeypatch.setattr("kdui.workbench.what_if.SLICE_SECONDS", 0.0)  # one change a call
    assert workbench.what_if.sensitivity("digits", model) is None
    first = workbench.what_if.compute("digits", model)
    assert (first["done"], first["total"] > 20, first["eta"] > 0) == (1, True, True)
    monkeypatch.setattr("kdui.workbench.what_if.SLICE_SECONDS", 20.0)
    calls = WhatIfCalls(workbench)
    last = calls.whatif_compute({"task": "digits", "model": model})
    assert last["done"] == last["total"] == first["total"]
    result = workbench.what_if.sensitivity("digits", model)
    assert last["found"] == result == calls.whatif_open({"task": "digits", "model": model})["found"]
    assert result["n"] == 179 and result["split"] == "validation"
    assert workbench.what_if.compute("digits", model)["done"] == 1  # the second time it is there
    plain = {**RECIPE, "stages": [*RECIPE["stages"][:2], "sensitivity"]}
    again = bench.run(plain)
    step = next(step for step in again.steps if step.name == "sensitivity")
    assert step.state == "cached"
    kept = json.loads((bench.folder(again, "sensitivity") / SENSITIVITY_FILE).read_text(encoding="utf-8"))
    assert kept == result
    assert "most sensitive layer" in workbench.run(again.id).findings[0]


def test_a_point_is_measured_on_the_same_examples_and_no_change_loses_nothing(made, workbench):
    model = digest_of(made[1], "export.distill")
    calls = WhatIfCalls(workbench)
    assert calls.whatif_prepare({"task": "digits", "model": model}) == {}
    nothing = calls.whatif_measure({"task": "digits", "model": model})
    assert (nothing["drop"], nothing["kl"], nothing["n"], nothing["split"]) == (0.0, 0.0, 179, "validation")
    harsh = calls.whatif_measure({"task": "digits", "model": model, "sparsity": 0.9, "bits": 2})
    assert harsh["kl"] > 0 and harsh["headline"] == pytest.approx(nothing["headline"] - harsh["drop"])
    joint = calls.whatif_measure({"task": "digits", "model": model, "sparsity": 0.5, "bits": 4})
    result = workbench.what_if.sensitivity("digits", model)
    if result:  # the same change of the same model on the same examples
        row = next(row for row in result["joint"] if row["change"] == {"sparsity": 0.5, "rank": 1.0, "bits": 4})
        assert joint["headline"] == row["measured"]["headline"] and joint["kl"] == pytest.approx(row["measured"]["kl"])


def test_what_cannot_be_asked_is_refused_in_words(made, workbench):
    calls = WhatIfCalls(workbench)
    wrong = answered(calls.whatif_measure)({"task": "digits", "model": "x", "bits": 1})
    assert "bits" in wrong["error"]
    with pytest.raises(KduiError, match="not in the store"):
        workbench.what_if.measure("digits", "0" * 64, {})
    impossible = Recipe.model_validate({**RECIPE, "stages": ["teach"]})
    view = BuildCalls(workbench).build_plan({"state": shown(impossible, None).model_dump(), "seen": {}})
    assert view["data"]["whatif"]["data"] == {"task": "digits", "models": []}
