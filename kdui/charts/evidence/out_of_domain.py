"""Out-of-domain test: accuracy on the test data and on data from other sources, for each model of a run."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import MEASURE, EvidenceChart
from kdui.charts.side_by_side import Model, error_bars, height_with, line, models_of, subject, teacher_of
from kdui.core.metric import Metric

OWN = "test data"


def out_of_domain_title(models: list[Model], metric: Metric) -> str:
    """What the model and its teacher lose where they lose most."""
    model, teacher = subject(models), teacher_of(models)
    others = model.rows[model.rows["source"] != OWN]
    worst = others.loc[(metric.sign * others["value"]).idxmin()]
    way = metric.worsens if metric.better(_own(model), worst["value"]) else metric.improves
    sentence = f"On {str(worst['source']).lower()} {model.label} {way} from {_fall(model, worst['source'], metric)}"
    if teacher is None or teacher is model:
        return sentence
    return f"{sentence}, its teacher from {_fall(teacher, worst['source'], metric)}"


def _own(model: Model) -> float:
    return float(model.rows.set_index("source")["value"][OWN])


def _fall(model: Model, source: str, metric: Metric) -> str:
    return metric.format_change(_own(model), float(model.rows.set_index("source")["value"][source]))


def out_of_domain_figure(elsewhere: pd.DataFrame, *, about: str, metric: Metric) -> go.Figure:
    """``elsewhere``: rows of ``evidence``. One dot a model and source, with 95 % intervals; the models beside each other."""
    models = models_of(elsewhere)
    sources = list(elsewhere["source"].unique())
    sizes = elsewhere.groupby("source", sort=False)["n"].min()
    named = [f"{source.replace(' ', '<br>')}<br>n = {int(sizes[source]):,}" for source in sources]  # narrow: a phone shows all
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": out_of_domain_title(models, metric),
                "subtitle": {"text": f"{about} · nothing was fitted to the other sources · with 95 % intervals"},
            },
            xaxis=style.axis(
                "", tickvals=list(range(len(sources))), ticktext=named, tickangle=0, range=[-0.5, len(sources) - 0.5]
            ),
            yaxis=style.axis(metric.axis()),
            height=height_with(len(models) + 1),
        )
    )
    for number, model in enumerate(models):
        rows = model.rows
        beside = 0.1 * (number - (len(models) - 1) / 2)
        figure.add_trace(
            go.Scatter(
                x=[sources.index(source) + beside for source in rows["source"]],
                y=rows["value"].tolist(),
                error_y=error_bars(model, rows),
                customdata=rows["source"].tolist(),
                hovertemplate=f"<b>{model.label}</b><br>%{{customdata}}: %{{y:.4~g}} {metric.unit}<extra></extra>",
                **line(model, mode="markers"),
            )
        )
    if elsewhere["majority"].notna().any():
        figure.add_trace(_most_frequent(elsewhere.drop_duplicates("source").set_index("source")["majority"], metric))
    return figure


def _most_frequent(majority: pd.Series, metric: Metric) -> go.Scatter:
    """A short dotted line a source: sources differ in their balance, and a model that gives one answer is right by that alone."""
    places = [place + end for place in range(len(majority)) for end in (-0.3, 0.3, 0.3)]
    heights = [value for known in majority for value in (known, known, None)]
    return go.Scatter(
        x=places,
        y=heights,
        mode="lines",
        name="majority class",
        line={"color": style.FRONT, "width": 1.5, "dash": "dot"},
        hovertemplate=f"Majority class: %{{y:.1f}} {metric.unit}<extra></extra>",
    )


CHART = EvidenceChart(
    name="elsewhere",
    word="out-of-domain accuracy",
    question="Is it robust?",
    order=50,
    frame="elsewhere",
    empty="Out-of-domain accuracy: not measured",
    remedy=f"{MEASURE} and set <b>Out-of-domain examples</b> for tasks with other sources, such as film reviews.",
    draw=lambda frame, look: out_of_domain_figure(frame, about=look.about, metric=look.metric),
)
