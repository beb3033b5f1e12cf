"""Runtimes: how many times as fast another program runs each model's file as ONNX Runtime, measured in turn."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import MEASURE, EvidenceChart
from kdui.charts.numbers import quantity
from kdui.charts.side_by_side import error_bars, height_of_bars, models_of
from kdui.core.numbers import significant

LEAST_DIFFERENCE = 0.001  # %: what is smaller is named by this bound
EACH_MORE = 40  # px for each further bar of a model


def measured(runtimes: pd.DataFrame) -> pd.DataFrame:
    """The rows of models that the other runtime took."""
    return runtimes[runtimes["refused"] == ""]


def runtimes_title(runtimes: pd.DataFrame) -> str:
    """The faster runtime by name, and by how much at the most; none where every interval holds 1."""
    usual = str(runtimes["usual"].iloc[0])
    sure = runtimes[(runtimes["low"] > 1) | (runtimes["high"] < 1)]
    if sure.empty:
        return f"No runtime is clearly faster than {usual} here"
    wins = sure[sure["low"] > 1]
    if wins.empty:
        least = sure.loc[sure["value"].idxmax()]
        return (
            f"{usual} is the faster runtime: {least['runtime']} takes at least {significant(1 / least['value'], 2)} times as long"
        )
    best = wins.loc[wins["value"].idxmax()]
    batch = "alone" if best["batch"] == 1 else f"in batches of {best['batch']:.0f}"
    return f"{best['runtime']} runs {best['label']} {batch} {significant(best['value'], 2)} times as fast as {usual}"


def runtimes_figure(runtimes: pd.DataFrame, *, about: str) -> go.Figure:
    """``runtimes``: rows of ``evidence`` that were measured, a bar each; the line at 1 is ONNX Runtime."""
    models = models_of(runtimes)
    usual = str(runtimes["usual"].iloc[0])
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": runtimes_title(runtimes),
                "subtitle": {"text": f"{about} · the same file in both, in turn · medians with 95 % intervals"},
            },
            showlegend=False,
            xaxis=style.axis(f"times {usual}'s speed", rangemode="tozero"),
            yaxis=style.axis("model", autorange="reversed", showgrid=False),
            shapes=[{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper", "line": {"width": 1.5, "dash": "dot"}}],
            height=height_of_bars(models) + EACH_MORE * (len(runtimes) - len(models)),
        )
    )
    for model in models:
        rows = model.rows
        figure.add_trace(
            go.Bar(
                y=[f"{row.label}, {row.runtime}, batch {row.batch:.0f}" for row in rows.itertuples()],
                x=rows["value"].tolist(),
                error_x=error_bars(model, rows),
                orientation="h",
                name=model.label,
                marker={"color": model.colour},
                customdata=[
                    [quantity("latency_ms", row.latency_ms), quantity("latency_ms", row.usual_ms), row.agreement, row.difference]
                    for row in rows.itertuples()
                ],
                hovertemplate=f"<b>%{{y}}</b><br>%{{customdata[0]}} against %{{customdata[1]}} in {usual}: %{{x:.2f}} times its "
                "speed<br>the same predictions on %{customdata[2]:.1f} %<br>outputs differ by at most %{customdata[3]:.2g} % of "
                "the largest<extra></extra>",
            )
        )
    return figure


def lines(runtimes: pd.DataFrame) -> list[str]:
    """Of each model how far the answers agree, or why the other runtime was not measured."""
    told = [
        f"{row.label}, {row.runtime}: {row.refused}"
        if row.refused
        else f"{row.label}, {row.runtime}: the same predictions on {row.agreement:.1f} % of {row.examples:.0f} test examples; "
        f"outputs differ by at most {max(row.difference, LEAST_DIFFERENCE):.2g} % of the largest"
        for row in runtimes.itertuples()
    ]
    return list(dict.fromkeys(told))  # once for all batch sizes


CHART = EvidenceChart(
    name="runtimes",
    word="runtimes",
    question="Why isn't it faster?",
    order=90,
    frame="runtimes",
    empty="Other runtimes: not measured",
    remedy=f"{MEASURE} and choose one under <b>Other runtimes</b>, then queue the recipe again.",
    rows=measured,
    lines=lambda frame, look: lines(frame),
    draw=lambda frame, look: runtimes_figure(frame, about=look.about),
    of_quality=False,
)
