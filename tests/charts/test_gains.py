"""Gain from distillation by method: pairing, intervals, choice of a recipe, and a title that claims no more than is shown."""

import numpy as np
import pandas as pd
import pytest

from kdui.charts.gains import gains_figure, gains_title, judged, method_gains, one_a_method, pairs_of, seeds_sentence
from kdui.core.metric import ACCURACY
from kdui.core.statistics.intervals import mean_interval
from kdui.core.statistics.paired import Discordant, over_examples
from tests.charts.frames import LOWER, point

TITLES = {"distill": "Soft targets", "dkd": "Decoupled", "hints": "Hints"}


def taught(method: str, seed: int, student: float, control: float | None, smoothed: float | None = None, **values):
    """A student and its controls as one run measured them."""
    run, tag = f"{method}-{values.get('tag', '')}-{seed}", values.get("tag", "")
    settings = {"teacher": "big", "student": "small", "seed": seed, **values.get("settings", {})}
    common = {"seed": seed, "method": method, "settings": settings, "created": values.get("created", "2026-11-24T10:00:00")}

    def row(role: str, headline: float, step: str):
        made = {"step": f"measure.{step}", "digest": f"{step}-{tag}-{seed}", "group": f"{step}-{tag}"}
        return {**point(run, role, headline), **common, **made}

    rows = [row("student", student, method)]
    rows += [] if control is None else [row("control", control, f"{method}.control")]
    rows += [] if smoothed is None else [row("smoothed", smoothed, f"{method}.smoothed")]
    return rows


def frame(*groups):
    return pd.DataFrame([row for group in groups for row in group])


def seeds(method, gains, base=95.0, **values):
    return [row for seed, gain in enumerate(gains) for row in taught(method, seed, base + gain, base, **values)]


def test_gains_are_paired_by_run_and_stage_with_a_t_interval():
    points = frame(*[taught("distill", seed, 96 + seed, 95 + seed - step) for seed, step in enumerate((0.0, 0.2, 0.4))])
    (row,) = method_gains(points, ACCURACY).to_dict("records")
    mean, width = mean_interval([1.0, 1.2, 1.4])
    assert (row["value"], row["half_width"], row["seeds"]) == (pytest.approx(mean), pytest.approx(width), 3)
    assert (row["method"], row["teacher"], row["student"], row["against"]) == ("distill", "big", "small", "control")


def test_a_lower_headline_is_better_where_the_task_reports_it():
    (row,) = method_gains(frame(taught("distill", 0, 20.0, 25.0)), LOWER).to_dict("records")
    assert row["value"] == 5.0 and np.isnan(row["half_width"])


def test_a_pair_that_two_runs_share_counts_once():
    rows = seeds("distill", (1.0, 1.2))
    again = [{**row, "run": row["run"] + "-again", "group": row["group"] + "-again"} for row in rows]
    (row,) = method_gains(frame(rows, again), ACCURACY).to_dict("records")
    assert row["seeds"] == 2


def test_both_controls_stand_beside_each_other_and_a_student_without_one_is_left_out():
    points = frame(taught("distill", 0, 96, 95, 95.5), taught("dkd", 0, 97, None))
    gains_found = method_gains(points, ACCURACY)
    assert gains_found.set_index("against")["value"].to_dict() == {"control": 1.0, "smoothed": 0.5}
    assert set(gains_found["method"]) == {"distill"}


def unknown(run: str, step: str, reference: str):
    """Where the answers to single test examples are not at hand."""


def chosen(points, paired=unknown):
    return judged(one_a_method(method_gains(points, ACCURACY)), paired)


def test_what_moves_with_the_seed_is_paired_away():
    wide = frame(*[taught("distill", seed, base + 1.0 + seed / 10, base) for seed, base in enumerate((90.0, 95.0, 99.0))])
    (row,) = chosen(wide).to_dict("records")
    assert row["shown"] and row["value"] == pytest.approx(1.1)


def test_a_single_seed_has_the_interval_over_its_test_examples():
    points = frame(taught("distill", 0, 96, 95), seeds("dkd", (1.0, 1.1, 1.2)))
    gains_found = chosen(points, lambda run, *steps: over_examples([Discordant(20, 60, 1000)])).set_index("method")
    assert gains_found["over"].to_dict() == {"distill": "examples", "dkd": "seeds"}
    assert gains_found.at["distill", "shown"] and gains_found.at["distill", "low"] == pytest.approx(2.3, abs=0.05)


def test_of_many_methods_without_effect_none_is_called_shown():
    rng = np.random.default_rng(3)
    drawn = {f"m{number}": rng.normal(0, 0.5, 3) for number in range(40)}
    gains_found = chosen(frame(*(seeds(method, values) for method, values in drawn.items())))
    assert (gains_found["p_value"] < 0.05).sum() >= 1 and not gains_found["shown"].any()


def test_a_wished_difference_takes_so_many_seeds():
    repeated = method_gains(
        frame(seeds("dkd", (2.0, 2.1, 2.2)), seeds("distill", (1.0, 1.2, 1.1)), taught("hints", 0, 95, 94)), ACCURACY
    )
    assert seeds_sentence(repeated, 0.25) == (
        "To see 0.25 points takes 5 seeds (spread between seeds 0.12 points, of 2 repeated comparisons on this task; 80 % power)."
    )
    nothing = method_gains(frame(taught("hints", 0, 95, 94)), ACCURACY)
    assert "takes 10 seeds (○ estimated: a spread between seeds of 0.5 points is assumed" in seeds_sentence(nothing, 0.5)


def test_level_methods_share_a_letter():
    points = frame(seeds("dkd", (2.0, 2.1, 2.2)), seeds("distill", (1.0, 1.1, 1.3)), seeds("hints", (1.1, 1.0, 1.2)))
    gains_found = chosen(points).set_index("method")["level"].to_dict()
    assert gains_found["dkd"] == "a" and gains_found["distill"] == gains_found["hints"] == "b"
    drawn = gains_figure(chosen(points), titles=TITLES, about="x", metric=ACCURACY)
    assert "Decoupled (a)" in drawn.layout.yaxis.ticktext and "share a letter" in drawn.layout.title.subtitle.text


def test_a_compressed_model_is_compared_with_the_control_of_its_own_stage():
    made = {"method": "distill+prune", "settings": {"teacher": "big", "student": "small"}, "group": "prune", "digest": "p"}
    pruned = {**point("distill--0", "compressed", 94.0), **made, "step": "measure.prune"}
    control = {**pruned, "role": "control", "headline": 93.0, "step": "measure.prune.control", "digest": "c", "group": "c"}
    gains_found = method_gains(frame(taught("distill", 0, 96, 95), [pruned, control]), ACCURACY).set_index("method")["value"]
    assert gains_found.to_dict() == {"distill": 1.0, "distill+prune": 1.0}


def test_nothing_measured_gives_an_empty_frame_and_reports_it():
    empty = method_gains(frame(taught("distill", 0, 96, None)), ACCURACY)
    assert empty.empty and pairs_of(empty) == []
    assert gains_title(one_a_method(empty), TITLES, ACCURACY) == "No student has been measured with its control yet"


def test_of_several_recipes_the_one_with_most_seeds_is_shown_never_the_best():
    points = frame(
        seeds("distill", (3.0,), tag="best"),
        seeds("distill", (1.0, 1.1, 1.2), tag="most"),
        seeds("dkd", (0.1, 0.2), tag="older", created="2026-11-23"),
        seeds("dkd", (0.3, 0.4), tag="newer", created="2026-11-24"),
    )
    chosen = one_a_method(method_gains(points, ACCURACY)).set_index("method")
    assert chosen["value"].round(3).to_dict() == {"distill": 1.1, "dkd": 0.35}
    assert list(chosen.index) == ["dkd", "distill"]


def test_pairs_with_most_methods_come_first():
    other = {"settings": {"teacher": "other", "student": "small"}}
    points = frame(seeds("distill", (1,)), seeds("dkd", (1,)), seeds("hints", (1,), tag="o", **other))
    assert pairs_of(method_gains(points, ACCURACY)) == [("big", "small"), ("other", "small")]


@pytest.mark.parametrize(
    ("gains", "title"),
    [
        ({"distill": (1.0,)}, "One seed is not enough to measure the gain from distillation"),
        ({"distill": (1.0, 1.1, 1.2)}, "Soft targets beats the same student without KD by +1.1 ± 0.2 points"),
        ({"distill": (1.0, -1.0)}, "No difference shown: differences below 16.3 points could not be detected"),
        (
            {"distill": (-1.0, -1.1, -1.2), "dkd": (0.5, -0.5, 0)},
            "No difference shown in favour of the teacher; 1 of 2 methods did worse",
        ),
        (
            {"distill": (1.0, 1.1, 1.2), "dkd": (2.0, 2.1, 2.2), "hints": (5.0, -5.0, 0.0)},
            "2 of 3 methods beat the same student without KD; the largest gain shown is +2.1 ± 0.2 points: Decoupled",
        ),
    ],
)
def test_the_title_claims_what_the_intervals_show(gains, title):
    gains_found = method_gains(frame(*(seeds(method, values) for method, values in gains.items())), ACCURACY)
    assert gains_title(judged(one_a_method(gains_found), unknown), TITLES, ACCURACY) == title


def test_dots_carry_intervals_runs_and_verdicts_and_both_axes_have_titles():
    points = frame(
        *(taught("distill", seed, 96 + step, 95, 95.4) for seed, step in enumerate((0.0, 0.1, 0.2))),
        taught("dkd", 0, 95.2, 95),
    )
    drawn = gains_figure(chosen(points), titles=TITLES, about="Digits · big → small", metric=ACCURACY)
    over, beside = drawn.data
    assert list(over.x) == pytest.approx([0.2, 1.1]) and list(over.y) == [0, 1] and list(beside.x) == pytest.approx([0.7])
    assert (
        list(over.marker.symbol) == ["circle-open", "circle"]
        and over.error_x.array[0] is None
        and over.error_x.array[1] > 0
        and over.error_x.arrayminus[1] > 0
    )
    assert over.customdata[0][0] == "dkd--0" and "not enough to tell" in over.customdata[0][2]
    assert "points" in drawn.layout.xaxis.title.text and drawn.layout.yaxis.title.text == "method"
    assert drawn.layout.xaxis.zeroline and drawn.layout.xaxis.rangemode == "tozero" and drawn.layout.font.size >= 14
    assert (
        "Digits · big → small" in drawn.layout.title.subtitle.text and "open symbol: one seed" in drawn.layout.title.subtitle.text
    )
