"""Which layer breaks first: a heat map of what each layer, changed on its own, costs at each strength."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.core.numbers import signed, significant
from kdui.methods.compress.sensitivity.kinds import KINDS

Quantity = Literal["drop", "kl"]
BREAKS = {"drop": 1.0, "kl": 0.05}  # points, nats: a loss that is more than noise of a few examples
TEXT = "#1C1F2A"  # the browser swaps in the theme's ink
AMBER = "217,119,6"


def sensitivity_frame(report: dict[str, Any]) -> pd.DataFrame:
    """One row for each layer, method and strength of a sensitivity.json, in the order of the graph, from mild to strong."""
    return pd.DataFrame(
        [
            {
                "layer": layer["title"],
                "place": place,
                "weights": layer["rows"] * layer["columns"],
                "method": method,
                "strength": strength,
                "drop": measured["drop"][place][number],
                "kl": measured["kl"][place][number],
            }
            for place, layer in enumerate(report["layers"])
            for method, measured in report["methods"].items()
            for number, strength in enumerate(measured["strengths"])
        ],
        columns=["layer", "place", "weights", "method", "strength", "drop", "kl"],
    )


def strength_text(method: str, strength: float) -> str:
    """A strength as it stands on the axis."""
    return KINDS[method].strength(strength)


def _strength(method: str, strength: float) -> str:
    return f"{strength_text(method, strength)} {KINDS[method].phrase}"


def breaking_point(rows: pd.DataFrame, quantity: Quantity) -> pd.Series | None:
    """At the mildest strength where any layer loses more than noise, the one that loses most; None where none does."""
    order = {strength: number for number, strength in enumerate(dict.fromkeys(rows["strength"]))}
    broken = rows[rows[quantity] > BREAKS[quantity]]
    if broken.empty:
        return None
    mildest = min(broken["strength"], key=lambda strength: order[strength])
    there = broken[broken["strength"] == mildest]
    return there.loc[there[quantity].idxmax()]


def sensitivity_title(rows: pd.DataFrame, method: str, quantity: Quantity, unit: str) -> str:
    """The finding in one sentence."""
    first = breaking_point(rows, quantity)
    threshold = f"{significant(BREAKS[quantity])} {unit.removesuffix('s') if quantity == 'drop' else 'nats'}"
    if first is None:
        strongest = list(rows["strength"])[-1]
        return f"No single layer loses more than {threshold}, even with {_strength(method, strongest)}"
    value = f"{first['drop']:.1f} {unit}" if quantity == "drop" else f"{first['kl']:.2f} nats"
    return f"{first['layer']} is most sensitive: {value} lost with {_strength(method, float(first['strength']))}"


def sensitivity_figure(
    frame: pd.DataFrame, *, method: str, quantity: Quantity, about: str, n: int, unit: str = "points", error: str = ""
) -> go.Figure:
    """``frame``: rows of ``sensitivity_frame``; ``about``: task and model; ``error``: what the sum over layers misses by."""
    rows = frame[frame["method"] == method]
    strengths = list(dict.fromkeys(rows["strength"]))
    layers = list(dict.fromkeys(zip(rows["place"], rows["layer"], strict=True)))
    figure = go.Figure(
        _heat_map(rows, strengths, [place for place, _ in layers], method, quantity, unit),
        layout=style.layout(
            title={
                "text": sensitivity_title(rows, method, quantity, unit),
                "subtitle": {"text": _subtitle(about, n, error)},
            },
            xaxis=style.axis(
                f"{KINDS[method].axis} (mild to strong)",
                tickvals=list(range(len(strengths))),
                ticktext=[strength_text(method, strength) for strength in strengths],
                showgrid=False,
            ),
            yaxis=style.axis(
                "layer (input first)",
                tickvals=list(range(len(layers))),
                ticktext=[_shortened(title) for _, title in layers],
                autorange="reversed",
                showgrid=False,
            ),
            height=max(260, 130 + 30 * len(layers)),
        ),
    )
    return figure


def _cell(value: float, quantity: Quantity) -> str:
    return signed(value) if quantity == "drop" else f"{value:.2f}"


def _hover(row: Any, method: str, unit: str) -> str:
    head = f"<b>{row.layer}</b>, {row.weights:,} weights<br>{_strength(method, row.strength)}, all else unchanged"
    return f"{head}<br>{signed(row.drop, 2)} {unit} lost, KL {row.kl:.3f} nats"


def _shortened(title: str, most: int = 34) -> str:
    return title if len(title) <= most else f"…{title[-most + 1 :]}"


def _subtitle(about: str, n: int, error: str) -> str:
    parts = [about, f"● {n:,} validation examples", "one layer at a time, without fine-tuning"]
    return " · ".join([*parts, error] if error else parts)


def _heat_map(
    rows: pd.DataFrame, strengths: list[float], places: list[int], method: str, quantity: Quantity, unit: str
) -> go.Heatmap:
    """Layers down, strengths across, what is lost as text and shade."""
    at: dict[Any, Any] = {(row.place, row.strength): row for row in rows.itertuples()}
    values = [[getattr(at[place, strength], quantity) for strength in strengths] for place in places]
    return go.Heatmap(
        z=values,
        x=list(range(len(strengths))),
        y=list(range(len(places))),
        text=[[_cell(value, quantity) for value in row] for row in values],
        texttemplate="%{text}",
        textfont={"size": 14, "color": TEXT},
        customdata=[[_hover(at[place, strength], method, unit) for strength in strengths] for place in places],
        hovertemplate="%{customdata}<extra></extra>",
        xgap=2,
        ygap=2,
        zmin=0,
        zmax=max(max((value for row in values for value in row), default=0.0), BREAKS[quantity]),
        colorscale=[[0, f"rgba({AMBER},0.04)"], [1, f"rgba({AMBER},0.62)"]],
        colorbar={
            "title": {"text": f"lost, {unit}" if quantity == "drop" else "KL, nats", "font": {"size": 14}},
            "tickfont": {"size": 14},
            "thickness": 14,
        },
    )
