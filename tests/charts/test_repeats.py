"""Repeats over seeds, cached models, intervals."""

import numpy as np
import pytest

from kdui.charts.gain import gain_sentence, teacher_gain, unseen
from kdui.charts.repeats import merge_repeats
from kdui.core.metric import ACCURACY
from kdui.core.statistics.intervals import mean_interval
from kdui.core.statistics.paired import Discordant, over_examples, over_seeds
from tests.charts.frames import point, points


def test_seeds_become_one_model_with_a_t_interval():
    rows = [
        point(f"r{seed}", "student", headline, seed=seed, group="g", created=f"2026-11-2{seed}")
        for seed, headline in enumerate((96.0, 96.6, 97.2))
    ]
    (model,) = merge_repeats(points(*rows)).to_dict("records")
    assert model["repeats"] == 3 and model["headline"] == pytest.approx(96.6)
    assert model["high"] - model["headline"] == pytest.approx(4.3027 * 0.6 / np.sqrt(3), rel=1e-3)
    assert model["interval"] == "seeds" and model["run"] == "r2" and set(model["runs"]) == {"r0", "r1", "r2"}


def test_one_seed_keeps_the_interval_of_the_test_sample():
    (model,) = merge_repeats(points(point("a", "student", 96))).to_dict("records")
    assert (model["interval"], model["low"], model["high"], model["repeats"]) == ("test", 95, 97, 1)


def test_a_cached_teacher_of_many_recipes_is_one_model():
    rows = [
        point(run, "teacher", 97.6, digest=f"teacher-{seed}", seed=seed, group=f"{recipe}-teach")
        for run, recipe, seed in (("a", "x", 0), ("b", "x", 1), ("c", "y", 1), ("d", "z", 0))
    ]
    (model,) = merge_repeats(points(*rows)).to_dict("records")
    assert model["repeats"] == 2 and set(model["runs"]) == {"a", "b", "c", "d"}


def test_a_teacher_that_three_seeds_share_was_observed_once():
    rows = [point(f"r{seed}", "teacher", 97.6, digest="one", seed=seed, group="g") for seed in range(3)]
    (model,) = merge_repeats(points(*rows)).to_dict("records")
    assert model["repeats"] == 1 and model["interval"] == "test" and (model["low"], model["high"]) == (96.6, 98.6)


def test_a_shared_model_shows_only_the_settings_that_its_recipes_share():
    rows = [
        point(run, "teacher", 97, digest="t", group=f"{run}-teach", settings={"teach.epochs": 2, "quantize.bits": bits})
        for run, bits in (("a", 2), ("b", 4))
    ]
    (model,) = merge_repeats(points(*rows)).to_dict("records")
    assert model["settings"] == {"teach.epochs": 2}


def test_no_points_give_an_empty_frame_with_its_columns():
    assert {"headline", "download_mb", "runs"} <= set(merge_repeats(points()).columns)


def pair(run: str, student: float, control: float, seed: int, **more: str):
    steps = ("measure.distill", "measure.distill.control")
    return [
        point(run, role, headline, seed=seed, step=step, **{"group": role, **more})
        for role, headline, step in zip(("student", "control"), (student, control), steps, strict=True)
    ]


def unknown(run: str, step: str, reference: str):
    """Where the answers to single test examples are not at hand."""


def test_gain_is_paired_by_run_and_needs_more_than_one_seed():
    frame = points(*pair("a", 96, 95, 0), *pair("b", 96.1, 94.9, 1), *pair("c", 96, 95.1, 2))
    gain = teacher_gain(frame, ("a", "b", "c"), unknown, ACCURACY)
    mean, width = mean_interval([1.0, 1.2, 0.9])
    assert (gain.value, gain.half_width, gain.seeds) == (pytest.approx(mean), pytest.approx(width), 3)
    assert gain_sentence(gain, ACCURACY) == "+1.0 ± 0.4 points (3 seeds) over the same student without KD."
    assert "one seed is not enough to tell" in gain_sentence(teacher_gain(frame, ("a",), unknown, ACCURACY), ACCURACY)


def test_one_seed_is_paired_by_its_test_examples():
    collected = []

    def paired(*wanted: str):
        collected.append(wanted)
        return over_examples([Discordant(20, 60, 1000)])

    message = gain_sentence(teacher_gain(points(*pair("a", 96, 92, 0)), ("a",), paired, ACCURACY), ACCURACY)
    assert collected == [("a", "measure.distill", "measure.distill.control")]
    assert message == (
        "+4.0 points (95 % interval +2.3 to +5.8, paired over 1,000 test examples) over the same student without KD; "
        "other seeds may differ."
    )


def test_gain_that_overlaps_zero_comes_with_what_could_not_have_been_seen():
    frame = points(*pair("a", 96, 95, 0), *pair("b", 95, 96, 1))
    assert gain_sentence(teacher_gain(frame, ("a", "b"), unknown, ACCURACY), ACCURACY).startswith("no difference shown: 0.0 ±")
    gain = over_seeds([0.5, -0.4, 0.1], examples=2189)
    assert gain_sentence(gain, ACCURACY) == (
        "no difference shown: +0.1 ± 1.1 points (3 seeds) over the same student without KD. "
        "With 3 seeds and 2,189 test examples, differences below 1.5 points could not be detected; with 8 seeds 0.5."
    )
    assert "one seed and 359 test examples, differences below 3.4" in unseen(over_examples([Discordant(10, 9, 359)]), ACCURACY)


def test_what_moves_with_the_seed_is_no_spread_of_the_difference():
    # Both models vary by the seed, so their own intervals overlap; paired, the difference is sure.
    frame = points(*pair("a", 96, 95, 0), *pair("b", 97, 95.8, 1), *pair("c", 95, 94.1, 2))
    assert teacher_gain(frame, ("a", "b", "c"), unknown, ACCURACY).is_shown


def test_students_at_other_settings_are_no_further_seeds_of_the_newest():
    """A sweep of three temperatures over one shared control is no study of three seeds."""
    sweep = [pair(run, 96, 95, 0, group=f"T = {run}", created=f"2026-11-2{run}") for run in ("1", "2", "4")]
    again = pair("5", 96.4, 95, 1, group="T = 4", created="2026-11-23")
    gain = teacher_gain(points(*again, *(row for rows in sweep for row in rows)), ("1", "2", "4", "5"), unknown, ACCURACY)
    assert gain.seeds == 2 and gain.value == pytest.approx(1.2)


def test_a_student_is_compared_with_the_control_of_its_own_stage():
    other = point("a", "control", 80, step="measure.prune.control", digest="other")
    gain = teacher_gain(points(other, *pair("a", 96, 95, 0)), ("a",), unknown, ACCURACY)
    assert gain.value == 1.0


def test_gain_of_a_cached_pair_counts_once_and_is_unknown_without_a_control():
    twice = points(*pair("a", 96, 95, 0), *[{**row, "run": "b"} for row in pair("a", 96, 95, 0)])
    assert teacher_gain(twice, ("a", "b"), unknown, ACCURACY).seeds == 1
    assert teacher_gain(points(point("a", "student", 96)), ("a",), unknown, ACCURACY) is None
    assert "not known" in gain_sentence(None, ACCURACY)
