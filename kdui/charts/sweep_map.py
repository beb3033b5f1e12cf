"""What a sweep found: a heat map over two of its settings, or a line over one; each place with its seeds and its spread."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.core.metric import Metric
from kdui.core.numbers import THIN, significant
from kdui.core.statistics.intervals import half_width

TEXT = "#1C1F2A"  # the browser swaps in the theme's ink
TEAL = "13,148,136"  # of the student
MOST_PLACES = 16  # of an axis
SHOWN_IN_CELLS = 60  # cells from which they are too small for a number


def title_of(name: str) -> str:
    """distill temperature."""
    return name.replace(".", " ").replace("_", " ")


def sweep_cells(models: pd.DataFrame, axes: list[str]) -> pd.DataFrame:
    """One row a combination on these axes: ``mean``, ``seeds`` (how many models), ``width`` (half of the 95 % interval).

    ``models``: rows with ``settings`` (dotted name -> value) and ``headline``. Models that differ in further settings than the
    axes are averaged with the rest, and counted.
    """
    rows: dict[tuple[Any, ...], list[float]] = {}
    for settings, headline in zip(models["settings"], models["headline"], strict=True):
        place = tuple(settings.get(name) for name in axes)
        if None not in place and headline == headline and headline is not None:
            rows.setdefault(place, []).append(float(headline))
    return pd.DataFrame(
        [
            {
                **{name: value for name, value in zip(axes, place, strict=True)},
                "mean": float(np.mean(values)),
                "seeds": len(values),
                "width": half_width(float(np.std(values, ddof=1)), len(values)) if len(values) > 1 else None,
            }
            for place, values in rows.items()
        ],
        columns=[*axes, "mean", "seeds", "width"],
    )


def mapped(axes: dict[str, list[Any]]) -> list[str]:
    """The one or two settings that a map is drawn over: those with most values, the seed never."""
    varied = [name for name, values in axes.items() if name != "seed" and 1 < len(values) <= MOST_PLACES]
    return sorted(varied, key=lambda name: -len(axes[name]))[:2]


def sweep_figure(models: pd.DataFrame, axes: dict[str, list[Any]], metric: Metric, about: str) -> go.Figure | None:
    """None where nothing is measured yet, or no setting fits an axis. ``axes``: each setting's values in their order."""
    names = mapped(axes)
    cells = sweep_cells(models, names) if names else pd.DataFrame()
    if cells.empty:
        return None
    if set(axes) - {*names, "seed"}:
        cells["width"] = None  # the spread over other settings is no interval over repeats
    best = cells.loc[(cells["mean"] * metric.sign).idxmax()]
    title = {"text": _title(best, names, metric), "subtitle": {"text": _subtitle(cells, axes, names, about)}}
    trace, more = (_map if len(names) == 2 else _line)(cells, names, axes, metric)
    height = 120 + 46 * len(axes[names[1]]) if len(names) == 2 else 320
    return go.Figure(trace, layout=style.layout(title=title, height=max(300, min(height, 560)), showlegend=False, **more))


def _title(best: pd.Series, names: list[str], metric: Metric) -> str:
    where = ", ".join(f"{title_of(name)} {_word(best[name])}" for name in names)
    seeds = "1 run, not enough to tell" if best["seeds"] == 1 else f"mean of {best['seeds']:.0f} runs"
    return f"Best so far: {where} ({_reading(best, metric)}; {seeds})"


def _subtitle(cells: pd.DataFrame, axes: dict[str, list[Any]], names: list[str], about: str) -> str:
    size = int(np.prod([len(axes[name]) for name in names]))
    parts = [about, f"{len(cells)} of {size} settings measured"]
    rest = [title_of(name) for name in axes if name not in names and name != "seed"]
    if rest:
        parts.append(f"averaged over {', '.join(rest)}")
    parts.append("the best is selected on test data, which makes it look better than it is")
    return " · ".join(parts)


def _reading(row: Any, metric: Metric) -> str:
    width = f" ± {significant(row['width'])}" if row["width"] is not None and row["width"] == row["width"] else ""
    return metric.format(row["mean"]).replace(THIN, " ") + width


def _word(value: Any) -> str:
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return significant(float(value)) if is_number else str(value)


def _map(cells: pd.DataFrame, names: list[str], axes: dict[str, list[Any]], metric: Metric) -> tuple[Any, dict[str, Any]]:
    x, y = names
    at = {(row[x], row[y]): row for row in cells.to_dict("records")}
    grid = [[at.get((column, line)) for column in axes[x]] for line in axes[y]]
    few = len(axes[x]) * len(axes[y]) <= SHOWN_IN_CELLS
    trace = go.Heatmap(
        z=[[cell["mean"] if cell else None for cell in line] for line in grid],
        x=list(range(len(axes[x]))),
        y=list(range(len(axes[y]))),
        text=[[metric.format(cell["mean"]).replace(THIN, " ") if cell and few else "" for cell in line] for line in grid],
        texttemplate="%{text}",
        textfont={"size": 14, "color": TEXT},
        customdata=[[_hover(cell, names, metric) for cell in line] for line in grid],
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
        xgap=2,
        ygap=2,
        colorscale=[[0, f"rgba({TEAL},0.06)"], [1, f"rgba({TEAL},0.55)"]],
        reversescale=not metric.higher_is_better,
        colorbar={"title": {"text": metric.axis("test"), "font": {"size": 14}}, "tickfont": {"size": 14}, "thickness": 14},
    )
    return trace, {"xaxis": _ticks(x, axes[x]), "yaxis": _ticks(y, axes[y])}


def _line(cells: pd.DataFrame, names: list[str], axes: dict[str, list[Any]], metric: Metric) -> tuple[Any, dict[str, Any]]:
    (name,) = names
    at = {row[name]: row for row in cells.to_dict("records")}
    shown = [(place, at[value]) for place, value in enumerate(axes[name]) if value in at]
    widths = [row["width"] if row["width"] == row["width"] else None for _, row in shown]
    trace = go.Scatter(
        x=[place for place, _ in shown],
        y=[row["mean"] for _, row in shown],
        mode="lines+markers",
        line={"color": style.COLOURS["student"], "width": 2},
        marker={"size": 11, "symbol": style.SYMBOLS["student"], "color": style.COLOURS["student"]},
        error_y={"type": "data", "array": widths, "thickness": 1.4, "width": 5},
        customdata=[_hover(row, names, metric) for _, row in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return trace, {"xaxis": _ticks(name, axes[name]), "yaxis": style.axis(metric.axis("test"))}


def _hover(cell: Any, names: list[str], metric: Metric) -> str:
    if not cell:
        return "not measured yet"
    where = "<br>".join(f"{title_of(name)} {_word(cell[name])}" for name in names)
    return f"{where}<br><b>{_reading(cell, metric)}</b><br>{cell['seeds']:.0f} {'run' if cell['seeds'] == 1 else 'runs'}"


def _ticks(name: str, values: list[Any]) -> dict[str, Any]:
    words = [_word(value) for value in values]
    ends = {"range": [-0.5, len(values) - 0.5]}
    return style.axis(title_of(name).capitalize(), tickvals=list(range(len(values))), ticktext=words, showgrid=False, **ends)
