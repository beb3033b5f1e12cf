"""Shift: right answers on test examples from the most to the least like the training data, or from short to long."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import Choice, EvidenceChart
from kdui.charts.side_by_side import Model, error_bars, height_with, line, models_of, subject, teacher_of

LEVEL = "level with"
# Trait -> what its last fifth is called, and the words under the axis.
TRAITS = {
    "novelty": ("least like the training data", "fifths, from most to least alike"),
    "length": ("that is longest", "fifths, from short to long"),
}
SORTED = {"novelty": "how unlike the training data they are", "length": "length"}


def traits_of(shift: pd.DataFrame) -> list[str]:
    """What the test data were sorted by."""
    return list(shift["trait"].unique()) if len(shift) else []


def shift_title(models: list[Model], trait: str) -> str:
    """What the model loses against its teacher on the last fifth, and on the first."""
    model, teacher = subject(models), teacher_of(models)
    where = f"On the fifth {TRAITS[trait][0]}"
    first, last = _ends(model)
    if teacher is None or teacher is model:
        return f"{where}, {model.label} is right in {last:.1f} %, on the first fifth in {first:.1f} %"
    theirs = _ends(teacher)
    at_last, at_first = _points(last - theirs[1]), _points(first - theirs[0])
    if at_first == at_last == LEVEL:
        return f"{where}, {model.label} is level with its teacher, as on the first fifth"
    return f"{where}, {model.label} is {at_last} its teacher, on the first fifth {at_first}{' it' if at_first == LEVEL else ''}"


def _ends(model: Model) -> tuple[float, float]:
    ordered = model.rows.sort_values("fifth")["value"]
    return float(ordered.iloc[0]), float(ordered.iloc[-1])


def _points(difference: float) -> str:
    if round(difference, 1) == 0:
        return LEVEL
    return f"{abs(difference):.1f} points {'above' if difference > 0 else 'below'}"


def shift_figure(shift: pd.DataFrame, *, trait: str = "novelty", about: str) -> go.Figure:
    """``shift``: rows of ``evidence``; lines by fifth, each with the 95 % interval over its test examples."""
    models = models_of(shift[shift["trait"] == trait])
    each = int(shift["n"].max())
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": shift_title(models, trait),
                "subtitle": {"text": f"{about} · about {each:,} test examples a fifth, with 95 % intervals"},
            },
            xaxis=style.axis(TRAITS[trait][1], tickvals=list(range(1, 6)), range=[0.8, 5.2]),
            yaxis=style.axis("right answers, %"),
            height=height_with(len(models)),
        )
    )
    for model in models:
        rows = model.rows.sort_values("fifth")
        figure.add_trace(
            go.Scatter(
                x=rows["fifth"].tolist(),
                y=rows["value"].tolist(),
                error_y=error_bars(model, rows),
                customdata=[f"{first:,.3g} to {last:,.3g}" for first, last in zip(rows["first"], rows["last"], strict=True)],
                hovertemplate=f"<b>{model.label}</b><br>fifth %{{x}}: %{{y:.1f}} %<br>{trait} %{{customdata}}<extra></extra>",
                **line(model),
            )
        )
    return figure


CHART = EvidenceChart(
    name="shift",
    word="unlike inputs",
    question="Does it hold under bad inputs?",
    order=40,
    frame="shift",
    empty="No answers have been sorted yet",
    remedy="Queue a run of a task with labels: Measure keeps what models say about each test example.",
    choice=Choice(
        name="trait",
        title="Test examples sorted by",
        values=lambda frame: [(trait, SORTED[trait]) for trait in traits_of(frame)],
        start=lambda frame: "novelty",
    ),
    draw=lambda frame, look: shift_figure(frame, trait=look.chosen, about=look.about),
)
