"""Harm by class: what a model lost or gained against its teacher, label by label."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import Choice, EvidenceChart
from kdui.charts.side_by_side import models_of, subject
from kdui.core.numbers import signed

MARKS = {"recall": ("circle", 0.0), "precision": ("diamond-open", -0.24)}


def harm_title(classes: pd.DataFrame) -> str:
    """The class that lost most recall; ``classes``: rows of ``evidence`` for one model."""
    label, worst = str(classes["label"].iloc[0]), classes.loc[classes["recall_change"].idxmin()]
    if worst["recall_change"] >= 0:
        return f"{label} loses no class: recall is nowhere below the teacher's"
    lost = int((classes["recall_change"] < 0).sum())
    return (
        f"{label} loses most on “{worst['of']}”: {signed(worst['recall_change'])} points of recall; "
        f"recall falls for {lost} of {len(classes)} classes"
    )


def harm_figure(classes: pd.DataFrame, *, about: str) -> go.Figure:
    """``classes``: rows of one model. Dots: change of recall and of precision against the teacher, the worst class on top."""
    rows = classes.sort_values(["recall_change", "of"], ascending=[False, True], kind="stable")
    place = {label: number for number, label in enumerate(rows["of"])}
    least, most = int(rows["count"].min()), int(rows["count"].max())
    changes = [0.0, *rows["recall_change"], *rows["precision_change"]]
    room = 0.06 * (max(changes) - min(changes)) or 1.0  # no mark is cut in two at the edge
    many = f"{least}" if least == most else f"{least} to {most}"
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": harm_title(classes),
                "subtitle": {"text": f"{about} · {many} test examples per class · with so few, a point or two may be chance"},
            },
            xaxis=style.axis(
                "model − teacher, points",
                zeroline=True,
                zerolinecolor=style.INK,
                range=[min(changes) - room, max(changes) + room],
            ),
            yaxis=style.axis(
                "label",
                tickvals=list(place.values()),
                ticktext=list(place),
                range=[-0.7, max(0, len(place) - 1) + 0.6],
                showgrid=False,
            ),
            height=max(260, 120 + 34 * len(place)),
        )
    )
    colour = style.COLOURS[str(classes["role"].iloc[0])]
    for score, (symbol, below) in MARKS.items():
        figure.add_trace(
            go.Scatter(
                x=rows[f"{score}_change"].tolist(),
                y=[place[label] + below for label in rows["of"]],
                mode="markers",
                name=score,
                customdata=[[row[0], row[1], row[2]] for row in rows[["of", score, "count"]].itertuples(index=False)],
                hovertemplate=f"<b>%{{customdata[0]}}</b><br>{score} %{{customdata[1]:.1f}} %, %{{x:+.1f}} points"
                "<br>%{customdata[2]} test examples<extra></extra>",
                marker={"color": colour, "size": 11, "symbol": symbol, "line": {"color": colour, "width": 2}},
            )
        )
    return figure


def _own(frame: pd.DataFrame, chosen: str) -> pd.DataFrame:
    return frame[frame["step"] == chosen]


CHART = EvidenceChart(
    name="harm",
    word="harm by label",
    question="Who is harmed?",
    order=10,
    frame="classes",
    empty="Per-class comparison: not measured",
    remedy="Queue a run with a teacher and a student: Measure compares them.",
    choice=Choice(
        name="model",
        title="Model",
        values=lambda frame: [(model.step, model.label) for model in models_of(frame)],
        start=lambda frame: subject(models_of(frame)).step,
    ),
    draw=lambda frame, look: harm_figure(_own(frame, look.chosen), about=look.about),
)
