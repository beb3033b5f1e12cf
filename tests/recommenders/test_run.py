"""A small run: matrix factorization teaches a mean of film vectors, baselines stand beside it, Compare shows the first ten."""

import importlib
import sys
from pathlib import Path

import pytest

from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError, RecipeError
from kdui.core.page_rows import Answer
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.modalities import modality_of
from kdui.serving.answers import Answers
from kdui.ui.answers import items
from kdui.ui.compare_view import compared, told_of_each_other
from kdui.workbench.stored_rows import answer
from tests.engine.digits import Bench

HERE = Path(__file__).parent
RECIPE = {
    "task": "tiny-films",
    "teacher": "matrix-factorization",
    "student": "history-mean-16",
    "stages": [
        "teach",
        {"ranking_distillation": {"epochs": 15, "learning_rate": 0.05, "batch_size": 32, "top": 5}},
        "export",
        {"measure": {"speed": False}},
    ],
}


@pytest.fixture(scope="module")
def tiny():
    importlib.import_module("kdui.tasks").__path__.append(str(HERE / "tasks"))
    TASKS._found = None
    yield
    importlib.import_module("kdui.tasks").__path__.remove(str(HERE / "tasks"))
    TASKS._found = None
    for module in [name for name in sys.modules if name.startswith("kdui.tasks.tiny_films")]:
        del sys.modules[module]


@pytest.fixture(scope="module")
def bench(tiny, tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("recommenders"))


@pytest.fixture(scope="module")
def run(bench):
    finished = bench.run(RECIPE)
    assert finished.state is RunState.SUCCEEDED, finished.error
    return finished


def test_baselines_are_rows_of_the_result(bench, run):
    measured = bench.measured(run)
    ours = "ranking_distillation"
    assert set(measured) == {"teach", ours, f"{ours}.control", "baseline.popularity"}  # the other baseline teaches
    figures = {name: rows["ndcg_at_10"] for name, rows in measured.items()}
    assert all(each.low < each.value < each.high for each in figures.values())
    popular = figures["baseline.popularity"].value
    assert popular < 0.45 and figures["teach"].value > popular + 0.1 and figures[ours].value > popular + 0.1
    assert measured[ours]["hit_rate_at_10"].low is not None and measured[ours]["coverage_at_10"].high is not None
    training = bench.summary(run, "teach")["training"]
    assert len(training["tried"]) == 12
    assert max(each["validation"] for each in training["tried"]) == pytest.approx(training["validation"], abs=1e-6)


def test_a_baseline_that_teaches_is_made_once(bench):
    steps = plan_recipe(Recipe.model_validate({**RECIPE, "teacher": "history-attention-64"}), bench.settings)
    assert [step.role for step in steps if step.operation == "learn"] == ["baseline", "baseline"]
    steps = plan_recipe(Recipe.model_validate(RECIPE), bench.settings)
    assert [step.role for step in steps if step.operation == "learn"] == ["teacher", "baseline"]


def test_what_cannot_be_is_refused_in_words(bench):
    with pytest.raises(RecipeError, match="learns from no teacher"):
        plan_recipe(Recipe.model_validate({**RECIPE, "student": "popularity"}), bench.settings)
    with pytest.raises(RecipeError, match="needs one label for each example, but Tiny films is a task of ranking"):
        plan_recipe(Recipe.model_validate({**RECIPE, "stages": ["teach", "pseudo_labels"]}), bench.settings)
    digits = {"task": "digits", "teacher": "cnn-medium", "student": "cnn-small", "stages": ["teach", "ranking_distillation"]}
    with pytest.raises(RecipeError, match="needs rankings"):
        plan_recipe(Recipe.model_validate(digits), bench.settings)


def test_compare_marks_what_both_propose_and_what_was_taken(bench, run):
    answers = Answers(bench.settings)
    digests = [row["digest"] for row in bench.store.results.rows_of_run(run.id)[:2]]
    example = answers.examples("tiny-films", 1, 0)[0]
    assert example["items"][0].startswith("Film ") and example["then"] and example["truth"] == ""
    raw = modality_of("interactions").parse(example["items"], TASKS["tiny-films"])
    told = [answer(each) for each in answers.ask("tiny-films", digests, raw)]
    assert all(isinstance(each, Answer) and len(each.parts[0].rows) == 10 for each in told)
    assert not {row.name for each in told for row in each.parts[0].rows} & set(raw)
    both = set.intersection(*({row.name for row in each.parts[0].rows} for each in told))
    cards = [items.html(each.parts[0], "student") for each in told_of_each_other(told, example["then"])]
    assert [card.count('class="shared"') for card in cards] == [len(both)] * 2
    right = [sum(row.name in example["then"] for row in each.parts[0].rows) for each in told]
    assert [card.count("✓") for card in cards] == right
    assert compared(told, example["then"]).startswith(f"Both models propose {len(both)} of the same 10 items (●).")
    assert answers.names("tiny-films")[0] == TASKS.module("tiny-films", "load").load(None)["train"].names[0]
    with pytest.raises(KduiError, match="is not among the 40 items"):
        answers.ask("tiny-films", digests, ("Film 99 (2079)",))
