"""Flips: on how many test examples a model answers differently from its teacher, and which way."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import EvidenceChart
from kdui.charts.side_by_side import NAME_WIDTH, height_of_bars, models_of, subject
from kdui.core.numbers import signed

PARTS = {
    "negative_flips": ("wrong where the teacher is right", 1.0, ""),
    "positive_flips": ("right where the teacher is wrong", 0.45, "/"),
    "other_flips": ("another wrong label", 0.18, "."),
}


def flips_title(flips: pd.DataFrame) -> str:
    """Of the model that the run was about: how often it differs, how often for the worse."""
    row = subject(models_of(flips)).rows.iloc[0]
    return (
        f"{row['label']}: {100 * row['flips']:.1f} % of the predictions differ from the teacher's, "
        f"{100 * row['negative_flips']:.1f} % for the worse"
    )


def p_words(p: float) -> str:
    """p = 0.034, or p < 0.001."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def comparison_words(row: Any, of: str = "teacher") -> str:
    """The paired difference with its interval and McNemar's test, in words that claim no more than they show."""
    unseen = f", no difference shown: differences below {row['detectable']:.1f} could not be detected"
    verdict = "" if row["shown"] else unseen
    return (
        f"{signed(row['difference'])} points against the {of} (95 % interval {signed(row['low'])} to {signed(row['high'])}; "
        f"McNemar {p_words(row['p_value'])}{verdict})"
    )


def comparison_lines(comparisons: pd.DataFrame) -> list[str]:
    """A sentence for each model and reference, teacher and control."""
    return [f"{row['label']}: {comparison_words(row, row['against'])}" for _, row in comparisons.iterrows()]


def flips_figure(comparisons: pd.DataFrame, *, about: str) -> go.Figure:
    """``comparisons``: rows of ``evidence`` against the teacher. One bar a model, parted by which way an answer flipped."""
    flips = comparisons[comparisons["against"] == "teacher"]
    flips = flips.assign(other_flips=flips["flips"] - flips["negative_flips"] - flips["positive_flips"])
    models = models_of(flips)
    names = [style.two_lines(model.label, NAME_WIDTH) for model in models]
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": flips_title(flips),
                "subtitle": {
                    "text": f"{about} · {int(flips['n'].min()):,} test examples, paired · hover for McNemar's exact test"
                },
            },
            barmode="stack",
            xaxis=style.axis("test examples, %", rangemode="tozero"),
            yaxis=style.axis("model", autorange="reversed", showgrid=False),
            height=height_of_bars(models),
        )
    )
    for column, (name, opacity, pattern) in PARTS.items():
        figure.add_trace(
            go.Bar(
                y=names,
                x=[100 * float(model.rows[column].iloc[0]) for model in models],
                orientation="h",
                name=name,
                customdata=[[comparison_words(model.rows.iloc[0])] for model in models],
                hovertemplate=f"<b>%{{y}}</b><br>%{{x:.1f}} % {name}<br>%{{customdata[0]}}<extra></extra>",
                marker={
                    "color": [model.colour for model in models],
                    "opacity": opacity,
                    "pattern": {"shape": pattern, "fgopacity": 0.6},
                },
            )
        )
    return figure


CHART = EvidenceChart(
    name="flips",
    word="changed predictions",
    question="Who is harmed?",
    order=20,
    frame="comparisons",
    empty="Changed predictions: not measured",
    remedy="Queue a run with a teacher and a student: Measure compares them.",
    rows=lambda frame: frame[frame["against"] == "teacher"],
    lines=lambda frame, look: comparison_lines(frame),
    draw=lambda frame, look: flips_figure(frame, about=look.about),
)
