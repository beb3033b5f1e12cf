"""What stands beside a student: the same training without its teacher, and on labels as soft as the targets it learned from."""

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import load_task
from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from kdui.methods.distill.distill.losses import smoothing_of_equal_entropy
from kdui.models.module_store import load_model
from kdui.training.weights import prunable_weights
from tests.methods.taught import TEACH, digits_recipe

FINAL = {"epochs": 1, "smooth_control": True}


def soft(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    result = np.exp((logits - logits.max(-1, keepdims=True)) / temperature)
    return result / result.sum(-1, keepdims=True)


def smoothing_by_hand(soft_targets: np.ndarray, labels: np.ndarray, soft_weight: float) -> float:
    """ε for targets α · soft + (1 − α) · one-hot, worked out in numpy."""
    mixed = soft_weight * soft_targets + (1 - soft_weight) * np.eye(soft_targets.shape[-1])[labels]
    return smoothing_of_equal_entropy(float(-(mixed * np.log(np.maximum(mixed, 1e-300))).sum(-1).mean()), mixed.shape[-1])


def smoothing_and_answers(bench, recipe, stage):
    """What a run's control was smoothed by, and the cached answers [views, n, classes] that it read, by input name."""
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    steps = {step.name: step for step in bench.plan(recipe)}
    reads = {key: name for key, name in steps[f"{stage}.smoothed"].inputs.items() if key.startswith("outputs")}
    answers = {key: np.load(bench.folder(run, name) / "outputs.npy").astype(np.float64) for key, name in sorted(reads.items())}
    return bench.summary(run, f"{stage}.smoothed")["smoothing"], answers


@pytest.fixture(scope="module")
def labels(bench):
    return load_task("digits", bench.settings)[1]["train"].targets


def test_standardised_logits_are_as_soft_as_they_are_compared(bench, labels):
    recipe = digits_recipe("distill", standardize=True, temperature=2, soft_weight=0.6, **FINAL)
    result, answers = smoothing_and_answers(bench, recipe, "distill")
    logits = answers["outputs"][0]
    logits = (logits - logits.mean(-1, keepdims=True)) / logits.std(-1, keepdims=True)
    assert result == pytest.approx(smoothing_by_hand(soft(logits, 2), labels, 0.6), rel=1e-3)


def test_a_schedule_counts_with_its_mean_entropy(bench, labels):
    schedule = {"temperature": 8, "temperature_schedule": "linear", "last_temperature": 2, "soft_weight": 1.0}
    result, answers = smoothing_and_answers(bench, digits_recipe("distill", **schedule, **FINAL), "distill")
    ends = [smoothing_by_hand(soft(answers["outputs"][0], temperature), labels, 1.0) for temperature in (2, 8)]
    assert ends[0] + 0.05 < result < ends[1] - 0.05  # between its ends, and not at the first one


@pytest.mark.parametrize("weighting", ["average", "random", "gate", "confidence"])
def test_several_teachers_are_as_soft_as_their_mixture(bench, labels, weighting):
    recipe = digits_recipe("ensemble", weighting=weighting, temperature=3, soft_weight=0.8, **FINAL)
    result, answers = smoothing_and_answers(bench, recipe, "ensemble")
    each = np.stack([soft(logits[0], 3) for logits in answers.values()])
    assert len(each) == 2
    together = smoothing_by_hand(each.mean(0), labels, 0.8)
    if weighting in ("average", "gate"):
        assert result == pytest.approx(together, rel=1e-3)
    elif weighting == "random":  # one at a time is never softer than their mixture
        entropies = np.concatenate(each)
        assert result == pytest.approx(smoothing_by_hand(entropies, np.tile(labels, 2), 0.8), rel=1e-3)
        assert result < together
    else:
        assert result == pytest.approx(together, abs=0.05) and result != pytest.approx(together, rel=1e-6)


def test_changed_examples_have_the_teachers_answer_alone(bench, labels):
    recipe = digits_recipe("transfer_set", views=2, temperature=2, soft_weight=0.3, **FINAL)
    result, answers = smoothing_and_answers(bench, recipe, "transfer_set")
    mixed, alone = (soft(view, 2) for view in answers["outputs"])
    targets = np.concatenate([0.3 * mixed + 0.7 * np.eye(10)[labels], alone])
    assert result == pytest.approx(smoothing_by_hand(targets, np.tile(labels, 2), 1.0), rel=1e-3)


@pytest.mark.parametrize(("method", "asked"), [("born_again", "born_again.1"), ("mutual", "mutual")])
def test_the_control_is_as_soft_as_who_taught_last(bench, method, asked):
    steps = {step.name: step for step in bench.plan(digits_recipe(method, smooth_control=True))}
    outputs = steps[steps[f"{method}.smoothed"].inputs["outputs"]]
    assert outputs.inputs == {"teacher": asked}


def test_students_without_a_teacher_have_both_controls(bench):
    recipe = digits_recipe("mutual", **{**FINAL, "control": True})
    recipe = {**recipe, "teacher": None, "stages": recipe["stages"][1:]}
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    assert {"mutual", "mutual.control", "mutual.smoothed"} <= {step.name for step in run.steps}
    assert 0 < bench.summary(run, "mutual.smoothed")["smoothing"] < 1


def test_after_an_assistant_the_control_starts_from_the_recipes_own_teacher(bench):
    stages = [{"teach": {"epochs": 1}}, {"assistant": {"model": "minilm-l3"}}, {"distill": {"smooth_control": True}}]
    recipe = {"task": "reuters-r8", "teacher": "minilm-l6", "student": "minilm-l1", "stages": stages}
    steps = {step.name: step for step in bench.plan(recipe)}
    assert steps["distill"].inputs["teacher"] == "assistant"
    assert steps["distill.control"].inputs == {"teacher": "teach"}
    assert steps["distill.smoothed"].inputs["teacher"] == "teach"
    assert steps["distill.control"].label.endswith("(no KD)")


def test_a_student_that_is_compressed_while_it_learns_has_controls_as_small(bench):
    sparse = {"sparsity": 0.6, "settled_at": 0.5, "weight_bits": 4, "control": True}
    run = bench.run(digits_recipe("distill_sparse", **{**FINAL, **sparse, "epochs": 4}))
    assert run.state is RunState.SUCCEEDED, run.error
    for name in ("distill_sparse", "distill_sparse.control", "distill_sparse.smoothed"):
        summary = bench.summary(run, name)
        assert summary["nonzero"] < 0.5 * summary["parameters"], name
        assert (bench.folder(run, name) / "quantization.json").exists(), name


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("prune", {"sparsity": 0.7}),
        ("prune_structured", {"share": 0.3}),
        ("factorize", {"rank_by": "ratio", "ratio": 0.5}),
        ("codebook", {"bits": 3}),
        ("qat", {"weight_bits": 3, "activation_bits": 0}),
    ],
)
def test_every_compression_has_both_controls(bench, method, settings):
    stage = {method: {"epochs": 1, "batch_size": 32, "control": True, "smooth_control": True, **settings}}
    recipe = {"task": "digits", "teacher": "cnn-medium", "stages": [{"teach": TEACH}, stage]}
    plain = {**recipe, "stages": [{"teach": TEACH}, {method: {"epochs": 1, "batch_size": 32, **settings}}]}
    planned, alone = ({step.name: step for step in bench.plan(each)} for each in (recipe, plain))
    assert planned[method].digest == alone[method].digest, "a control changes nothing of the model"
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    taught, control, smoothed = (
        bench.summary(run, f"{method}{end}")["training"]["history"][-1] for end in ("", ".control", ".smoothed")
    )
    assert "train_soft" in taught and "train_soft" not in control
    assert smoothed["loss"] > control["loss"]  # soft labels have entropy, which no model takes away


def test_a_recovery_without_a_teacher_is_reported_that_it_has_no_control(bench):
    taught = {"task": "digits", "teacher": "cnn-medium"}
    with pytest.raises(RecipeError, match="'epochs' is 0"):
        bench.plan({**taught, "stages": [{"teach": TEACH}, {"prune": {"control": True, "epochs": 0}}]})
    peers = [{"mutual": {"control": False}}, {"prune": {"control": True}}]
    with pytest.raises(RecipeError, match="has no teacher"):
        bench.plan({"task": "digits", "student": "cnn-small", "stages": peers})
    swept = bench.plan({**taught, "stages": [{"teach": TEACH}, {"prune": {"control": True, "soft_weight": 0}}]})
    assert "prune.control" not in {step.name for step in swept}


def test_masks_of_a_control_hold(bench):
    stage = {"prune": {"sparsity": 0.7, "epochs": 1, "batch_size": 32, "control": True}}
    run = bench.run({"task": "digits", "teacher": "cnn-medium", "stages": [{"teach": TEACH}, stage]})
    weights = prunable_weights(load_model(bench.folder(run, "prune.control"))[0]).values()
    assert sum(int(torch.count_nonzero(weight)) for weight in weights) <= 0.31 * sum(weight.numel() for weight in weights)
