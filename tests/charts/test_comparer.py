"""The run comparer: only what differs, and differences judged together."""

import pandas as pd
import pytest

from kdui.charts.comparer import MISSING, chosen_rows, compare, differing
from kdui.core.errors import KduiError, UnknownName
from kdui.core.metric import ACCURACY
from kdui.core.statistics.paired import Difference


def row(run, step="measure.distill", role="student", headline=96.0, **settings):
    return {"run": run, "step": step, "role": role, "label": run, "headline": headline, "seed": 0, "settings": settings}


@pytest.fixture
def points():
    return pd.DataFrame(
        [
            row("a", **{"distill.temperature": 4.0, "distill.epochs": 3}),
            row("a", "measure.teach", "teacher", 99.0),
            row("b", headline=97.0, **{"distill.temperature": 2, "distill.epochs": 3.0}),
            row(
                "b",
                "measure.prune",
                "compressed",
                95.0,
                **{"distill.temperature": 2, "prune.sparsity": 0.5, "prune.kind": "taylor"},
            ),
        ]
    )


def paired(run, step, reference, reference_run=""):
    """b is shown to be better; its pruned model is not shown to be anything."""
    p_value = {"measure.distill": 0.01, "measure.prune": 0.04}[step] if reference_run else 0.5
    return Difference(value=1.0, low=0.2, high=1.8, p_value=p_value, over="examples", examples=359)


def test_a_run_stands_for_its_student_and_a_step_for_itself(points):
    rows = chosen_rows(points, ["a", "b:measure.prune", "a"])
    assert [(each["run"], each["step"]) for each in rows] == [("a", "measure.distill"), ("b", "measure.prune")]
    with pytest.raises(KduiError, match="Choose 2 to 5"):
        chosen_rows(points, ["a", "a"])
    with pytest.raises(UnknownName, match="gone"):
        chosen_rows(points, ["a", "gone"])


def test_only_what_differs_is_kept_and_4_is_no_other_setting_than_4_0():
    settings, alike = differing([{"t": 4, "e": 3, "x": None}, {"t": 4.0, "e": 5}])
    assert settings == {"e": (3, 5), "x": (None, MISSING)}
    assert alike == 1


def test_a_step_that_not_all_have_is_one_entry_with_what_its_recipe_sets(points):
    recipes = {"b": {"stages": [{"method": "prune", "settings": {"sparsity": 0.5}}]}}
    comparison = compare(chosen_rows(points, ["a", "b:measure.prune"]), points, paired, ACCURACY, recipes)
    assert comparison.settings["prune."] == (MISSING, "sparsity 0.5")
    assert not [key for key in comparison.settings if key.startswith("prune.") and key != "prune."]


def test_differences_to_the_first_are_judged_together(points):
    comparison = compare(chosen_rows(points, ["a", "b", "b:measure.prune"]), points, paired, ACCURACY, {})
    assert [column.shown for column in comparison.columns] == [False, True, True]
    assert comparison.columns[0].difference is None

    def weaker(run, step, reference, reference_run=""):
        return paired(run, "measure.prune", reference, reference_run).model_copy(
            update={"p_value": 0.04 if step == "measure.distill" else 0.9}
        )

    comparison = compare(chosen_rows(points, ["a", "b", "b:measure.prune"]), points, weaker, ACCURACY, {})
    assert [column.shown for column in comparison.columns] == [False, False, False]  # 0.04 of two is 0.08
