"""The Pareto chart: the headline metric against what a model costs, with the front, the budget and the intervals."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.findings import finding, subtitle
from kdui.charts.front import Budget, pareto_front, within
from kdui.charts.log_axis import log_axis
from kdui.charts.numbers import QUANTITIES, quantity
from kdui.core.contracts import TaskFacts
from kdui.core.measurement import Origin
from kdui.core.metric import Metric
from kdui.core.numbers import THIN, floor, significant, span, times

DRAWN = (
    "run",
    "label",
    "role",
    "origin",
    "interval",
    "repeats",
    "headline",
    "low",
    "high",
    "retained",
    "latency_ms",
    "token_ms",
    "download_mb",
    "parameters",
    "speedup",
    "settings",
)
MOST_CONTROLS = 1000
MOST_OTHERS = 2000
MOST_ERROR_BARS = 200
MANY = 600
MOST_NAMED, NAMED = 6, 24  # models of the front that are named in the chart, and the characters of a name


def pareto_figure(
    models: pd.DataFrame,
    *,
    x: str,
    metric: Metric,
    task: str,
    budget: Budget | None = None,
    settings: Sequence[str] = (),
    facts: TaskFacts | None = None,
) -> go.Figure:
    """``models``: one row each (``repeats.merge_repeats``); ``x``: a key of ``numbers.QUANTITIES``;
    ``settings``: those that a hover tells, usually the ones that differ.

    ``facts``: the task, to say where models have learned no more than its most frequent label.
    The title states the finding. ``customdata`` of a point is, or starts with, its run id, so a click can open the run.
    """
    budget = budget or Budget()
    cost = models[x].to_numpy(float)
    there = np.flatnonzero(np.isfinite(cost) & (cost > 0) & models["headline"].notna().to_numpy())
    known = models[list(dict.fromkeys(("label", "role", "origin", "headline", x)))].take(there).reset_index(drop=True)
    front = pareto_front(known[x].to_numpy(), known["headline"].to_numpy(), metric)
    drawn = models[list(dict.fromkeys((*DRAWN, x)))].take(there[_thinned(known, front)]).reset_index(drop=True)
    if metric.unit == "%":  # an interval over few seeds reaches beyond what a share can be
        drawn = drawn.assign(low=drawn["low"].astype(float).clip(lower=0), high=drawn["high"].astype(float).clip(upper=100))
    errors = len(drawn) <= MOST_ERROR_BARS
    name, _ = QUANTITIES[x]
    line = known.take(front)
    # Plain traces, all at once: a figure copies those that are objects, and checks itself anew for each that is added.
    figure = go.Figure(
        data=[
            *_traces(drawn, x, metric, budget, settings, errors=errors),
            _front_line(line[x], line["headline"], line["label"], known[x]),
        ],
        layout=style.layout(
            title={
                "text": finding(models, budget, metric, facts, x),
                "subtitle": {"text": subtitle(known, drawn, task, metric, name, errors, facts)},
            },
            yaxis=style.axis(metric.axis("test")),
            xaxis=log_axis(known[x], x),
            meta={"missing": len(models) - len(known)},
        ),
    )
    _draw_budget(figure, known, x, metric, budget)
    _draw_majority(figure, known, facts)
    return figure


def _draw_majority(figure: go.Figure, known: pd.DataFrame, facts: TaskFacts | None) -> None:
    """A line where always answering one label stands, if the models come near it; elsewhere the subtitle names it.

    A shape does not widen the axis: good models far above it keep their room.
    """
    if facts is None or facts.majority is None or known.empty:
        return
    worst, best = float(known["headline"].min()), float(known["headline"].max())
    room = max(best - worst, 1.0)
    if not min(worst, best) - room <= facts.majority <= max(worst, best) + room:
        return
    figure.add_hline(
        y=facts.majority,
        line={"color": style.FRONT, "width": 1.2, "dash": "dash"},
        annotation={"text": f"majority class, {facts.headline.format(facts.majority)}", "xanchor": "left", "x": 0.01},
        annotation_position="top left",
    )


def _traces(
    drawn: pd.DataFrame, x: str, metric: Metric, budget: Budget, settings: Sequence[str], *, errors: bool
) -> list[dict[str, Any]]:
    """For each role its entry in the legend, and a trace for what is over the budget or within it, measured or not."""
    many = len(drawn) > MANY
    # Of thousands little is told: rows that are short are taken apart quickly.
    short = drawn[list(dict.fromkeys(("run", x, "headline", "interval", "low", "high")))] if many else drawn
    inside, simulated = within(drawn, budget).to_numpy(), (drawn["origin"] != Origin.MEASURED).to_numpy()
    traces = []
    for role in style.ROLES:
        own = (drawn["role"] == role).to_numpy()
        if own.any():
            traces.append(_legend(role))
        for fits, made_up in product((False, True), (False, True)):
            places = np.flatnonzero(own & (inside == fits) & (simulated == made_up))
            if len(places):
                rows = short.take(places)
                traces.append(_points(rows, x, metric, role, fits, made_up, None if many else settings, errors=errors))
    return traces


def _front_line(cost: pd.Series, headline: pd.Series, labels: pd.Series, all_costs: pd.Series) -> dict[str, Any]:
    """The front, its models named where they are few enough to be read."""
    positions = _name_positions(cost, headline, all_costs)
    # One name on several points would be written over itself; the first of them, the cheapest, wears it.
    names = labels.astype(str).where(~labels.astype(str).duplicated(), "")
    few = len(labels) <= MOST_NAMED
    return {
        "type": "scatter",
        "x": cost,
        "y": headline,
        "mode": "lines+text" if few else "lines",
        "text": [_beside(name, where) for name, where in zip(names, positions, strict=True)] if few else None,
        "textposition": positions if few else None,
        "textfont": {"size": 14, "color": style.INK},
        "cliponaxis": False,
        "name": "Pareto front",
        "hoverinfo": "skip",
        "line": {"color": style.FRONT, "width": 1.5, "dash": "dot"},
    }


def _name_positions(cost: pd.Series, headline: pd.Series, all_costs: pd.Series) -> list[str]:
    """Where names stand: towards the middle of the chart, beside the interval, on the side that the front leaves free."""
    middle = math.sqrt(float(all_costs.min()) * float(all_costs.max())) if len(all_costs) else 0.0
    costs, values = cost.to_numpy(float), headline.to_numpy(float)
    rises = len(cost) < 2 or bool(values[costs.argmax()] >= values[costs.argmin()])
    cheap, dear = ("bottom right", "top left") if rises else ("top right", "bottom left")
    return [cheap if each <= middle else dear for each in costs]


def _beside(label: str, where: str) -> str:
    """A model's name, cut where it is long, with room for the symbol that it stands beside."""
    if not label:
        return ""
    name, room = label if len(label) <= NAMED else f"{label[: NAMED - 1]}…", "\u00a0" * 3
    return room + name if where.endswith("right") else name + room


def _thinned(models: pd.DataFrame, front: np.ndarray) -> np.ndarray:
    """Positions of what is drawn: all of the front and the teachers, and at most 1,000 controls and 2,000 others.

    Those are spread evenly over the headline metric.
    """
    if len(models) <= MOST_CONTROLS:
        return np.arange(len(models))
    role, order = models["role"].to_numpy(), np.argsort(models["headline"].to_numpy(float), kind="stable")
    keep = role == "teacher"
    keep[front] = True
    controls = (role == "control") | (role == "smoothed") | (role == "baseline")
    for chosen, most in ((controls, MOST_CONTROLS), (~controls, MOST_OTHERS)):
        places = order[(chosen & ~keep)[order]]
        keep[places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)]] = True
    return np.flatnonzero(keep)


def _legend(role: str) -> dict[str, Any]:
    """The role's entry in the legend, as bright where all of its points are dimmed; a click on it hides them."""
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "markers",
        "name": style.TITLES[role],
        "legendgroup": role,
        "marker": {"color": style.COLOURS[role], "size": style.SIZES[role], "symbol": style.SYMBOLS[role]},
    }


def _points(
    rows: pd.DataFrame,
    x: str,
    metric: Metric,
    role: str,
    fits: bool,
    simulated: bool,
    settings: Sequence[str] | None,
    *,
    errors: bool,
) -> dict[str, Any]:
    """One trace: numbers that were not measured have open symbols, what breaks the budget is dimmed.

    ``settings`` None: there are thousands, so they are drawn small, by WebGL, and tell less on hover.
    """
    many = settings is None
    colour, base = style.COLOURS[role], style.SYMBOLS[role]
    trace = {
        "type": "scattergl" if many else "scatter",
        "x": rows[x].to_numpy(float),
        "y": rows["headline"].to_numpy(float),
        "mode": "markers",
        "name": style.TITLES[role],
        "legendgroup": role,
        "showlegend": False,
        "opacity": 1.0 if fits else 0.32,
        "customdata": rows["run"].to_numpy("U32") if settings is None else _custom(rows, metric, settings),
        "hovertemplate": _hover(role, metric, fits, many),
        "marker": {
            "color": colour,
            "size": style.SIZES[role] * (0.7 if many else 1),
            "symbol": f"{base}-open" if simulated else base,
            "line": {"width": 2 if simulated else 0, "color": colour},
        },
    }
    if errors and (rows["interval"] != "").any():
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": (rows["high"] - rows["headline"]).to_numpy(float),
            "arrayminus": (rows["headline"] - rows["low"]).to_numpy(float),
            "color": colour,
            "thickness": 1.2,
            "width": 4,
        }
    return trace


def _custom(rows: pd.DataFrame, metric: Metric, settings: Sequence[str]) -> list[list[str]]:
    """What a click and a hover need of each point: run, label, three lines of numbers."""
    return [
        [row.run, row.label, _headline(row, metric), _costs(row), _settings(row.settings, settings)] for row in rows.itertuples()
    ]


def _headline(row: Any, metric: Metric) -> str:
    text = metric.format(row.headline)
    if row.interval:
        n = f"{row.repeats} seeds" if row.interval == "seeds" else "test sample"
        text += f" ({span(row.low, row.high, metric.unit)}, 95 %, {n})"
    if math.isfinite(row.retained):
        text += f", {floor(row.retained)} % of its teacher"
    return f"{text} {Origin(row.origin).mark}".replace(THIN, " ")


def _costs(row: Any) -> str:
    parts = []
    if math.isfinite(row.latency_ms):
        parts.append(quantity("latency_ms", row.latency_ms))
    if math.isfinite(row.token_ms):
        parts.append(f"{quantity('token_ms', row.token_ms)} generated")
    if math.isfinite(row.download_mb):
        parts.append(quantity("download_mb", row.download_mb))
    if math.isfinite(row.parameters):
        parts.append(f"{quantity('parameters', row.parameters)} parameters")
    if math.isfinite(row.speedup):
        parts.append(f"{times(row.speedup)} its teacher's speed")
    return " · ".join(parts)


def _settings(settings: dict[str, Any], names: Sequence[str]) -> str:
    values = {key: settings[key] for key in names if key in settings}
    return " · ".join(f"{key} {significant(value) if isinstance(value, float) else value}" for key, value in values.items())


def _hover(role: str, metric: Metric, fits: bool, many: bool) -> str:
    """All about a point; of thousands only the numbers drawn and the run, which a click opens."""
    note = "" if fits else "<br>over the budget"
    if many:
        reading = f"%{{y:.4~g}} {metric.unit} against %{{x:.3~g}}"
        return f"<b>{style.TITLES[role]}</b> of run %{{customdata}}<br>{reading}{note}<extra></extra>"
    return f"<b>%{{customdata[1]}}</b><br>%{{customdata[2]}}<br>%{{customdata[3]}}<br>%{{customdata[4]}}{note}<extra></extra>"


def _draw_budget(figure: go.Figure, models: pd.DataFrame, x: str, metric: Metric, budget: Budget) -> None:
    """A dashed line at the limit of the drawn axis and a shaded region beyond; a level line for what must be retained."""
    limit = getattr(budget, x, None)
    if limit is not None and len(models):
        edge = 10 ** figure.layout.xaxis.range[1]
        if limit < edge:
            figure.add_shape(
                type="rect",
                x0=limit,
                x1=edge,
                y0=0,
                y1=1,
                yref="paper",
                layer="below",
                fillcolor="rgba(120,128,150,0.10)",
                line={"width": 0},
            )
        figure.add_shape(
            type="line",
            x0=limit,
            x1=limit,
            y0=0,
            y1=1,
            yref="paper",
            line={"color": style.OVER_BUDGET, "dash": "dash", "width": 1.5},
        )
        figure.add_annotation(
            x=math.log10(limit),
            y=1,
            yref="paper",
            text=f"budget {quantity(x, limit)}",
            showarrow=False,
            xanchor="left",
            yanchor="top",
            xshift=6,
            font={"color": style.OVER_BUDGET, "size": 14},
        )
    teachers = models.loc[models["role"] == "teacher", "headline"]
    # With several teachers each student is compared with its own, so there is no one level to draw.
    if budget.retained is not None and len(teachers) == 1:
        level = metric.required(budget.retained, float(teachers.iloc[0]))
        if math.isfinite(level):
            figure.add_hline(y=level, line={"color": style.OVER_BUDGET, "dash": "dot", "width": 1.2})
