"""Temperature × α: which recipes make a grid, the best cell in words, and empty cells that stay empty."""

import pytest

from kdui.charts.gains import method_gains
from kdui.charts.grid import best_cell, grid_cells, grid_figure, grid_title
from kdui.core.metric import ACCURACY
from tests.charts.frames import LOWER
from tests.charts.test_gains import frame, seeds


def cell(temperature, weight, gains, **settings):
    knobs = {"distill.temperature": temperature, "distill.soft_weight": weight, "distill.epochs": 8, **settings}
    values = {"teacher": "big", "student": "small", **knobs}
    return seeds("distill", gains, tag=f"{temperature}-{weight}-{settings}", settings=values)


def cells_of(*cells):
    return grid_cells(method_gains(frame(*cells), ACCURACY))


GRID = (
    cell(1, 0.3, (0.0, 0.1, 0.2)),
    cell(1, 0.9, (0.3, 0.4, 0.5)),
    cell(4, 0.3, (1.9, 2.0, 2.1)),
)


def test_recipes_that_differ_in_both_knobs_alone_make_one_grid():
    result = cells_of(*GRID, cell(4, 0.9, (5.0, 5.1), **{"distill.epochs": 99}))
    assert [(row.temperature, row.soft_weight) for row in result.itertuples()] == [(1, 0.3), (1, 0.9), (4, 0.3)]
    assert result["value"].round(3).tolist() == [0.1, 0.4, 2.0]


def test_two_cells_are_no_grid_and_methods_without_the_knobs_have_none():
    assert cells_of(*GRID[:2]).empty
    assert grid_cells(method_gains(frame(seeds("hints", (1.0, 1.1))), ACCURACY)).empty


def test_the_best_cell_is_named_with_its_seeds_and_interval():
    result = cells_of(*GRID)
    assert (best_cell(result, "value", ACCURACY)["temperature"], best_cell(result, "value", ACCURACY)["soft_weight"]) == (4, 0.3)
    assert (
        grid_title(result, "value", ACCURACY)
        == "Best setting: T = 4, α = 0.3 (+2.0 ± 0.2 points over the control; 3 seeds, best of 3 settings)"
    )
    assert grid_title(result, "headline", ACCURACY) == "Best setting: T = 4, α = 0.3 (97.0 %; 3 seeds, best of 3 settings)"


def test_no_difference_is_claimed_where_the_interval_reaches_zero_or_one_seed_was_run():
    wide = cells_of(cell(1, 0.3, (0.0, -0.1)), cell(1, 0.9, (0.0, -0.2)), cell(4, 0.3, (1.0, -0.5)))
    assert grid_title(wide, "value", ACCURACY).startswith("No setting shows a gain; best: T = 4, α = 0.3")
    single = cells_of(cell(1, 0.3, (0.0,)), cell(1, 0.9, (0.1,)), cell(4, 0.3, (1.0,)))
    assert grid_title(single, "value", ACCURACY).endswith("; 1 seed, not enough to tell)")


@pytest.mark.parametrize(
    ("quantity", "numbers"), [("value", [[0.1, 2.0], [0.4, None]]), ("headline", [[95.1, 97.0], [95.4, None]])]
)
def test_unmeasured_cells_stay_empty_and_the_best_one_is_framed(quantity, numbers):
    drawn = grid_figure(cells_of(*GRID), quantity=quantity, about="Digits", metric=ACCURACY)
    (heat,) = drawn.data
    rounded = [[None if value is None else round(value, 3) for value in row] for row in heat.z]
    assert rounded == numbers and heat.text[1][1] == "" and heat.customdata[1][1][0] == ""
    assert heat.customdata[0][1][0].startswith("distill-") and "3 seeds" in heat.customdata[0][1][1]
    (frame_,) = drawn.layout.shapes
    assert (frame_.x0, frame_.x1, frame_.y0, frame_.y1) == (0.5, 1.5, -0.5, 0.5)
    assert drawn.layout.xaxis.title.text == "Temperature T" and "α" in drawn.layout.yaxis.title.text
    message = drawn.layout.title.subtitle.text
    assert (
        "1 of 4 settings not measured" in message
        and "no other interval overlaps the best one" in message
        and "test data" in message
    )


def test_a_lower_headline_is_better_where_the_task_reports_it():
    result = cells_of(*GRID)
    assert best_cell(result, "headline", LOWER)["temperature"] == 1
