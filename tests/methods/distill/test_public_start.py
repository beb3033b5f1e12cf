"""A student of texts under a teacher of which only predictions are available: its initial weights are public ones."""

import pytest

from kdui.catalogue.models import resolve
from kdui.catalogue.tasks import TASKS
from kdui.core.recipe import ModelRef, Recipe
from kdui.core.run import RunState
from kdui.models.module_store import load_model
from kdui.workbench.estimate import Estimator
from tests.engine.digits import Bench

pytestmark = pytest.mark.usefixtures("few_examples")

KNOBS = {"epochs": 4, "batch_size": 16, "learning_rate": 0.01, "train_examples": 640, "control": False}
PLAIN = {"task": "reuters-r8", "teacher": "csv:assets/teachers/reuters-words.csv", "student": "pooled-64"}
RECIPE = {**PLAIN, "stages": [{"distill": KNOBS}]}


@pytest.fixture(scope="module")
def bench(tmp_path_factory, shared_cache):
    bench = Bench(tmp_path_factory.mktemp("public"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    return bench


def test_it_has_the_words_of_minilm_and_learns_from_the_table(bench):
    run = bench.run(RECIPE)
    assert run.state is RunState.SUCCEEDED, run.error
    assert any("is initialized from the public weights of MiniLM-L6" in line for line in bench.said(run))
    assert bench.summary(run, "teacher")["train_accuracy"] > 0.95
    assert bench.summary(run, "distill")["training"]["validation"] > 65  # the largest topic is half of the texts
    words = load_model(bench.folder(run, "distill"))[0].word_embedding
    assert words.num_embeddings == 30522


def test_the_page_reports_it_before_it_starts(bench):
    estimate = Estimator(bench.store, lambda task, ref: {"parameters": 1, "macs": 1}).estimate
    warnings = estimate(Recipe.model_validate(RECIPE), bench.plan(RECIPE)).warnings
    assert any("public weights of MiniLM-L6" in line for line in warnings)


def test_the_weights_that_stand_in_are_part_of_the_students_name(bench):
    own = bench.plan({**PLAIN, "teacher": "minilm-l6", "stages": ["teach", {"distill": KNOBS}]})
    assert "donor" not in own[-1].settings["model"]
    donor = resolve(ModelRef.parse("minilm-l6"), TASKS["reuters-r8"], bench.settings).source
    assert bench.plan(RECIPE)[-1].settings["model"]["donor"] == donor
