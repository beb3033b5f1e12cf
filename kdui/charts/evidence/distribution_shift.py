"""Distribution shift: accuracy on test examples from most to least similar to the training data, or from short to long."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import Choice, EvidenceChart
from kdui.charts.side_by_side import Model, error_bars, height_with, line, models_of, subject, teacher_of
from kdui.core.numbers import signed

# Trait -> name of its last fifth, and the axis title.
TRAITS = {
    "novelty": ("unusual inputs", "Fifths of the test data, from most to least similar to the training data"),
    "length": ("long inputs", "Fifths of the test data, from short to long"),
}
SORTED = {"novelty": "novelty (distance to the training data)", "length": "length"}


def traits_of(shift: pd.DataFrame) -> list[str]:
    """What the test data were sorted by."""
    return list(shift["trait"].unique()) if len(shift) else []


def distribution_shift_title(models: list[Model], trait: str) -> str:
    """How the gap to the teacher changes from the first to the last fifth; without a teacher, the model's own accuracy."""
    model, teacher = subject(models), teacher_of(models)
    inputs = TRAITS[trait][0]
    first, last = _ends(model)
    if teacher is None or teacher is model:
        return f"{model.label}: accuracy on {inputs} {last:.1f} %, on the first fifth {first:.1f} %"
    theirs = _ends(teacher)
    gap_first, gap_last = round(theirs[0] - first, 1), round(theirs[1] - last, 1)
    gaps = f"{signed(gap_first, 1)} → {signed(gap_last, 1)} points"
    if gap_last == gap_first:
        return f"{model.label}: the gap to its teacher does not change on {inputs} ({gaps})"
    return f"{model.label}: the gap to its teacher {'grows' if gap_last > gap_first else 'shrinks'} on {inputs} ({gaps})"


def _ends(model: Model) -> tuple[float, float]:
    ordered = model.rows.sort_values("fifth")["value"]
    return float(ordered.iloc[0]), float(ordered.iloc[-1])


def distribution_shift_figure(shift: pd.DataFrame, *, trait: str = "novelty", about: str) -> go.Figure:
    """``shift``: rows of ``evidence``; lines by fifth, each with the 95 % interval over its test examples."""
    models = models_of(shift[shift["trait"] == trait])
    each = int(shift["n"].max())
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": distribution_shift_title(models, trait),
                "subtitle": {"text": f"{about} · about {each:,} test examples per fifth, with 95 % intervals"},
            },
            xaxis=style.axis(TRAITS[trait][1], tickvals=list(range(1, 6)), range=[0.8, 5.2]),
            yaxis=style.axis("Accuracy, %"),
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
    word="distribution shift",
    question="Is it robust?",
    order=40,
    frame="shift",
    empty="Distribution shift: not measured",
    remedy="Queue a run of a task with labels: Measure stores the prediction for each test example.",
    choice=Choice(
        name="trait",
        title="Test examples sorted by",
        values=lambda frame: [(trait, SORTED[trait]) for trait in traits_of(frame)],
        start=lambda frame: "novelty",
    ),
    draw=lambda frame, look: distribution_shift_figure(frame, trait=look.chosen, about=look.about),
)
