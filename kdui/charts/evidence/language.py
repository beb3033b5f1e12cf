"""Language models beside each other: how near the teacher they predict, what they find likely, how much they repeat."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import MEASURE, Choice, EvidenceChart
from kdui.charts.side_by_side import NAME_WIDTH, error_bars, height_of_bars, models_of, subject
from kdui.core.metric import Metric
from kdui.core.numbers import THIN
from kdui.problems.language_model.measures import AGREEMENT, MEASURES

OF_WHAT = {"teacher_agreement": "test texts", "teacher_divergence": "test texts", "continuation_choice": "questions"}


def measures_of(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Those that were measured, each with its title."""
    known = set(rows["name"]) if len(rows) else set()
    return [(name, metric.title) for name, metric in MEASURES.items() if name in known]


def language_title(rows: pd.DataFrame, metric: Metric) -> str:
    """The model's value, and the best of the others where that is a better one."""
    models = models_of(rows)
    model = subject(models)
    value = float(model.rows["value"].iloc[0])
    sentence = f"{metric.title}: {model.label} {_written(metric, value)}"
    others = {each.label: float(each.rows["value"].iloc[0]) for each in models if each is not model}
    if not others:
        return sentence
    best = max(others, key=lambda label: metric.sign * others[label])
    return f"{sentence}, {best} {_written(metric, others[best])}"


def _written(metric: Metric, value: float) -> str:
    return metric.format(value).replace(THIN, " ")


def language_figure(measured: pd.DataFrame, *, name: str, about: str) -> go.Figure:
    """``measured``: rows of the frame ``measurements``. One dot a model with its 95 % interval, of the measure ``name``."""
    metric, rows = MEASURES[name], measured[measured["name"] == name]
    models = models_of(rows)
    count = f"{int(rows['n'].min()):,} {OF_WHAT.get(name, 'generated texts')}"
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": language_title(rows, metric),
                "subtitle": {"text": f"{about} · {count} · with 95 % intervals"},
            },
            xaxis=style.axis(", ".join(filter(None, (metric.title, metric.unit, metric.direction)))),
            yaxis=style.axis("", autorange="reversed"),
            height=height_of_bars(models),
            showlegend=False,
        )
    )
    for model in models:
        figure.add_trace(
            go.Scatter(
                x=model.rows["value"].tolist(),
                y=[style.two_lines(model.label, NAME_WIDTH)],
                error_x=error_bars(model, model.rows),
                mode="markers",
                marker={"color": model.colour, "size": 11, "symbol": model.symbol},
                hovertemplate=f"<b>{model.label}</b><br>%{{x:.4~g}} {metric.unit}<extra></extra>",
            )
        )
    return figure


CHART = EvidenceChart(
    name="language",
    word="language models",
    question="How differently does it predict?",
    order=25,
    frame="measurements",
    rows=lambda frame: frame[frame["name"].isin(MEASURES)],
    empty="Predictions beside the teacher's: not measured",
    remedy=f"Of language models only: {MEASURE} and set <b>Texts beside the teacher</b>, <b>Multiple-choice questions</b> or "
    "<b>Generated texts</b>.",
    choice=Choice(
        name="quantity",
        title="Quantity",
        values=measures_of,
        start=lambda rows: AGREEMENT.name if AGREEMENT.name in set(rows["name"]) else measures_of(rows)[0][0],
    ),
    draw=lambda frame, look: language_figure(frame, name=look.chosen, about=look.about),
)
