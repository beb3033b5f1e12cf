"""Robustness: the headline metric as inputs get worse, for each model of a run."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import MEASURE, Choice, EvidenceChart
from kdui.charts.side_by_side import Model, error_bars, height_with, line, models_of, subject, teacher_of
from kdui.core.metric import Metric

CLEAN, MEAN = "clean", "mean"


def corruptions_of(robustness: pd.DataFrame) -> list[str]:
    """What inputs were made worse by, in the order measured."""
    return [name for name in robustness["corruption"].unique() if name != CLEAN] if len(robustness) else []


def curves(robustness: pd.DataFrame, corruption: str = MEAN) -> pd.DataFrame:
    """One row a model and severity, 0 being clean: of one corruption, with its interval, or the mean over all, without one."""
    clean = robustness["corruption"] == CLEAN
    if corruption != MEAN:
        return robustness[clean | (robustness["corruption"] == corruption)].sort_values(["step", "severity"], kind="stable")
    keys = ["step", "role", "label", "severity", "unit", "n"]
    mean = robustness.groupby(keys, sort=False, as_index=False)["value"].mean()
    return mean.assign(low=None, high=None).sort_values(["step", "severity"], kind="stable")


def robustness_title(models: list[Model], metric: Metric) -> str:
    """How far the model and its teacher get worse from clean to the worst severity."""
    model, teacher = subject(models), teacher_of(models)
    sentence = f"At the highest severity {model.label} {metric.worsens} from {_fall(model, metric)}"
    return sentence if teacher is None or teacher is model else f"{sentence}, its teacher from {_fall(teacher, metric)}"


def _fall(model: Model, metric: Metric) -> str:
    ordered = model.rows.sort_values("severity")["value"]
    return metric.format_change(ordered.iloc[0], ordered.iloc[-1])


def robustness_figure(robustness: pd.DataFrame, *, corruption: str = MEAN, about: str, metric: Metric) -> go.Figure:
    """``robustness``: rows of ``evidence``; lines by severity with the 95 % interval of one corruption over the test examples."""
    rows = curves(robustness, corruption)
    order = {step: number for number, step in enumerate(robustness["step"].unique())}
    models = models_of(rows.sort_values("step", key=lambda steps: steps.map(order), kind="stable"))
    examples = int(rows["n"].min())
    kinds = f"mean of {', '.join(_words(name) for name in corruptions_of(robustness))}"
    what = kinds if corruption == MEAN else f"{_words(corruption)}, with 95 % intervals"
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": robustness_title(models, metric),
                "subtitle": {"text": f"{about} · {what} · {examples:,} test examples each"},
            },
            xaxis=style.axis("severity (0: clean)", tickvals=list(range(6)), range=[-0.15, 5.15]),
            yaxis=style.axis(metric.axis()),
            height=height_with(len(models)),
        )
    )
    for model in models:
        drawn = model.rows
        known = drawn["low"].notna().all() and corruption != MEAN
        figure.add_trace(
            go.Scatter(
                x=drawn["severity"].tolist(),
                y=drawn["value"].tolist(),
                error_y=error_bars(model, drawn) if known else None,
                hovertemplate=f"<b>{model.label}</b><br>severity %{{x}}: %{{y:.4~g}} {metric.unit}<extra></extra>",
                **line(model),
            )
        )
    return figure


def _words(corruption: str) -> str:
    return corruption.replace("_", " ")


CHART = EvidenceChart(
    name="robustness",
    word="robustness",
    question="Is it robust?",
    order=60,
    frame="robustness",
    empty="Robustness: not measured",
    remedy=f"{MEASURE} and set <b>Robustness examples</b>, e.g. 500: models are then tested on noisy, blurred or "
    "mistyped inputs.",
    choice=Choice(
        name="corruption",
        title="Corruption",
        values=lambda frame: [(MEAN, "mean of all"), *((name, _words(name)) for name in corruptions_of(frame))],
        start=lambda frame: MEAN,
    ),
    draw=lambda frame, look: robustness_figure(frame, corruption=look.chosen, about=look.about, metric=look.metric),
)
