"""Every method that transfers outputs trains on real digits."""

import pytest

from kdui.methods.distill.distill.losses import soft_knobs
from tests.methods.taught import digits_recipe, learned


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("distill", {}),
        ("distill", {"standardize": True, "temperature": 2}),
        ("distill", {"divergence": "reverse"}),
        ("distill", {"divergence": "jensen-shannon"}),
        ("distill", {"temperature_schedule": "cosine", "soft_weight_schedule": "linear", "soft_weight": 1.0}),
        ("dkd", {}),
        ("dist", {}),
        ("hints", {"layers": "auto"}),
        ("hints", {"cache_teacher": False}),
    ],
)
def test_the_student_learns(bench, method, settings):
    training = learned(bench, digits_recipe(method, **settings), method)
    assert training["validation"] > 90


def test_smoothed_control_is_as_soft_as_the_targets(bench):
    recipe = digits_recipe("distill", smooth_control=True)
    training = learned(bench, recipe, "distill.smoothed")
    assert training["validation"] > 85


SCHEDULE = {
    **{"temperature": 8.0, "temperature_schedule": "linear", "last_temperature": 2.0},
    **{"soft_weight": 0.9, "soft_weight_schedule": "cosine", "last_soft_weight": 0.1},
}


def test_knobs_follow_their_schedule_and_stay_without_one():
    assert soft_knobs(SCHEDULE, 0.0) == (8.0, 0.9)
    assert soft_knobs(SCHEDULE, 0.5) == (5.0, pytest.approx(0.5))
    assert soft_knobs(SCHEDULE, 1.0) == (2.0, pytest.approx(0.1))
    assert soft_knobs({"temperature": 3.0, "soft_weight": 0.4}, 0.7) == (3.0, 0.4)


WITH_SOFT_TARGETS = (
    *("distill", "dkd", "dist", "hints", "attention_transfer", "relational", "similarity"),
    *("distill_sparse", "transfer_set", "ensemble", "fusion", "born_again"),
)


@pytest.mark.parametrize("method", WITH_SOFT_TARGETS)
def test_every_method_with_soft_targets_takes_a_schedule(bench, method):
    plain, scheduled = ({step.name: step for step in bench.plan(digits_recipe(method, **knobs))} for knobs in ({}, SCHEDULE))
    assert plain[method].digest != scheduled[method].digest
    assert {name: scheduled[method].settings[name] for name in SCHEDULE} == SCHEDULE
    if method not in ("distill", "born_again"):  # these had schedules before, and their settings name them always
        assert not any(name.endswith("_schedule") or name.startswith("last_") for name in plain[method].settings)


@pytest.mark.parametrize("method", ["dkd", "dist", "hints", "distill_sparse", "transfer_set", "ensemble", "fusion"])
def test_a_schedule_is_followed(bench, method):
    """One that stays at 0 is a soft weight of 0; one that rises from there is not."""
    last = {"soft_weight": 0.0, "soft_weight_schedule": "linear", "last_soft_weight": 0.0}
    settings = ({"soft_weight": 0.0}, last, {**last, "last_soft_weight": 1.0})
    short = {"epochs": 1, "train_examples": 256}
    none, still, rising = (learned(bench, digits_recipe(method, **short, **knobs), method)["history"][1] for knobs in settings)
    assert still["loss"] == pytest.approx(none["loss"], rel=1e-6)
    assert rising["loss"] != pytest.approx(none["loss"], rel=1e-5)  # of so few steps; equal ones are equal to a millionth
