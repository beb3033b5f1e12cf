"""Latency over batch sizes or text lengths, on one thread and on all."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from typing import Literal, cast

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import MEASURE, Choice, EvidenceChart
from kdui.charts.log_axis import log_ticks
from kdui.charts.numbers import quantity
from kdui.charts.side_by_side import Model, error_bars, height_with, line, models_of, subject, teacher_of
from kdui.core.numbers import significant

By = Literal["batch", "tokens"]
SWEEPS: dict[By, str] = {"batch": "batch size", "tokens": "text length"}
LEVEL = 1.05  # smaller differences of speed are not worth a title


def swept(sweep: pd.DataFrame, by: By = "batch") -> pd.DataFrame:
    """The rows of one sweep, with ms an example: over batches at the usual length, or over lengths at batch 1 on one thread."""
    if by == "tokens":
        rows = sweep[(sweep["batch"] == 1) & (sweep["threads"] == "1") & (sweep["tokens"] > 0)]
    else:
        usual = sweep.groupby("step")["tokens"].transform(lambda tokens: tokens.mode().max())
        rows = sweep[sweep["tokens"] == usual]
    each = rows.assign(**{name: rows[name] / rows["batch"] for name in ("value", "low", "high")})
    return each.sort_values(["threads", by], kind="stable")


def sweeps_of(sweep: pd.DataFrame) -> list[By]:
    """What was swept: batches, and lengths where texts were timed at more than one."""
    if sweep.empty:
        return []
    return ["batch", "tokens"] if sweep.loc[sweep["tokens"] > 0, "tokens"].nunique() > 1 else ["batch"]


def sweep_title(models: list[Model], by: By) -> str:
    """Ms an example at the largest batch or length on one thread, against the teacher's.

    A compressed model that is slower there than the student it was made of says that first: faster than a large teacher is no
    merit of the compression.
    """
    model, teacher = subject(models), teacher_of(models)
    at, mine = _largest(model, by)
    where = f"In batches of {at}" if by == "batch" else f"At {at} tokens"
    sentence = f"{where} {model.label} takes {quantity('latency_ms', mine)} an example"
    if teacher is None or teacher is model:
        return sentence
    whole = next((each for each in models if each.role == "student"), None) if model.role == "compressed" else None
    if whole is not None and mine > LEVEL * (theirs := _largest(whole, by)[1]):
        return f"{sentence}, {significant(mine / theirs, 2)} times slower than {whole.label} before compression"
    ratio = _largest(teacher, by)[1] / mine
    if ratio >= 1:
        return f"{sentence}, {significant(ratio, 2)} times faster than the teacher"
    return f"{sentence}, {significant(1 / ratio, 2)} times slower than the teacher"


def _largest(model: Model, by: By) -> tuple[int, float]:
    one = model.rows[model.rows["threads"] == "1"]
    row = one.loc[one[by].idxmax()]
    return int(row[by]), float(row["value"])


def sweep_figure(sweep: pd.DataFrame, *, by: By = "batch", about: str) -> go.Figure:
    """``sweep``: rows of ``evidence``; full lines are one thread, dotted and open ones all threads."""
    models = models_of(swept(sweep, by))
    values = [float(value) for model in models for value in model.rows["value"]]
    times = log_ticks(0.8 * min(values, default=0.1), 1.25 * max(values, default=1.0))
    ticks = sorted({int(value) for model in models for value in model.rows[by]})
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": sweep_title(models, by),
                "subtitle": {"text": f"{about} · medians with 95 % intervals · full: one thread, dotted: all threads"},
            },
            xaxis=style.axis(
                "batch, examples" if by == "batch" else "length, tokens",
                type="log",
                tickvals=ticks,
                ticktext=[f"{tick}" for tick in ticks],
            ),
            yaxis=style.axis("ms per example", type="log", tickvals=times, ticktext=[significant(tick) for tick in times]),
            height=height_with(len(models)),
        )
    )
    for model in models:
        for threads, rows in model.rows.groupby("threads", sort=False):
            every = threads == "all"
            drawn = line(model)
            drawn["line"] = {**drawn["line"], "dash": "dot" if every else "solid"}
            drawn["marker"] = {
                **drawn["marker"],
                "symbol": f"{model.symbol.removesuffix('-open')}-open" if every else model.symbol,
            }
            words = "all threads" if every else f"{threads} thread"
            figure.add_trace(
                go.Scatter(
                    x=rows[by].tolist(),
                    y=rows["value"].tolist(),
                    error_y=error_bars(model, rows),
                    hovertemplate=f"<b>{model.label}</b>, {words}<br>{by} %{{x}}: %{{y:.3g}} ms an example<extra></extra>",
                    showlegend=not every,  # the dotted line of the same colour
                    **drawn,
                )
            )
    return figure


CHART = EvidenceChart(
    name="sweep",
    word="batches",
    question="Why isn't it faster?",
    order=70,
    frame="sweep",
    empty="Batched latency: not measured",
    remedy=f"{MEASURE} and turn on <b>Speed and memory</b> and <b>Latency sweep</b>, then queue the recipe again.",
    choice=Choice(
        name="by",
        title="Over",
        values=lambda frame: [(by, SWEEPS[by]) for by in sweeps_of(frame)],
        start=lambda frame: "batch",
    ),
    draw=lambda frame, look: sweep_figure(frame, by=cast(By, look.chosen), about=look.about),
    of_quality=False,
)
