"""Calibration: accuracy by confidence bin of each model, with its expected calibration error."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import EvidenceChart
from kdui.charts.side_by_side import LEGEND_WIDTH, Model, line, models_of, subject, teacher_of

LEAST_GAP = 0.01  # below it a model counts as calibrated


def lean(model: Model) -> float:
    """Mean confidence − accuracy of a model, −1..1: above zero it is over-confident."""
    rows = model.rows
    return float(((rows["confidence"] - rows["accuracy"]) * rows["count"]).sum() / rows["count"].sum())


def reliability_title(models: list[Model]) -> str:
    """The calibration error of the run's model, its direction, and that of its teacher."""
    model, teacher = subject(models), teacher_of(models)
    gap, error = lean(model), float(model.rows["ece"].iloc[0])
    way = "over-confident" if gap > LEAST_GAP else "under-confident" if gap < -LEAST_GAP else "well calibrated"
    reference = "" if teacher is None or teacher is model else f" (teacher {float(teacher.rows['ece'].iloc[0]):.1f} %)"
    return f"{model.label} is {way}: calibration error {error:.1f} %{reference}"


def reliability_figure(bins: pd.DataFrame, *, about: str) -> go.Figure:
    """``bins``: rows of ``evidence``. A calibrated model lies on the diagonal; dot size shows the number of examples."""
    models = models_of(bins)
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": reliability_title(models),
                "subtitle": {"text": f"{about} · expected calibration error (ECE) over 15 bins · dot size: number of examples"},
            },
            xaxis=style.axis("Confidence, %", range=[0, 102]),
            yaxis=style.axis("Accuracy in bin, %", range=[-2, 102]),
            height=430,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[0, 100],
            y=[0, 100],
            mode="lines",
            name="Perfect calibration",
            hoverinfo="skip",
            line={"color": style.FRONT, "width": 1.5, "dash": "dot"},
        )
    )
    for model in models:
        rows = model.rows
        figure.add_trace(
            go.Scatter(
                x=(100 * rows["confidence"]).tolist(),
                y=(100 * rows["accuracy"]).tolist(),
                customdata=rows["count"].tolist(),
                hovertemplate=f"<b>{model.label}</b><br>%{{x:.1f}} % confident, %{{y:.1f}} % correct<br>%{{customdata}} examples"
                "<extra></extra>",
                **{
                    **line(model),
                    "name": style.two_lines(f"{model.label}, ECE {rows['ece'].iloc[0]:.1f} %", LEGEND_WIDTH),
                    "marker": {
                        "color": model.colour,
                        "symbol": model.symbol,
                        "size": [5 + 13 * (count / rows["n"].iloc[0]) ** 0.5 for count in rows["count"]],
                    },
                },
            )
        )
    return figure


CHART = EvidenceChart(
    name="reliability",
    word="calibration",
    question="Is it calibrated?",
    order=30,
    frame="bins",
    empty="Calibration: not measured",
    remedy="Queue a run of a task with labels: Measure stores the predicted probabilities.",
    draw=lambda frame, look: reliability_figure(frame, about=look.about),
)
