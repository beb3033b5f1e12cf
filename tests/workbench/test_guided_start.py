"""A goal leads to a recipe that can be queued, with a reason for each choice; what cannot run is not offered."""

import pytest

from kdui.catalogue.goals import NONE, goals
from kdui.catalogue.methods import METHODS
from kdui.core.errors import KduiError, RecipeError, UnknownName
from kdui.core.method import Group
from kdui.workbench.guided_start import fitting_tasks, fitting_teachers, suggest
from kdui.workbench.workbench import Workbench


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    from kdui.settings import Settings

    return Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))


@pytest.mark.parametrize("name", [name for name, goal in goals().items() if not goal.own])
def test_whatever_is_offered_can_be_queued_and_says_why(bench, name):
    tasks = fitting_tasks(bench, name)
    assert "digits" in tasks
    for task in tasks:
        assert fitting_teachers(bench, name, task), task
        result = suggest(bench, name, task)
        bench.check(result.recipe)
        assert result.recipe.task == task and result.recipe.name.startswith(goals()[name].title)
        assert [each.what for each in result.choices[:3]] == ["Teacher", "Student", "Distillation"]
        assert all(each.why.endswith(".") for each in result.choices)
        compressed = [stage for stage in result.recipe.stages if METHODS[stage.method].group is Group.COMPRESS]
        assert len(result.choices) == 3 + max(len(compressed), NONE in goals()[name].reasons)
        assert bench.estimate(bench.plan(result.recipe)).seconds > 0


def test_few_labels_are_given_to_teacher_and_student_alike_and_not_offered_where_there_are_none(bench):
    offered = fitting_tasks(bench, "few")
    assert "books" in fitting_tasks(bench, "small") and "books" not in offered
    for task in ("digits", "fashion-mnist"):  # one has a recipe of its own for it, the other's is changed
        stages = suggest(bench, "few", task).recipe.stages
        assert [stage.settings.get("labels") for stage in stages[:2]] == [0.1, 0.1], task


def test_a_chain_that_a_student_cannot_take_is_replaced_by_the_next_one(bench):
    assert METHODS["prune_structured"].name in [stage.method for stage in suggest(bench, "fast", "digits").recipe.stages]
    text = suggest(bench, "fast", "reuters-r8")  # a BiLSTM has no channels to remove
    assert [stage.method for stage in text.recipe.stages] == ["teach", "distill", "quantize", "export", "measure"]


def test_a_model_of_ones_own_is_asked_for_and_read(bench):
    with pytest.raises(KduiError, match="Name your model: hub:OWNER/NAME"):
        suggest(bench, "own", "digits")
    with pytest.raises(RecipeError, match=r"There is no file /nowhere\.onnx"):
        suggest(bench, "own", "digits", "onnx:/nowhere.onnx")
    result = suggest(bench, "own", "fashion-mnist", "onnx:assets/teachers/fashion-keras.onnx?scale=255")
    assert result.recipe.stages[0].method == "distill"  # a black box is not trained
    assert (result.choices[0].chosen, result.choices[0].why) == ("fashion-keras.onnx", "Your own model.")


def test_an_unknown_goal_is_named(bench):
    with pytest.raises(UnknownName, match="Did you mean 'small'"):
        suggest(bench, "smal", "digits")
