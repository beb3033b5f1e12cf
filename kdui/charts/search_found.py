"""What a search measured: each trial by one of its costs and its headline, those that keep the limits apart from the rest."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from typing import Literal

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.log_axis import log_axis
from kdui.charts.numbers import quantity
from kdui.core.metric import Metric
from kdui.core.numbers import THIN

Cost = Literal["download_mb", "latency_ms"]


def search_figure(
    trials: pd.DataFrame, *, cost: Cost, limit: float | None, metric: Metric, pick: int | None, about: str
) -> go.Figure | None:
    """None where no trial has that cost. ``trials``: rows with number, headline, the costs, ``fits``, ``known`` and ``words``;
    ``pick``: the number of the chosen one; ``limit``: of the cost, drawn as a line."""
    drawn = trials[trials[cost].astype(float) > 0]
    if drawn.empty:
        return None
    figure = go.Figure(
        layout=style.layout(
            title={"text": _title(drawn, pick, metric, cost), "subtitle": {"text": about}},
            height=360,
            xaxis=log_axis(drawn[cost].astype(float), cost),
            yaxis=style.axis(metric.axis("test")),
        )
    )
    groups = (
        ("Keeps the limits", drawn["fits"].astype(bool) & (drawn["number"] != pick), "circle", style.COLOURS["student"], 11),
        ("Exceeds a limit", ~drawn["fits"].astype(bool), "x", style.OVER_BUDGET, 10),
        ("Pick", drawn["number"] == pick, "star", style.COLOURS["compressed"], 17),
    )
    for name, chosen, symbol, colour, size in groups:
        rows = drawn[chosen]
        if rows.empty:
            continue
        figure.add_scatter(
            x=rows[cost],
            y=rows["headline"],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "color": colour, "size": size},
            customdata=[[run, words] for run, words in zip(rows["run"], rows["words"], strict=True)],
            hovertemplate="%{customdata[1]}<extra></extra>",
        )
    if limit is not None:
        figure.add_vline(x=limit, line={"color": style.OVER_BUDGET, "width": 1.5, "dash": "dash"})
    return figure


def _title(drawn: pd.DataFrame, pick: int | None, metric: Metric, cost: Cost) -> str:
    chosen = drawn[drawn["number"] == pick]
    if chosen.empty:
        return f"None of {len(drawn)} measured trials keeps the limits yet"
    row = chosen.iloc[0]
    reading = f"{metric.format(row['headline'])}, {quantity(cost, float(row[cost]))}".replace(THIN, " ")
    return f"Best of {int(drawn['fits'].sum())} trials that keep the limits: trial {int(row['number']) + 1} ({reading})"
