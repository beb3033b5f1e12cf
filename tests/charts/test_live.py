"""Live curves: every named loss is a series, resumed epochs do not zigzag, long runs stay light."""

import re

from kdui.charts.live import MOST_POINTS, curve_points, live_figure, series_id
from kdui.core.run import Event


def loss(step: str, at: float, **values: float) -> Event:
    return Event(time=0.0, kind="loss", step=step, at=at, values=values)


def draw(events, kind="loss"):
    return live_figure(curve_points(events), kind, {"distill": "BiLSTM"}, {"distill": "student", "control": "control"}, "loss")


def test_named_losses_are_series_in_the_colour_of_their_role():
    events = [
        loss("distill", 0.1, soft=2.0, hard=1.0),
        loss("distill", 0.2, soft=1.5, hard=0.9),
        loss("control", 0.1, hard=1.1),
        Event(time=0, kind="log", text="hello"),
        Event(time=0, kind="metric", step="distill", at=1.0, values={"accuracy": 91.0}),
    ]
    drawn = draw(events)
    assert [trace.name for trace in drawn.data] == ["BiLSTM: soft", "BiLSTM: hard", "control: hard"]
    assert drawn.data[0].uid == "distill--soft" and list(drawn.data[0].y) == [2.0, 1.5]
    assert (
        drawn.data[0].line.color == drawn.data[1].line.color == "#0D9488" and drawn.data[0].line.dash != drawn.data[1].line.dash
    )
    assert [trace.name for trace in draw(events, "metric").data] == ["BiLSTM: accuracy"]


def test_a_resumed_run_replaces_the_epochs_that_it_repeats():
    drawn = draw(
        [loss("distill", 1, hard=3.0), loss("distill", 2, hard=2.0), loss("distill", 1, hard=2.9), loss("distill", 2, hard=1.9)]
    )
    assert (list(drawn.data[0].x), list(drawn.data[0].y)) == ([1, 2], [2.9, 1.9])


def test_long_runs_are_thinned_and_keep_their_last_point():
    drawn = draw([loss("distill", index / 100, hard=float(index)) for index in range(5003)])
    assert len(drawn.data[0].x) <= MOST_POINTS and drawn.data[0].y[-1] == 5002.0


def test_no_events_give_empty_axes_and_zoom_is_kept():
    drawn = draw([])
    assert len(drawn.data) == 0 and drawn.layout.uirevision == "kept"


def test_series_ids_are_safe_in_css_and_no_two_series_share_one():
    series = [("teach", "validation_loss"), ("teach_validation", "loss")]
    series += [("distill.control", "soft"), ("distill-control", "soft")]
    series += [("größe", "<b>|\"' x"), ("größe", "<b>|\"' y"), ("a", "b--c"), ("a--b", "c")]
    result = [series_id(*parts) for parts in series]
    assert len(set(result)) == len(series) and all(re.fullmatch("[A-Za-z0-9-]+", name) for name in result), result
