"""Temperature × α: a heat map of what each cell of a grid gained over its control, or reached."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.core.metric import Metric
from kdui.core.numbers import THIN, signed, significant

Quantity = Literal["value", "headline"]
AXES = ("temperature", "soft_weight")
TEXT = "#1C1F2A"  # the browser swaps in the theme's ink
TEAL, SLATE = "13,148,136", "100,116,139"  # of the student and of its control
LEAST_CELLS = 3


def grid_cells(gains: pd.DataFrame) -> pd.DataFrame:
    """The largest set of recipes that differ in temperature and α alone, one row a cell; empty where it has under three.

    ``gains``: rows of ``gains.method_gains`` over one control, for one pair of models. Adds the columns ``temperature``
    and ``soft_weight``. A cell that was measured twice is the one with most seeds, then the newest.
    """
    families: dict[Any, list[int]] = {}
    places: dict[int, tuple[float, float]] = {}
    for index, method, settings in zip(gains.index, gains["method"], gains["settings"], strict=True):
        axes = _axes(settings or {})
        if axes is not None:
            rest, places[index] = axes
            families.setdefault((method, rest), []).append(index)
    if not families:
        return gains.iloc[:0].assign(temperature=[], soft_weight=[])
    largest = max(families.values(), key=lambda rows: (len({places[row] for row in rows}), str(gains.at[rows[0], "created"])))
    cells = gains.loc[largest].assign(**{name: [places[row][at] for row in largest] for at, name in enumerate(AXES)})
    cells = cells.sort_values(["seeds", "created"], ascending=False, kind="stable").drop_duplicates(list(AXES))
    return cells.sort_values(list(AXES), kind="stable") if len(cells) >= LEAST_CELLS else cells.iloc[:0]


def _axes(settings: dict[str, Any]) -> tuple[frozenset[tuple[str, str]], tuple[float, float]] | None:
    """All other settings, and temperature and α of the last stage that has both."""
    stages = [key.rpartition(".")[0] for key in settings if key.endswith(".temperature")]
    stage = next((stage for stage in reversed(stages) if f"{stage}.soft_weight" in settings), None)
    if stage is None:
        return None
    names = [f"{stage}.{name}" for name in AXES]
    rest = frozenset((key, str(value)) for key, value in settings.items() if key not in names and key != "seed")
    return rest, (float(settings[names[0]]), float(settings[names[1]]))


def best_cell(cells: pd.DataFrame, quantity: Quantity, metric: Metric) -> pd.Series:
    """The best mean; a gain is always better when it is larger."""
    values = cells[quantity] if quantity == "value" else metric.sign * cells[quantity]
    return cells.loc[values.idxmax()]


def grid_title(cells: pd.DataFrame, quantity: Quantity, metric: Metric) -> str:
    """The best cell with its seeds and interval, and how many cannot be told from it."""
    best = best_cell(cells, quantity, metric)
    where = f"T = {significant(best['temperature'])}, α = {significant(best['soft_weight'])}"
    reading = _reading(best, quantity, metric)
    if best["seeds"] == 1:
        return f"Best setting so far: {where} ({reading}; 1 seed, not enough to tell)"
    seeds = f"{best['seeds']} seeds, best of {len(cells)} settings"
    if quantity == "value" and not abs(best["value"]) > best["half_width"]:
        unseen = f"differences below {metric.format_detectable(best['detectable'])} could not be detected"
        return f"No setting shows a gain; best: {where} ({reading}; {seeds}; {unseen})"
    return f"Best setting: {where} ({reading}; {seeds})"


def _reading(row: Any, quantity: Quantity, metric: Metric) -> str:
    if quantity == "headline":
        return metric.format(row["headline"]).replace(THIN, " ")
    return f"{metric.format_gain(row['value'], None if row['seeds'] == 1 else row['half_width'])} over the control"


def _alike(cells: pd.DataFrame, best: pd.Series) -> int:
    """Cells whose interval of the gain overlaps that of the best one."""
    reach = cells["value"] + cells["half_width"] >= best["value"] - best["half_width"]
    return int(reach.sum()) - 1


def grid_figure(cells: pd.DataFrame, *, quantity: Quantity, about: str, metric: Metric) -> go.Figure:
    """``cells``: rows of ``grid_cells``, at least one. Cells that were not measured stay empty; the best one has a frame."""
    columns, rows = (sorted(set(cells[name])) for name in AXES)
    at: dict[tuple[float, float], Any] = {(row.temperature, row.soft_weight): row for row in cells.itertuples()}
    values = [[getattr(at[x, y], quantity) if (x, y) in at else None for x in columns] for y in rows]
    title = grid_title(cells, quantity, metric)
    best = best_cell(cells, quantity, metric)
    name = f"gain, {metric.difference_unit}" if quantity == "value" else metric.axis("test")
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            text=[[_cell(at.get((x, y)), quantity, metric) for x in columns] for y in rows],
            texttemplate="%{text}",
            textfont={"size": 14, "color": TEXT},
            customdata=[[_hover(at.get((x, y)), metric) for x in columns] for y in rows],
            hovertemplate="%{customdata[1]}<extra></extra>",
            hoverongaps=False,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": name, "font": {"size": 14}}, "tickfont": {"size": 14}, "thickness": 14},
            **_colours(values, quantity, metric),
        ),
        layout=style.layout(
            title={"text": title, "subtitle": {"text": _subtitle(cells, best, about, len(columns) * len(rows))}},
            xaxis=style.axis(
                "Temperature T",
                tickvals=list(range(len(columns))),
                ticktext=[significant(x) for x in columns],
                showgrid=False,
            ),
            yaxis=style.axis(
                "Soft weight α", tickvals=list(range(len(rows))), ticktext=[significant(y) for y in rows], showgrid=False
            ),
            height=max(260, 130 + 46 * len(rows)),
        ),
    )
    x, y = columns.index(best["temperature"]), rows.index(best["soft_weight"])
    figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line={"color": TEXT, "width": 2.5})
    return figure


def _cell(row: Any, quantity: Quantity, metric: Metric) -> str:
    if row is None:
        return ""
    if quantity == "value":
        return signed(row.value, metric.places_of(row.value))
    return metric.format(row.headline).removesuffix(f"{THIN}{metric.unit}")


def _hover(row: Any, metric: Metric) -> list[str]:
    if row is None:
        return ["", ""]
    places = 2 if metric.unit == "%" else None
    gain = metric.format_gain(row.value, None if row.seeds == 1 else row.half_width, places)
    level = metric.format(row.headline).replace(THIN, " ")
    text = f"<b>temperature {significant(row.temperature)}, α {significant(row.soft_weight)}</b><br>{level}"
    return [row.run, f"{text}<br>{gain} over the control, {row.seeds} seed{'' if row.seeds == 1 else 's'}"]


def _colours(values: list[list[Any]], quantity: Quantity, metric: Metric) -> dict[str, Any]:
    """Gains: slate below zero, teal above, clear at zero. Levels: the better, the more teal."""
    known = [value for row in values for value in row if value is not None]
    if quantity == "value":
        largest = max((abs(value) for value in known), default=0) or 1.0
        scale = [[0, f"rgba({SLATE},0.55)"], [0.5, f"rgba({SLATE},0.04)"], [0.5, f"rgba({TEAL},0.04)"], [1, f"rgba({TEAL},0.55)"]]
        return {"zmin": -largest, "zmax": largest, "colorscale": scale}
    scale = [[0, f"rgba({TEAL},0.06)"], [1, f"rgba({TEAL},0.55)"]]
    return {"colorscale": scale, "reversescale": not metric.higher_is_better}


def _subtitle(cells: pd.DataFrame, best: pd.Series, about: str, size: int) -> str:
    seeds = sorted(set(cells["seeds"].astype(int)))
    spread = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    parts = [about, f"{spread} {'seed' if seeds == [1] else 'seeds'} per setting"]
    if len(cells) < size:
        parts.append(f"{size - len(cells)} of {size} settings not measured")
    if np.isfinite(best["half_width"]):
        alike = _alike(cells, best)
        parts.append(f"{alike} other intervals overlap the best one" if alike else "no other interval overlaps the best one")
    parts.append("the best setting is selected on test data: its gain is optimistic")
    return " · ".join(parts)
