"""The Pareto chart: its title, what is drawn and what is dimmed, and that it is quick."""

import time

import numpy as np
import pytest

from kdui.charts.findings import cost_sentences, finding, latency_drift
from kdui.charts.front import Budget, LimitCost
from kdui.charts.log_axis import log_ticks
from kdui.charts.numbers import quantity
from kdui.charts.pareto import MOST_CONTROLS, MOST_OTHERS, pareto_figure
from kdui.charts.repeats import merge_repeats
from kdui.core.metric import ACCURACY
from kdui.core.statistics.paired import over_seeds
from tests.charts.frames import point, points, random_points


def bench():
    return merge_repeats(
        points(
            point("a", "teacher", 97.6, latency_ms=16.4, download_mb=91.6, retained=100.0, speedup=1.0),
            point("a", "student", 96.9, latency_ms=1.6, download_mb=4.8, retained=99.28, speedup=10.2),
            point("a", "control", 95.6, latency_ms=1.6, download_mb=4.8, retained=97.95, speedup=10.2),
            point(
                "a",
                "compressed",
                96.8,
                latency_ms=0.9,
                download_mb=0.31,
                retained=99.18,
                speedup=18.9,
                origin="simulated",
                label="BiLSTM 4-bit",
                settings={"quantize.bits": 4},
            ),
        )
    )


def figure(budget=None, x="latency_ms", models=None):
    return pareto_figure(bench() if models is None else models, x=x, metric=ACCURACY, task="Reuters R8", budget=budget)


def test_title_states_the_finding_without_rounding_up():
    assert (
        finding(bench(), Budget(download_mb=1), ACCURACY)
        == "A 310 kB compressed model keeps 99.1 % of the teacher, 18 times faster"
    )
    assert finding(bench(), Budget(latency_ms=0.1), ACCURACY) == "None of the 3 models beside the teacher fits this budget"
    assert finding(bench(), Budget(retained=99.9), ACCURACY) == "Only the teacher fits this budget"
    only = merge_repeats(points(point("a", "teacher", 97)))
    assert finding(only, Budget(), ACCURACY).startswith("Only teachers so far")
    slower = merge_repeats(points(point("a", "student", 96, retained=98.0, speedup=0.5)))
    assert finding(slower, Budget(), ACCURACY) == "A 4 MB student keeps 98.0 % of the teacher, 2 times slower"


def test_small_costs_are_reported_in_the_smaller_unit_and_with_the_right_article():
    assert [quantity("latency_ms", value) for value in (16.4, 0.0183)] == ["16.4 ms", "18.3 µs"]
    assert [quantity("download_mb", value) for value in (4.8, 0.31)] == ["4.8 MB", "310 kB"]
    titles = [
        finding(merge_repeats(points(point("a", "student", 96, download_mb=size))), Budget(), ACCURACY)
        for size in (8.1, 11.5, 110, 1800, 2)
    ]
    assert [title.split()[0] for title in titles] == ["An", "An", "A", "A", "A"]


def test_subtitle_says_task_axes_intervals_and_origins():
    text = figure().layout.title.subtitle.text
    assert text.startswith("Reuters R8 · test accuracy against p50 latency · 4 models")
    assert "of the test sample (one seed)" in text and "● measured" in text and "◐ simulated" in text


def test_drift_is_read_off_the_teacher_that_answered_in_turn():
    def drift(*latencies):
        rows = [
            point(f"{at}", "student", 96, latency_ms=latency, speedup=speedup, settings={"teacher": teacher})
            for at, (teacher, latency, speedup) in enumerate(latencies)
        ]
        return latency_drift(merge_repeats(points(*rows)))

    assert drift(("a", 2.0, 5.0), ("a", 3.0, 5.0), ("b", 9.0, 9.0)) == pytest.approx(1.5)
    assert drift(("a", 2.0, 5.0), ("b", 3.0, 9.0)) == 1.0
    assert drift(("a", 2.0, float("nan"))) == 1.0


def test_every_role_is_drawn_with_its_symbol_and_units_stand_on_both_axes():
    drawn = figure()
    symbols = {trace.legendgroup: trace.marker.symbol for trace in drawn.data if trace.customdata is not None}
    assert symbols == {"teacher": "star", "student": "circle", "compressed": "diamond-open", "control": "x"}
    assert (drawn.layout.xaxis.title.text, drawn.layout.yaxis.title.text) == ("p50 latency (log)", "test accuracy, %")
    assert drawn.layout.xaxis.type == "log" and all(
        trace.customdata[0][0] == "a" for trace in drawn.data if trace.customdata is not None
    )


def test_what_fails_the_budget_is_dimmed_and_the_limit_is_drawn():
    drawn = figure(Budget(latency_ms=2, retained=97))
    opacity = {trace.legendgroup: trace.opacity for trace in drawn.data if trace.customdata is not None}
    assert opacity["teacher"] < 1 and opacity["student"] == opacity["compressed"] == opacity["control"] == 1
    assert [shape.type for shape in drawn.layout.shapes] == ["rect", "line", "line"]
    assert drawn.layout.annotations[0].text == "budget 2 ms"
    assert drawn.layout.shapes[2].y0 == pytest.approx(97.6 * 0.97)


def test_front_line_holds_the_undominated_models():
    (front,) = [trace for trace in figure().data if trace.name == "Pareto front"]
    assert list(front.x) == [0.9, 1.6, 16.4]
    # Names stay inside the chart and off the front, which rises to the right.
    assert list(front.textposition) == ["bottom right", "bottom right", "top left"]


def test_models_without_the_drawn_number_are_counted_not_hidden():
    models = merge_repeats(points(point("a", "student", 96, latency_ms=np.nan), point("b", "student", 95)))
    assert figure(models=models).layout.meta["missing"] == 1


def test_thousands_keep_front_and_teachers_thin_the_rest_and_report_it():
    points_ = random_points(24_000)
    models = merge_repeats(points_.assign(group=points_["digest"]))
    start = time.perf_counter()
    drawn = figure(models=models, budget=Budget(latency_ms=2))
    assert time.perf_counter() - start < 2.0
    count = {
        role: sum(len(trace.x) for trace in drawn.data if trace.customdata is not None and trace.legendgroup == role)
        for role in ("teacher", "control", "student")
    }
    assert count["teacher"] == 6000
    assert MOST_CONTROLS <= count["control"] <= MOST_CONTROLS + 40
    others = sum(
        len(trace.x) for trace in drawn.data if trace.customdata is not None and trace.legendgroup in ("student", "compressed")
    )
    assert MOST_OTHERS <= others <= MOST_OTHERS + 40
    assert "of 24,000 models drawn" in drawn.layout.title.subtitle.text
    assert all(trace.type == "scattergl" for trace in drawn.data if trace.customdata is not None)


def test_log_ticks_are_round_and_inside():
    assert log_ticks(0.4, 20) == [0.5, 1, 2, 5, 10, 20]
    assert log_ticks(1e3, 1e9) == [10.0**power for power in range(3, 10)]
    assert len(log_ticks(2, 4)) >= 3


def test_sentences_of_limits():
    shown, open_ = over_seeds([0.4, 0.42, 0.38]), over_seeds([0.5, -0.4, 0.1])
    costs = [
        LimitCost(quantity="latency_ms", move="relax", limit=4, gain=0.4, label="x", difference=shown),
        LimitCost(quantity="download_mb", move="tighten", limit=0.2, gain=-0.9, label="y", difference=shown),
        LimitCost(quantity="latency_ms", move="relax", limit=4, gain=0.4, label="x", difference=open_),
        LimitCost(quantity="latency_ms", move="relax", limit=4, gain=0.4, label="x"),
        LimitCost(quantity="retained", move="relax", limit=95.04, gain=None, label="tiny"),
    ]
    assert cost_sentences(costs, ACCURACY) == [
        "A latency limit of 4 ms would allow +0.4 points.",
        "A size limit of 200 kB would cost 0.9 points.",
        "A latency limit of 4 ms would allow +0.4 points (within error: differences below 1.5 points could not be detected).",
        "A latency limit of 4 ms would allow +0.4 points (one seed is not enough to tell).",
        "With a retained accuracy limit of 95.0 %, tiny would fit.",
    ]


def test_the_front_is_named_and_no_interval_of_a_share_reaches_beyond_100():
    drawn = figure(models=bench().assign(high=101.5))
    front = next(trace for trace in drawn.data if trace.name == "Pareto front")
    assert front.mode == "lines+text" and "BiLSTM 4-bit" in [name.strip() for name in front.text]
    bars = [top for trace in drawn.data if trace.error_y.array is not None for top in np.add(trace.y, trace.error_y.array)]
    assert bars and max(bars) == pytest.approx(100)


def test_models_of_one_name_are_named_once_on_the_front():
    drawn = figure(models=bench().assign(label="BiLSTM"))
    front = next(trace for trace in drawn.data if trace.name == "Pareto front")
    assert len(front.x) > 1 and [name.strip() for name in front.text if name] == ["BiLSTM"]
