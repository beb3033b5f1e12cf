"""The canonical digest: one spelling for each value, whatever made it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kdui.core.errors import UnknownName
from kdui.core.plain import Frozen, canonical_json, digest
from kdui.core.registry import Registry


class Point(Frozen):
    x: float
    y: float = 0.0


def test_spelling_and_digest_are_fixed():
    assert canonical_json({"b": [1, 2.0, 2.5], "a": "é", "c": None, "d": True}) == '{"a":"é","b":[1,2,2.5],"c":null,"d":true}'
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"


@given(
    st.dictionaries(
        st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False) | st.text()
    )
)
def test_order_does_not_count(values):
    assert digest(values) == digest(dict(reversed(values.items())))


def test_whole_floats_are_integers_and_models_are_their_fields():
    assert digest({"temperature": 4}) == digest({"temperature": 4.0})
    assert digest(Point(x=1)) == digest({"x": 1, "y": 0})
    assert digest((1, 2)) == digest([1, 2])
    assert digest({"temperature": 4}) != digest({"temperature": 4.5})
    assert digest(1) != digest(True)


def test_what_is_no_number_has_no_digest():
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest({"loss": math.nan})


def test_values_never_change_and_know_all_their_fields():
    point = Point(x=1)
    with pytest.raises(ValidationError, match="frozen"):
        point.x = 2
    with pytest.raises(ValidationError, match="not permitted"):
        Point(x=1, z=3)


def test_a_registry_finds_folders_and_suggests_the_nearest():
    tasks = Registry("kdui.tasks", "task", "TASK")
    assert {"digits", "fashion-mnist", "reuters-r8", "sentiment"} <= set(tasks)
    assert len(tasks) == len(list(tasks))
    assert "digits" in tasks and "digit" not in tasks
    with pytest.raises(UnknownName) as caught:
        tasks["digitz"]
    assert str(caught.value) == f"There is no task called 'digitz'. Did you mean 'digits'? Known: {', '.join(sorted(tasks))}."
    assert caught.value.nearest == "digits"
    with pytest.raises(UnknownName) as caught:
        tasks["zzz"]
    assert caught.value.nearest is None and "Did you mean" not in str(caught.value)
    assert tasks.module("fashion-mnist", "load").__name__ == "kdui.tasks.fashion_mnist.load"
