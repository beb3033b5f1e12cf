"""What Build says before a run, for any method that trains the student."""

import pytest

from kdui.catalogue.methods import METHODS
from kdui.catalogue.planner import plan_recipe
from kdui.core.counts import CONTAINER
from kdui.core.recipe import Recipe
from kdui.store.store import Store
from kdui.workbench.estimate import Estimator, counted, warnings

SIZES = {
    "cnn-medium": {"parameters": 72_714, "macs": 600_000},
    "cnn-small": {"parameters": 1_442, "macs": 23_000},
    "cnn-large": {"parameters": 1_000_000, "macs": 50_000_000},
}


def estimate(settings, *stages, **changes):
    plain = {"task": "digits", "teacher": "cnn-medium", "student": "cnn-small", "stages": ["teach", *stages, "measure"]}
    recipe = Recipe.model_validate({**plain, **changes})
    return Estimator(Store(settings), lambda task, ref: SIZES[ref]).estimate(recipe, plan_recipe(recipe, settings))


@pytest.mark.parametrize("method", ["distill", "dkd", "dist"])
def test_warnings_follow_the_method_that_trains_the_student(settings, method):
    warnings = " ".join(estimate(settings, {method: {"temperature": 15, "soft_weight": 0, "control": False}}).warnings)
    assert (
        "Above a temperature of 10" in warnings
        and "the teacher has no effect" in warnings
        and "Without the control run" in warnings
    )
    assert estimate(settings, method).warnings == ()


def test_a_match_of_features_counts_without_soft_targets(settings):
    assert estimate(settings, {"hints": {"soft_weight": 0}}).warnings == ()
    assert "no effect" in estimate(settings, {"hints": {"soft_weight": 0, "match_weight": 0}}).warnings[0]
    assert estimate(settings, {"relational": {"soft_weight": 0}}).warnings == ()  # empty is the task's own weight, not none


def test_what_a_teacher_gives_beside_soft_targets_counts_without_them():
    recipe = Recipe.model_validate(
        {"task": "digits", "teacher": "cnn-medium", "student": "cnn-small", "stages": ["teach", "distill"]}
    )
    beside = {name: method.spec.beside_soft for name, method in METHODS.items() if getattr(method.spec, "beside_soft", "")}
    assert {"guided_ctc": "guide_weight", "box_distillation": "box_weight", "hints": "match_weight"}.items() <= beside.items()
    for name, knob in beside.items():
        settings = {**METHODS[name].spec().model_dump(), "soft_weight": 0}
        assert not any("no effect" in sentence for sentence in warnings(recipe, {name: settings}, None, None)), name
        without = warnings(recipe, {name: {**settings, knob: 0}}, None, None)
        assert any("no effect" in sentence for sentence in without), name


def test_an_assistant_takes_the_time_of_its_own_size(settings):
    small, large = (
        next(
            step.seconds
            for step in estimate(settings, {"assistant": {"model": model}}, "distill").steps
            if step.name == "assistant"
        )
        for model in ("cnn-small", "cnn-large")
    )
    assert large > 10 * small


def test_weights_that_go_while_distilling_shrink_the_download():
    size = SIZES["cnn-small"]
    dense, sparse = (
        counted(size, {"distill_sparse": {"sparsity": share, "weight_bits": 0}}).download - CONTAINER / 1e6
        for share in (0.0, 0.9)
    )
    assert sparse < dense / 4


def test_structured_pruning_shrinks_parameters_and_macs():
    channels = {"target": "share", "share": 0.5}
    result = counted(SIZES["cnn-medium"], {"prune_structured": channels})
    assert (result.parameters, result.macs) == (72_714 / 4, 150_000)
    result = counted(SIZES["cnn-medium"], {"prune_structured": {"target": "macs", "keep": 0.3}})
    assert result.macs == pytest.approx(180_000)
    parts = {"target": "share", "heads": 0.5, "feed_forward": 0.5, "hidden": 0.0, "layers": 0.5}
    # Of 100 parameters 10 are used a token and cut to a quarter; the other 90 are embeddings.
    result = counted({"parameters": 100, "macs": 80}, {"prune_structured": parts}, length=8)
    assert (result.parameters, result.macs) == (92.5, 20)


def test_what_no_formula_can_count_is_called_estimated(settings):
    def parameters(*stages):
        (row,) = [row for row in estimate(settings, "distill", *stages).rows if row.quantity == "Parameters"]
        return row.result, str(row.result_origin)

    assert parameters() == (1_442, "measured") == parameters("prune")
    assert parameters({"factorize": {"rank_by": "budget", "budget": 0.5}}) == (721, "estimated")
    assert parameters({"factorize": {"rank_by": "energy"}}) == (1_442, "estimated")  # the singular values are not known yet
    assert parameters({"prune_structured": {"share": 0.5}}) == (1_442 / 4, "estimated")


def test_a_step_that_trains_nothing_takes_what_its_method_says(settings):
    def seconds(*stages):
        return {step.name: step.seconds for step in estimate(settings, "distill", *stages).steps}

    result = seconds("quantize", "encode", "export")
    assert (result["quantize"], result["encode"]) == (METHODS["quantize"].seconds, METHODS["encode"].seconds)
    assert (result["export.distill"], result["measure.distill"]) == (METHODS["export"].seconds, METHODS["measure"].seconds)
    few, many = (seconds({"sensitivity": {"examples": examples}})["sensitivity"] for examples in (100, 1000))
    assert many == pytest.approx(10 * few)
