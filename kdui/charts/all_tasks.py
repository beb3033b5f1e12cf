"""All tasks on one chart: what is retained of the teacher against how many times smaller or faster a model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.core.numbers import floor, times

Saving = Literal["smaller", "faster"]
MOST_POINTS = 120  # of one task: its best at each saving, then evenly over the rest
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "pentagon", "star", "hexagon", "triangle-down", "x")
KEPT = 95.0  # percent retained that the title counts


def savings(models: pd.DataFrame) -> pd.DataFrame:
    """Students and compressed models with ``retained`` and ``smaller``, ``faster``: times their own run's teacher."""
    teachers = models[(models["role"] == "teacher") & (models["download_mb"].astype(float) > 0)]
    sizes: dict[str, float] = {run: row.download_mb for row in teachers.itertuples() for run in row.runs}
    own = models[models["role"].isin(("student", "compressed")) & models["retained"].notna()]
    download = own["download_mb"].to_numpy(float)
    of_teacher = own["run"].map(lambda run: sizes.get(run, np.nan)).to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        smaller = np.where(download > 0, of_teacher / download, np.nan)
    return own.assign(smaller=smaller, faster=own["speedup"].to_numpy(float))


def all_tasks_figure(tasks: Mapping[str, pd.DataFrame], by: Saving) -> go.Figure | None:
    """``tasks``: title -> ``savings``; a symbol a task, colours by role as everywhere. None where nothing can be drawn."""
    drawn = {title: _thinned(frame[frame[by].astype(float) > 0], by) for title, frame in tasks.items()}
    drawn = {title: frame for title, frame in drawn.items() if len(frame)}
    if not drawn:
        return None
    data: list[dict[str, Any]] = []
    for place, (title, frame) in enumerate(drawn.items()):
        symbol = SYMBOLS[place % len(SYMBOLS)]
        data.append(
            {
                "type": "scatter",
                "x": [None],
                "y": [None],
                "mode": "markers",
                "name": title,
                "legendgroup": title,
                "marker": {"color": style.INK, "size": 11, "symbol": symbol},
            }
        )
        for role in ("student", "compressed"):
            rows = frame[frame["role"] == role]
            if len(rows):
                data.append(_trace(rows, by, title, role, symbol))
    return go.Figure(
        data=data,
        layout=style.layout(
            title={"text": _finding(drawn, by), "subtitle": {"text": _about(drawn)}},
            xaxis=style.axis(f"times {by} than its teacher, log", type="log"),
            yaxis=style.axis("retained of its teacher, %"),
            height=440,
        ),
    )


def _trace(rows: pd.DataFrame, by: Saving, title: str, role: str, symbol: str) -> dict[str, Any]:
    texts = [
        [row.run, row.label, title, f"{floor(row.retained)} % retained, {times(getattr(row, by))} {by}"]
        for row in rows.itertuples()
    ]
    return {
        "type": "scatter",
        "x": rows[by].to_numpy(float),
        "y": rows["retained"].to_numpy(float),
        "mode": "markers",
        "name": style.TITLES[role],
        "legendgroup": title,
        "showlegend": False,
        "customdata": texts,
        "hovertemplate": "<b>%{customdata[1]}</b><br>%{customdata[2]}<br>%{customdata[3]}<extra></extra>",
        "marker": {"color": style.COLOURS[role], "size": 10, "symbol": symbol},
    }


def _thinned(frame: pd.DataFrame, by: Saving) -> pd.DataFrame:
    if len(frame) <= MOST_POINTS:
        return frame
    order = frame.assign(step=np.log(frame[by].astype(float)).rank(pct=True).mul(MOST_POINTS / 2).astype(int))
    best = order.sort_values("retained", ascending=False).groupby("step").head(1)
    rest = order.drop(best.index)
    rest = rest.iloc[np.linspace(0, len(rest) - 1, MOST_POINTS - len(best)).astype(int)]
    return pd.concat([best, rest])


def _finding(drawn: Mapping[str, pd.DataFrame], by: Saving) -> str:
    """The largest saving that keeps the counted share in every task that reaches it."""
    kept = {title: frame[frame["retained"] >= KEPT][by].max() for title, frame in drawn.items()}
    there = {title: value for title, value in kept.items() if value == value}
    if not there:
        return f"No model keeps {KEPT:.0f} % of its teacher yet"
    best = max(there, key=lambda title: there[title])
    of = f"In {len(there)} of {len(drawn)} tasks" if len(drawn) > 1 else f"On {best}"
    most = f"; most on {best}: {times(there[best])} {by}" if len(drawn) > 1 else f", up to {times(there[best])} {by}"
    return f"{of} a model keeps {KEPT:.0f} % of its teacher{most}"


def _about(drawn: Mapping[str, pd.DataFrame]) -> str:
    models: Sequence[int] = [len(frame) for frame in drawn.values()]
    tasks = f"{len(drawn)} task{'s' * (len(drawn) != 1)}"
    return f"{sum(models):,} models of {tasks} · each against the teacher of its own run; a symbol a task"
