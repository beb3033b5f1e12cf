"""What the lenses are given: the teacher's predictions for every method that asks it, and never its features."""

import json

import pytest

from kdui.catalogue.planner import plan_recipe
from kdui.core.recipe import Recipe
from kdui.store.store import Store
from kdui.workbench.lenses import lens_data
from tests.store.made import facts

ANSWERS = {"labels": ["0", "1"], "examples": [{"image": None, "text": None, "truth": "1", "logits": [1.0, 2.0]}]}


@pytest.fixture
def store(settings):
    return Store(settings)


def taught_by(method: str, **changes) -> Recipe:
    plain = {"task": "digits", "teacher": "cnn-medium", "student": "cnn-small", "stages": ["teach", method, "measure"]}
    return Recipe.model_validate({**plain, **changes})


def keep(store: Store, step, files: dict[str, str], **more) -> None:
    """An artifact of a planned step, as its operation would leave it."""
    with store.artifacts.draft(step.digest) as folder:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        store.artifacts.commit(folder, {**facts(step.name), "digest": step.digest, "produces": step.produces, **more})


@pytest.mark.parametrize("method", ["distill", "dkd", "hints"])
def test_the_teachers_answers_are_shown_whatever_the_method(store, settings, method):
    recipe = taught_by(method)
    plan = plan_recipe(recipe, settings)
    steps = {step.name: step for step in plan}
    assert lens_data(store, recipe, plan)["temperature"]["origin"] == "none"
    if method == "hints":  # kept first, and no answers
        keep(store, steps["hints.features"], {"features.npy": "x"})
    keep(store, steps[f"{method}.outputs"], {"lens.json": json.dumps(ANSWERS)})
    shown = lens_data(store, recipe, plan)["temperature"]
    assert (shown["origin"], shown["examples"]) == ("measured", ANSWERS["examples"])
    assert "other settings" not in shown["note"]


def test_an_assistants_answers_are_not_taken_for_the_teachers(store, settings):
    recipe = taught_by("distill", stages=["teach", "assistant", "distill", "measure"])
    plan = plan_recipe(recipe, settings)
    own = next(step for step in plan if step.operation == "teacher_outputs" and step.inputs["teacher"] == "assistant")
    keep(store, own, {"lens.json": json.dumps(ANSWERS)})
    assert lens_data(store, recipe, plan)["temperature"]["origin"] == "none"


def test_curves_of_any_method_that_names_both_losses_are_shown(store, settings):
    recipe = taught_by("dkd")
    plan = plan_recipe(recipe, settings)
    student = next(step for step in plan if step.role == "student" and step.produces == "model")
    history = [{"epoch": 1, "train_soft": 2.0, "train_hard": 1.0}, {"epoch": 2, "train_soft": 1.5, "train_hard": 0.5}]
    keep(store, student, {"lens.json": "{}"}, summary={"training": {"history": history}})
    curves = lens_data(store, recipe, plan)["soft_weight"]
    assert (curves["epochs"], curves["soft"], curves["hard"]) == ([1, 2], [2.0, 1.5], [1.0, 0.5])
