"""Generators from data to answers: a DCGAN and a small one of tiny pictures, in int8 and pruned, measured, compared."""

import base64
import importlib
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdui.catalogue.tasks import TASKS
from kdui.core.answers import Picture
from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from kdui.serving.answers import Answers
from kdui.ui.answers import picture
from kdui.workbench.evidence import Evidence
from tests.engine.digits import Bench

HERE = Path(__file__).parent
TASK = "tiny-pictures"
TESTED = 40
SMALL = {"batch_size": 16, "learning_rate": 0.002}
RECIPE = {
    "task": TASK,
    "teacher": "dcgan?width=4",
    "student": "dcgan-tiny",
    "stages": [
        {"teach": {**SMALL, "epochs": 2}},
        {
            "generator_distillation": {
                **SMALL,
                "epochs": 4,
                "feature_weight": 1,
                "layers": "auto",
                "adversarial_weight": 0.1,
                "data_weight": 0.1,
            }
        },
        {"prune": {**SMALL, "sparsity": 0.3, "epochs": 1}},
        {"quantize": {"bits": 8, "calibration_examples": 16}},
        "export",
        {"measure": {"speed": False}},
    ],
}
STAGE = "generator_distillation"


@pytest.fixture(scope="module")
def tiny():
    importlib.import_module("kdui.tasks").__path__.append(str(HERE / "tasks"))
    TASKS._found = None
    yield
    importlib.import_module("kdui.tasks").__path__.remove(str(HERE / "tasks"))
    TASKS._found = None
    for module in [name for name in sys.modules if name.startswith("kdui.tasks.tiny_pictures")]:
        del sys.modules[module]


@pytest.fixture(scope="module")
def bench(tiny, tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("generation"))


@pytest.fixture(scope="module")
def run(bench):
    finished_run = bench.run(RECIPE)
    assert finished_run.state is RunState.SUCCEEDED, finished_run.error
    return finished_run


def test_what_means_nothing_for_pictures_is_refused_in_words(bench):
    with pytest.raises(RecipeError, match="needs categorical distributions to match, but Tiny pictures is a task of generation"):
        bench.plan({**RECIPE, "stages": ["teach", "distill"]})
    with pytest.raises(RecipeError, match="takes nothing from the teacher"):
        bench.plan({**RECIPE, "stages": ["teach", {STAGE: {"output_weight": 0}}]})
    with pytest.raises(RecipeError, match="pictures that are made of noise"):
        bench.plan({"task": "digits", "teacher": "cnn-medium", "student": "cnn-small", "stages": ["teach", STAGE]})


def test_the_student_nears_its_teachers_pictures_under_two_adversaries(bench, run):
    history = bench.summary(run, STAGE)["training"]["history"]
    assert history[-1]["train_pictures"] < 0.9 * history[1]["train_pictures"]
    told = {"train_generator teacher", "train_adversary teacher", "train_generator data", "train_adversary data", "train_maps"}
    assert told < history[1].keys()
    assert bench.summary(run, f"{STAGE}.outputs")["shape"] == [1, 96, 784, 1]
    control = bench.summary(run, f"{STAGE}.control")["training"]["history"][1]
    assert {"train_generator", "train_adversary"} < control.keys() and "train_pictures" not in control


def test_what_is_measured_has_an_interval_and_names_its_judge(bench, run):
    measured = bench.measured(run)
    for name in ("teach", STAGE, f"{STAGE}.control", "prune", "quantize"):
        distance = measured[name]["frechet_distance"]
        assert 0 <= distance.low < distance.value < distance.high and not distance.higher_is_better
        assert "in features of the classifier" in distance.provenance.note and distance.provenance.n == TESTED
        assert all(0 <= measured[name][other].value <= 100 for other in ("precision", "coverage", "class_balance"))
    assert bench.summary(run, "quantize")["validation"]["quantized"] > 0
    evidence = Evidence(bench.store, lambda what, task: pytest.fail("no true labels are asked for"))
    difference = evidence.difference(run.id, f"measure.{STAGE}", "measure.teach")
    apart = measured["teach"]["frechet_distance"].value - measured[STAGE]["frechet_distance"].value
    assert difference.examples == TESTED and difference.value == pytest.approx(apart, abs=1e-3)


def test_compare_makes_pictures_of_one_noise(bench, run):
    answers = Answers(bench.settings)
    digests = [row["digest"] for row in bench.store.results.rows_of_run(run.id)][:2]
    assert answers.examples(TASK, 1, 3)[0]["text"] == "3"
    parts = [Picture.model_validate(answer["parts"][0]) for answer in answers.ask(TASK, digests, [3, 0, 0])]
    levels = [np.asarray(Image.open(io.BytesIO(base64.b64decode(part.image)))).astype(float) for part in parts]
    assert levels[0].shape == (28, 28) and f"{np.abs(levels[0] - levels[1]).mean():.1f}." in picture.compared(parts, ())
    assert parts[0].label in picture.html(parts[0], "teacher") and picture.compared(parts[:1], ()) == ""
    moved = Picture.model_validate(answers.ask(TASK, digests[:1], [3, 3, 0])[0]["parts"][0])
    assert moved.image != parts[0].image
