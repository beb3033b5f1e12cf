"""Every method that transfers outputs trains on real digits."""

import pytest

from tests.methods.taught import digits_recipe, learned


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("distill", {}),
        ("distill", {"standardize": True, "temperature": 2}),
        ("distill", {"divergence": "reverse"}),
        ("distill", {"divergence": "jensen-shannon"}),
        ("distill", {"temperature_course": "cosine", "soft_weight_course": "linear", "soft_weight": 1.0}),
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
