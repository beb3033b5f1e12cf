"""Kernel truth: in which precision each model's time was spent, and what fell back to float."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.evidence_chart import MEASURE, EvidenceChart
from kdui.charts.side_by_side import Model, height_of_bars, models_of

# Few bits are amber like everything compressed; the pattern tells them apart without colour.
LOOK = {
    "int4": ("#D97706", 1.0, "x", "4-bit weights"),
    "int8": ("#D97706", 0.75, "", "int8"),
    "fp16": ("#64748B", 0.55, "/", "fp16"),
    "fp32": ("#64748B", 0.85, "", "fp32"),
    "conversion": ("#E11D48", 0.55, "\\", "conversions"),
    "other": ("#64748B", 0.25, ".", "other"),
}


def low_share(model: Model, of: str) -> float:
    """Share of ``time`` or ``macs`` in 8 or fewer bits, %."""
    return float(model.rows.loc[model.rows["precision"].isin(("int8", "int4")), of].sum())


def kernels_title(models: list[Model]) -> str:
    """The model with most MACs in low precision: its share of MACs, and the share of time in float and conversions."""
    best = max(models, key=lambda model: low_share(model, "macs"))
    macs, time = low_share(best, "macs"), low_share(best, "time")
    if not macs and not time:
        return "All kernels run in float: fewer bits bring no speed-up here"
    share = "All" if macs >= 99.5 else f"{macs:.0f} % of the"
    return f"{best.label}: {share} MACs run in ≤ 8 bits, but {100 - time:.0f} % of the time goes to float and conversions"


def kernels_figure(kernels: pd.DataFrame, *, about: str) -> go.Figure:
    """``kernels``: rows of ``evidence``. One bar a model, its time parted by precision."""
    models = models_of(kernels)
    figure = go.Figure(
        layout=style.layout(
            title={
                "text": kernels_title(models),
                "subtitle": {"text": f"{about} · ONNX Runtime profile at batch 1; profiling adds a few µs per node"},
            },
            barmode="stack",
            showlegend=True,
            xaxis=style.axis("Share of time, %", range=[0, 100.5]),
            yaxis=style.axis("model", autorange="reversed", showgrid=False),
            height=height_of_bars(models),
        )
    )
    for precision, (colour, opacity, pattern, name) in LOOK.items():
        rows = kernels[kernels["precision"] == precision]
        if rows.empty:
            continue
        figure.add_trace(
            go.Bar(
                y=rows["label"].tolist(),
                x=rows["time"].tolist(),
                orientation="h",
                name=name,
                customdata=[[row.macs, row.time_us, row.nodes, "<br>".join(row.fallbacks[:4])] for row in rows.itertuples()],
                hovertemplate=f"<b>%{{y}}</b><br>%{{x:.0f}} % of its time in {name}: %{{customdata[1]:.0f}} µs"
                "<br>%{customdata[2]} nodes, %{customdata[0]:.0f} % of its multiply-adds<br>%{customdata[3]}<extra></extra>",
                marker={"color": colour, "opacity": opacity, "pattern": {"shape": pattern, "fgopacity": 0.6}},
            )
        )
    return figure


def fallback_lines(kernels: pd.DataFrame) -> list[str]:
    """What fell back to float in each quantized model, with the reason, the slowest first."""
    fallen_back = kernels[kernels["fallbacks"].map(len) > 0]
    return [f"{row.label}: {'; '.join(row.fallbacks)}" for row in fallen_back.itertuples()]


CHART = EvidenceChart(
    name="kernels",
    word="kernels",
    question="Why isn't it faster?",
    order=80,
    frame="kernels",
    empty="Kernel profile: not measured",
    remedy=f"{MEASURE} and turn on <b>Speed and memory</b>: it profiles which kernels run, then queue the recipe again.",
    lines=lambda frame, look: fallback_lines(frame),
    draw=lambda frame, look: kernels_figure(frame, about=look.about),
    of_quality=False,
)
