"""Loss and validation curves of a run that may still be going on; each named loss is a series for free."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from collections.abc import Iterable, Mapping

import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.core.run import Event

MOST_POINTS = 1000
DASHES = ("solid", "dot", "dash", "dashdot")
COLUMNS = ("step", "kind", "name", "at", "value")


def curve_points(events: Iterable[Event]) -> pd.DataFrame:
    """One row for each named value of the ``loss`` and ``metric`` events; ``at`` in epochs.

    A loss on validation data belongs beside the training losses, whichever kind of event told it.
    """
    rows = [
        (event.step or "", "loss" if name.endswith("loss") else event.kind, name, event.at, float(value))
        for event in events
        if event.kind in ("loss", "metric") and event.at is not None
        for name, value in event.values.items()
        if isinstance(value, (int, float))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def live_figure(
    points: pd.DataFrame, kind: str, labels: Mapping[str, str], roles: Mapping[str, str | None], unit: str
) -> go.Figure:
    """``kind``: loss or metric; ``labels`` and ``roles``: step name -> what a person calls it, and whose colour it takes.

    Each trace's ``uid`` names its series, so the browser can append the points of a later call to it.
    """
    figure = go.Figure(
        layout=style.layout(xaxis=style.axis("epoch", rangemode="tozero"), yaxis=style.axis(unit), showlegend=True)
    )
    chosen = points[points["kind"] == kind]
    names = list(dict.fromkeys(chosen["name"]))
    for (step, name), series in chosen.groupby(["step", "name"], sort=False):
        series = thinned(series)
        role = roles.get(step) or "compressed"
        figure.add_trace(
            go.Scatter(
                x=series["at"].to_numpy(float),
                y=series["value"].to_numpy(float),
                uid=series_id(step, name),
                name=f"{labels.get(step, step)}: {name.replace('_', ' ')}",
                mode="lines+markers" if kind == "metric" else "lines",
                line={"color": style.COLOURS[role], "width": 2, "dash": DASHES[names.index(name) % len(DASHES)]},
                marker={"size": 6, "symbol": style.SYMBOLS[role]},
                hovertemplate=f"%{{fullData.name}}<br>epoch %{{x:.2f}}: %{{y:.4g}} {unit if unit == '%' else ''}<extra></extra>",
            )
        )
    return figure


def series_id(*parts: str) -> str:
    """A name for a series that no other parts share, of letters, digits and hyphens: Plotly builds CSS selectors of it."""
    coded = ("".join(sign if sign.isascii() and sign.isalnum() else f"-{ord(sign):x}-" for sign in part) for part in parts)
    return "--".join(coded)


def thinned(series: pd.DataFrame) -> pd.DataFrame:
    """One value for each position, the newest (a resumed run repeats some), and at most 1,000 of them, the last one kept."""
    series = series.drop_duplicates("at", keep="last").sort_values("at", kind="stable")
    stride = -(-len(series) // MOST_POINTS)
    return series.iloc[(len(series) - 1) % stride :: stride] if stride > 1 else series
