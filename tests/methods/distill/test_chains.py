"""Chains of distillations: assistants, generations, and distilling while pruning against one after the other."""

import pytest
import torch
from torch import nn

from kdui.core.errors import RecipeError
from kdui.models.module_store import load_model
from kdui.training.compressing import GradualPruning
from kdui.training.pruning import cubic_sparsity
from kdui.training.weights import prunable_weights
from tests.engine.digits import digest_of
from tests.methods.taught import STUDENT, TEACH, digits_recipe, learned


def test_an_assistant_learns_from_the_teacher_and_teaches_the_student(bench):
    recipe = digits_recipe("distill", student="cnn-tiny")
    recipe["stages"].insert(1, {"assistant": {**STUDENT, "model": "cnn-small"}})
    assert learned(bench, recipe, "distill")["validation"] > 70  # 290 parameters
    run = bench.run(recipe)
    assistant = digest_of(run, "assistant")
    inputs = bench.store.artifacts.manifest(digest_of(run, "distill")).inputs
    assert inputs["teacher"] == assistant != digest_of(run, "teach")
    assert bench.store.artifacts.manifest(inputs["outputs"]).inputs["teacher"] == assistant


def test_the_teacher_stays_what_models_are_measured_against(bench):
    recipe = digits_recipe("distill", student="cnn-tiny")
    recipe["stages"].insert(1, {"assistant": {**STUDENT, "model": "cnn-small"}})
    plan = bench.plan({**recipe, "stages": [*recipe["stages"], "measure"]})
    assert {step.name: step.inputs["baseline"] for step in plan if step.method == "measure"} == dict.fromkeys(
        ["measure.teach", "measure.assistant", "measure.distill"], "export.teach"
    )
    assert [step.role for step in plan if step.method == "measure"] == ["teacher", "assistant", "student"]


def test_an_unknown_assistant_is_refused_in_words(bench):
    recipe = digits_recipe("distill")
    recipe["stages"].insert(1, {"assistant": {"model": "cnn-medum"}})
    with pytest.raises(RecipeError, match="cnn-medium"):
        bench.plan(recipe)


def test_each_generation_is_taught_by_the_one_before(bench):
    recipe = digits_recipe("born_again", generations=3, epochs=6)
    # It has 89 on a CPU; another device rounds otherwise, and one of the 179 examples is half a point.
    assert learned(bench, recipe, "born_again")["validation"] > 80
    run = bench.run(recipe)
    manifests = {
        name: bench.store.artifacts.manifest(digest_of(run, name)) for name in ("born_again.1", "born_again.2", "born_again")
    }
    assert manifests["born_again.1"].inputs["teacher"] == digest_of(run, "teach")
    assert manifests["born_again.2"].inputs["teacher"] == digest_of(run, "born_again.1")
    assert manifests["born_again"].inputs["teacher"] == digest_of(run, "born_again.2")
    assert len({manifest.settings["seed"] for manifest in manifests.values()}) == 3


def test_distilling_while_pruning_ends_at_the_asked_sparsity(bench):
    recipe = digits_recipe("distill_sparse", sparsity=0.6, settled_at=0.5, epochs=10)
    training = learned(bench, recipe, "distill_sparse")
    assert training["validation"] > 85
    assert training["best_epoch"] >= 5  # no epoch before the schedule had ended may be kept
    module, _, _ = load_model(bench.folder(bench.run(recipe), "distill_sparse"))
    weights = prunable_weights(module)
    zeros = sum(int((weight == 0).sum()) for weight in weights.values())
    assert zeros / sum(weight.numel() for weight in weights.values()) == pytest.approx(0.6, abs=0.005)


def test_one_after_the_other_stays_possible_at_equal_compute(bench):
    recipe = {
        "task": "digits",
        "teacher": "cnn-medium",
        "student": "cnn-small",
        "stages": [
            {"teach": TEACH},
            {"distill": {**STUDENT, "epochs": 6}},
            {"prune": {"sparsity": 0.6, "epochs": 4, "batch_size": 32, "learning_rate": 0.005}},
        ],
    }
    assert learned(bench, recipe, "prune")["validation"] > 85


def test_the_sparsity_schedule_by_hand():
    assert cubic_sparsity(0.8, 0.0) == 0.0
    assert cubic_sparsity(0.8, 0.5) == pytest.approx(0.8 * (1 - 0.125))
    assert cubic_sparsity(0.8, 1.0) == cubic_sparsity(0.8, 7.0) == 0.8


def test_between_two_cuts_pruned_weights_stay_zero():
    layer = nn.Linear(20, 20)
    pruning = GradualPruning(0.5, settled_at=0.5, every=10)
    pruning.begin(layer)
    pruning.after_step(0.25)
    gone = layer.weight == 0
    assert int(gone.sum()) == round(400 * cubic_sparsity(0.5, 0.5))
    with torch.no_grad():
        layer.weight.add_(1.0)
    pruning.after_step(0.3)  # no cut is due: the masks hold
    assert torch.equal(layer.weight == 0, gone)
    pruning.after_step(0.5)
    assert int((layer.weight == 0).sum()) == 200


@pytest.mark.parametrize(
    ("layers", "words"),
    [("0:3", "layer 3 of the teacher, but CNN medium has layers 0 to 2"), ("2:0", "layer 2 of the student, but CNN small has")],
)
def test_layers_that_are_not_there_are_refused_before_anything_is_queued(bench, layers, words):
    with pytest.raises(RecipeError, match=words):
        bench.plan(digits_recipe("hints", layers=layers))
    assert bench.plan(digits_recipe("hints", layers="1:2, 0:0"))
