"""What suits a problem: methods and knobs that need what a task does not give are refused before anything is queued."""

import pytest

from kdui.catalogue.methods import METHODS
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.problems import PROBLEMS
from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import NEEDS
from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe
from kdui.ui.forms import applies, knobs

BOOKS = {"task": "books", "teacher": "lm-small", "student": "lm-tiny"}


def planned(settings, *stages, **given):
    return plan_recipe(Recipe.model_validate({**BOOKS, **given, "stages": ["teach", *stages]}), settings)


def test_every_task_names_a_problem_and_every_need_has_words():
    assert {task.problem for task in TASKS.values()} <= set(PROBLEMS)
    assert {need for method in METHODS.values() for need in method.needs} <= set(NEEDS)
    assert {need for problem in PROBLEMS.values() for need in problem.gives} <= set(NEEDS)


def test_every_method_suits_some_problem():
    for method in METHODS.values():
        assert any(method.needs <= problem.gives for problem in PROBLEMS.values()), method.name


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if "labels" in method.needs])
def test_a_method_on_labels_is_refused_for_a_language_model(settings, method):
    with pytest.raises(
        RecipeError,
        match=r"needs one label.* but Books .* is a task of language modelling.* 'distill'.* the task digits",
    ):
        planned(settings, method)


def test_methods_on_rows_and_compression_are_planned(settings):
    for method in ("distill", "dkd", "born_again"):
        assert any(step.operation == "teacher_outputs" for step in planned(settings, method))
    steps = planned(settings, "distill", "prune", {"quantize": {"bits": 4, "scheme": "weight-only"}}, "export", "measure")
    assert steps[-1].produces == "measurements"


@pytest.mark.parametrize(
    ("stage", "knob", "needed"),
    [
        ({"distill": {"smooth_control": True}}, "smooth_control", "examples that each belong to a class"),
        ({"distill": {"labels": 0.5}}, "labels", "examples that each belong to a class"),
        ({"measure": {"robustness": 100}}, "robustness", "true answers that hold for an input that is made worse, too"),
    ],
)
def test_a_knob_that_means_nothing_is_refused_where_it_is_turned(settings, stage, knob, needed):
    stages = [stage] if "distill" in stage else ["distill", "export", stage]
    with pytest.raises(RecipeError, match=f"'{knob}' needs {needed}.*Leave '{knob}' out"):
        planned(settings, *stages)


def test_such_a_knob_is_not_drawn_but_stays_where_it_was_turned():
    knob = next(each for each in knobs(METHODS["distill"].spec) if each.name == "smooth_control")
    books, digits = PROBLEMS["language-model"].gives, PROBLEMS["classification"].gives
    assert applies(knob, {}, "text", gives=digits) and not applies(knob, {}, "text", gives=books)
    assert applies(knob, {"smooth_control": True}, "text", gives=books)


def test_a_model_for_another_problem_is_refused(settings):
    with pytest.raises(RecipeError, match="language-model"):
        planned(settings, "distill", student="minilm-l3")
    with pytest.raises(RecipeError, match="lm-small"):
        plan_recipe(Recipe.model_validate({"task": "sentiment", "teacher": "lm-small", "stages": ["teach"]}), settings)


def test_pretraining_is_for_tasks_with_classes(settings):
    recipe = {"task": "books", "teacher": "lm-small", "stages": ["pretrain", "teach"]}
    with pytest.raises(RecipeError, match="pre-train needs examples that each belong to a class"):
        plan_recipe(Recipe.model_validate(recipe), settings)
