"""Aims of studies: what a table is compared with."""

import pytest
from pydantic import ValidationError

from kdui.catalogue.targets import Aim, quantity, reached
from kdui.core.metric import ACCURACY, Metric

TEACHER = {"mean": 90.0, "headline_low": 89.4, "file_mb": 8.0}
PACKED = {"mean": 89.1, "file_mb": 4.0, "packed_mb": [0.2, 0.25], "speedup": [3.0, 2.5]}
ARM = {"arm": "Small", "models": {"teach": TEACHER, "encode": PACKED}, "result": "encode"}
OTHER = {"arm": "Plain", "models": {"teach": TEACHER, "distill": {"mean": 90.5, "file_mb": 2.0}}, "result": "distill"}


@pytest.mark.parametrize(
    ("what", "expected"),
    [("accuracy", 89.1), ("lost", 0.9), ("below", 0.3), ("retained", 99.0), ("smaller", 32.0), ("faster", 2.5)],
)
def test_quality_is_the_mean_and_ratios_are_those_of_the_worst_seed(what, expected):
    assert quantity(what, PACKED, TEACHER, ACCURACY) == pytest.approx(expected)


PERPLEXITY = Metric(name="perplexity", title="Perplexity", unit="", higher_is_better=False)


@pytest.mark.parametrize(("what", "expected"), [("headline", 25.0), ("lost", 5.0), ("below", 4.0), ("retained", 80.0)])
def test_quality_of_a_metric_where_lower_is_better_is_lost_when_it_rises(what, expected):
    first = {"mean": 20.0, "headline_low": 19.0, "headline_high": 21.0, "file_mb": 8.0}
    assert quantity(what, {"mean": 25.0, "file_mb": 2.0}, first, PERPLEXITY) == pytest.approx(expected)
    arm = {
        "arm": "Text",
        "metric": PERPLEXITY.model_dump(),
        "models": {"teach": first, "distill": {"mean": 25.0}},
        "result": "distill",
    }
    (result,) = reached((Aim(what=what, at_most=6.0),), [arm])
    assert result["unit"] == ("%" if what == "retained" else "") and result["met"] == (expected <= 6)


def test_what_was_not_measured_is_no_number_and_no_aim_met():
    assert quantity("faster", OTHER["models"]["distill"], TEACHER, ACCURACY) is None
    assert quantity("below", PACKED, {"mean": 90.0, "file_mb": 8.0}, ACCURACY) is None
    (result,) = reached((Aim(what="faster", arm="Plain", at_least=1.0),), [ARM, OTHER])
    assert result["value"] is None and not result["met"]


def test_an_aim_refers_to_its_arm_or_of_all_and_of_a_shared_model_once():
    aims = (
        Aim(what="smaller", at_least=10),
        Aim(what="lost", arm="Plain", at_most=0.0),
        Aim(what="accuracy", model="teach", at_least=91),
    )
    result = reached(aims, [ARM, OTHER])
    assert [(row["arm"], row["model"], row["met"]) for row in result] == [
        ("Small", "encode", True),
        ("Plain", "distill", False),
        ("Plain", "distill", True),
        ("Small", "teach", False),
    ]
    assert result[0]["relation"] == "≥" and result[1]["value"] == 4.0 and result[0]["unit"] == "×"


@pytest.mark.parametrize("bounds", [{}, {"at_least": 1.0, "at_most": 2.0}])
def test_an_aim_has_one_bound(bounds):
    with pytest.raises(ValidationError, match="at_least"):
        Aim(what="smaller", **bounds)
