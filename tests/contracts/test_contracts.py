"""A toy problem and a toy modality go plan → train → distill → export → measure → explore → compare.

They are the proof that a stranger can add one in folders of its own: nothing outside ``tests/contracts`` knows them.
"""

import importlib
import re
import sys
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from kdui.bench.browser import WITHOUT_WEBGL, open_browser
from kdui.catalogue.models import FAMILIES
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.problems import PROBLEMS
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError, RecipeError
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.modalities import modality_of
from kdui.serving.answers import Answers
from kdui.ui.input_widget import INPUTS
from kdui.workbench.evidence import Evidence
from kdui.workbench.workbench import Workbench
from tests.engine.digits import Bench
from tests.ui.conftest import PATIENCE_MS
from tests.ui.served import served

HERE = Path(__file__).parent
REGISTRIES = {"tasks": TASKS, "problems": PROBLEMS, "models": FAMILIES, "modalities": None, "ui.inputs": INPUTS}
STRANGE = ("waves", "steps", "convolved", "wave")
RECIPE = {
    "task": "waves",
    "teacher": "convolved-16",
    "student": "convolved-2",
    "stages": [
        {"teach": {"epochs": 12, "learning_rate": 0.02, "batch_size": 16}},
        {"distill": {"epochs": 6, "learning_rate": 0.02, "batch_size": 16, "temperature": 2}},
        {"quantize": {"bits": 4, "scheme": "simulated"}},
        "export",
        {"measure": {"latency_runs": 20, "sweep": False}},
    ],
}


def folder_of(package):
    """The folder that stands beside the one of a package of kdui."""
    return str(HERE / package.rpartition(".")[2])


class AnsweredHere(Workbench):
    """Its models answer in this process, which alone knows the strangers."""

    @cached_property
    def serving(self):
        answers = Answers(self.settings)
        return SimpleNamespace(call=lambda kind, **values: getattr(answers, kind)(**values), notice="", close=lambda: None)


@pytest.fixture(scope="module")
def strangers():
    """The folders beside this file stand beside kdui's own."""
    for name, registry in REGISTRIES.items():
        importlib.import_module(f"kdui.{name}").__path__.append(folder_of(name))
        if registry is not None:
            registry._found = None
    yield
    for name, registry in REGISTRIES.items():
        importlib.import_module(f"kdui.{name}").__path__.remove(folder_of(name))
        if registry is not None:
            registry._found = None
    for module in [
        name for name in sys.modules if name.split(".")[-1] in STRANGE or name.split(".")[2:3] in ([each] for each in STRANGE)
    ]:
        del sys.modules[module]


@pytest.fixture(scope="module")
def bench(strangers, tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("contracts"))


@pytest.fixture(scope="module")
def run(bench):
    finished_run = bench.run(RECIPE)
    assert finished_run.state is RunState.SUCCEEDED, finished_run.error
    return finished_run


def test_each_is_small():
    for name in ("problems/steps", "modalities/wave"):
        lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (HERE / name).glob("*.py"))
        assert lines < 150, name


def test_methods_that_need_what_it_lacks_are_refused(bench):
    with pytest.raises(RecipeError, match="needs one label for each example, but Waves is a task of naming steps"):
        plan_recipe(Recipe.model_validate({**RECIPE, "stages": ["teach", "pseudo_labels"]}), bench.settings)
    with pytest.raises(RecipeError, match="takes text, but Waves is made of wave"):
        plan_recipe(Recipe.model_validate({**RECIPE, "teacher": "minilm-l6"}), bench.settings)


def test_the_best_epoch_is_the_one_with_the_fewest_errors(bench, run):
    for step in ("teach", "distill"):
        training = bench.summary(run, step)["training"]
        assert training["validation"] == min(epoch["validation"] for epoch in training["history"])
    assert bench.summary(run, "teach")["training"]["validation"] < 25  # 60 where always the most frequent step is named


def test_the_teachers_rows_are_kept_whole(bench, run):
    facts = bench.summary(run, "distill.outputs")
    places = int((TASKS.module("waves", "load").load(None)["train"].targets >= 0).sum())
    assert (facts["rows"], facts["choices"], facts["left_out"]) == (places, 3, 0)


def test_it_is_measured_by_its_own_headline_with_an_interval(bench, run):
    measured = bench.measured(run)
    teacher, student, rounded = (measured[name]["errors"] for name in ("teach", "distill", "quantize"))
    assert teacher.low < teacher.value < teacher.high < 30 and teacher.unit == "per 100 places"
    assert not teacher.higher_is_better and teacher.value < student.value < rounded.value + 1
    assert measured["distill"]["speedup"].value > 0 and "ece" not in measured["distill"]


def test_explore_pairs_its_differences_by_example(bench, run):
    evidence = Evidence(bench.store, lambda what, task: pytest.fail("no true labels are asked for"))
    paired_difference = evidence.difference(run.id, "measure.distill", "measure.teach")
    assert (
        paired_difference.value < 0 and paired_difference.examples == 80 and paired_difference.over == "examples"
    )  # more errors is worse
    frames = evidence.of_run(run.id)
    assert frames["bins"].empty and not frames["measurements"].empty
    rows = bench.store.results.rows_of_run(run.id)
    retained = {row["role"]: row["retained"] for row in rows}
    assert retained["teacher"] == pytest.approx(100) and 0 < retained["student"] < 100


def test_compare_answers_a_typed_wave(bench, run):
    facts, answers = TASKS["waves"], Answers(bench.settings)
    raw = modality_of("wave").parse("0, 0.3, 0.6, 0.9, 1.2", facts)
    digests = [bench.store.results.rows_of_run(run.id)[place]["digest"] for place in (0, 1)]
    for answer in answers.ask("waves", digests, raw):
        assert answer["parts"][0]["rows"][0]["label"] == "rises"
    assert answers.examples("waves", 2, 0)[0]["text"].count(",") >= 9
    with pytest.raises(KduiError, match="commas"):
        modality_of("wave").parse("up and down", facts)


def test_the_page_takes_a_wave_by_the_strangers_own_widget(bench, run):
    expect.set_options(timeout=PATIENCE_MS)
    with open_browser(*WITHOUT_WEBGL) as browser, served(AnsweredHere(bench.settings)) as address:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.route("**/inputs/wave.js", lambda route: route.fulfill(path=HERE / "modules" / "wave.js"))
        page.goto(f"{address}?tab=compare&task=waves")
        expect(page.locator("#compare-examples .example")).to_have_count(3)
        expect(page.locator("[data-input]:visible")).to_have_attribute("data-input", "wave")
        page.locator("#wave-frequency").fill("0.2")
        expect(page.locator("#compare-cards .card").first).to_contain_text("rises")
        expect(page.locator("#compare-agreement")).to_contain_text(re.compile("(agree:|predict) rises"))
        page.close()
