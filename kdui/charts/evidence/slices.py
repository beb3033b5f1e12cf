"""Harmed slices: labels, and fifths by length and novelty, on which a model loses more than a chosen number of points."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import Choice, EvidenceChart, Look, Slider
from kdui.charts.side_by_side import models_of, subject
from kdui.core.numbers import signed
from kdui.core.statistics.discovery import RATE, adjusted
from kdui.core.statistics.paired import Discordant, loss_p, score_interval

MOST = 24  # slices that are drawn, those with the largest loss
WITHIN, MAYBE, HARMED = "within", "maybe", "harmed"
SAID = {HARMED: "harmed", MAYBE: "may be chance"}
SYMBOLS = {HARMED: "circle", MAYBE: "circle-open", WITHIN: "line-ns-open"}


def judged(slices: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """The slices of one model, the largest loss first, with ``change`` in points, its interval, ``p_value`` and ``verdict``.

    ``slices``: rows of the frame. Harmed is a slice whose loss is shown to exceed ``threshold`` points, with a false discovery
    rate of 5 % over all slices of the model (Benjamini-Hochberg); ``maybe`` one that loses more, which chance can explain.
    """
    parts = [Discordant(int(row.worse), int(row.better), int(row.n)) for row in slices.itertuples()]
    intervals = [score_interval(part) for part in parts]
    change = pd.Series([100 * (part.better - part.worse) / part.n for part in parts], index=slices.index)
    p_values = adjusted([loss_p(part, threshold / 100) for part in parts])
    loses = change < -threshold
    verdict = [HARMED if more and p < RATE else MAYBE if more else WITHIN for more, p in zip(loses, p_values, strict=True)]
    rows = slices.assign(
        change=change,
        low=[100 * low for low, _ in intervals],
        high=[100 * high for _, high in intervals],
        p_value=p_values,
        verdict=verdict,
    )
    return rows.sort_values(["change", "n"], ascending=[True, False], kind="stable")


def name_of(by: str, of: str) -> str:
    """A slice as it stands on the axis."""
    if by == "length":
        return f"Length, fifth {of}"
    return f"Novelty, fifth {of}" if by == "novelty" else of


def _quoted(by: str, of: str) -> str:
    return f"“{of}”" if by == "label" else name_of(by, of)


def slices_title(rows: pd.DataFrame, threshold: float) -> str:
    """How many slices are harmed, and the worst of them: what chance can explain is not called harm."""
    label, harmed = str(rows["label"].iloc[0]), rows[rows["verdict"] == HARMED]
    maybe = int((rows["verdict"] == MAYBE).sum())
    if len(harmed):
        where = _quoted(harmed["by"].iloc[0], harmed["of"].iloc[0])
        return f"{label} loses more than {threshold:g} points on {len(harmed)} of {len(rows)} slices, most on {where}"
    if maybe:
        return f"{label} is not shown to lose more than {threshold:g} points on any slice, though on {maybe} it may"
    return f"{label} loses more than {threshold:g} points on no slice"


def slices_lines(slices: pd.DataFrame, look: Look) -> list[str]:
    """A sentence for each slice that loses more than the threshold: points, interval, n, and whether chance can explain it."""
    rows = judged(_own(slices, look.chosen), look.bound)
    return [
        f"{_quoted(row.by, row.of)}: {signed(row.change)} points on {row.n} test examples, "
        f"95 % interval {signed(row.low)} to {signed(row.high)}, {SAID[row.verdict]}"
        for row in rows[rows["verdict"] != WITHIN].head(MOST).itertuples()
    ]


def slices_figure(slices: pd.DataFrame, *, threshold: float, about: str) -> go.Figure:
    """``slices``: rows of one model. A point with its 95 % interval a slice, the threshold as a line."""
    judgement = judged(slices, threshold)
    rows = judgement.head(MOST).iloc[::-1]
    shown = f"the worst {len(rows)} of {len(judgement)} slices" if len(rows) < len(judgement) else f"{len(rows)} slices"
    place = {index: number for number, index in enumerate(rows.index)}
    ends = [0.0, -threshold, *rows["low"], *rows["high"]]
    room = 0.04 * (max(ends) - min(ends)) or 1.0
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": slices_title(judgement, threshold),
                "subtitle": {"text": f"{about} · {shown}, paired with the teacher · 95 % intervals · false discovery rate ≤ 5 %"},
            },
            xaxis=style.axis(
                "model − teacher, points", zeroline=True, zerolinecolor=style.INK, range=[min(ends) - room, max(ends) + room]
            ),
            yaxis=style.axis(
                "slice",
                tickvals=list(place.values()),
                ticktext=[name_of(by, of) for by, of in zip(rows["by"], rows["of"], strict=True)],
                range=[-0.7, max(0, len(rows) - 1) + 0.7],
                showgrid=False,
            ),
            height=max(260, 150 + 28 * len(rows)),
        )
    )
    figure.add_vline(x=-threshold, line={"color": style.OVER_BUDGET, "dash": "dash", "width": 2})
    colour = style.COLOURS[str(rows["role"].iloc[0])]
    titles = {
        HARMED: f"harmed: loses more than {threshold:g}",
        MAYBE: "loses more, may be chance",
        WITHIN: "within the limit",
    }
    for verdict, title in titles.items():
        own = rows[rows["verdict"] == verdict]
        if len(own):
            ink = style.COLOURS["control"] if verdict == WITHIN else colour
            figure.add_trace(_points(own, [place[index] for index in own.index], title, ink, SYMBOLS[verdict]))
    return figure


def _points(rows: pd.DataFrame, places: list[int], title: str, ink: str, symbol: str) -> go.Scatter:
    """Changes with their intervals, one verdict's rows at their places on the axis."""
    interval = {
        "type": "data",
        "symmetric": False,
        "array": (rows["high"] - rows["change"]).tolist(),
        "arrayminus": (rows["change"] - rows["low"]).tolist(),
        "color": ink,
        "thickness": 1.5,
    }
    return go.Scatter(
        x=rows["change"].tolist(),
        y=places,
        mode="markers",
        name=title,
        error_x=interval,
        customdata=[
            [name_of(row.by, row.of), row.n, row.worse, row.better, row.low, row.high, row.p_value] for row in rows.itertuples()
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{x:+.1f} points, 95 % interval %{customdata[4]:+.1f} to %{customdata[5]:+.1f}"
        "<br>n = %{customdata[1]}: %{customdata[2]} worse, %{customdata[3]} better<br>adjusted p = %{customdata[6]:.3f}"
        "<extra></extra>",
        marker={"color": ink, "size": 10, "symbol": symbol, "line": {"color": ink, "width": 2}},
    )


def _own(frame: pd.DataFrame, chosen: str) -> pd.DataFrame:
    return frame[frame["step"] == chosen].reset_index(drop=True)


CHART = EvidenceChart(
    name="slices",
    word="harm by slice",
    question="Who is harmed?",
    order=15,
    frame="slices",
    empty="Harm by slice: not measured",
    remedy="Queue a run with a teacher and a student: Measure compares them.",
    choice=Choice(
        name="sliced",
        title="Model",
        values=lambda frame: [(model.step, model.label) for model in models_of(frame)],
        start=lambda frame: subject(models_of(frame)).step,
    ),
    slider=Slider("harmed", "A slice counts as harmed when it loses more than", "points", most=20.0, step=0.5, start=2.0),
    lines=slices_lines,
    draw=lambda frame, look: slices_figure(_own(frame, look.chosen), threshold=look.bound, about=look.about),
)
