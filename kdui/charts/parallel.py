"""Parallel coordinates of the settings that differ, beside what a model costs and how good it is; dragging on an axis narrows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.narrowing import Narrow
from kdui.charts.numbers import QUANTITIES, quantity
from kdui.core.metric import Metric
from kdui.core.numbers import THIN, significant

MOST_LINES = 2_000
MOST_AXES = 6  # of settings
MOST_WORDS = 12  # of one setting
LONG = 18  # letters of a name at an axis
FEW = 7  # values of an axis that are all named
WIDE = 50.0  # ratio of the ends from which an axis is logarithmic
COLOURED = ("student", "compressed", "control", "teacher")


def parallel_figure(
    models: pd.DataFrame, *, settings: Sequence[str], x: str, metric: Metric, narrow: Narrow, about: str
) -> go.Figure | None:
    """A line a model that is no teacher; None where fewer than two models or no settings differ.

    ``layout.meta["axes"]`` says of each axis its ``key``, whether it is ``log``, and of words its ``values``: what a browser
    needs to turn a range on it into what is kept.
    """
    known = models[(models["role"] != "teacher") & models["headline"].notna()]
    if len(known) > MOST_LINES:
        known = known.iloc[np.linspace(0, len(known) - 1, MOST_LINES).astype(int)]
    axes = [each for key in settings if (each := _setting_axis(known, key)) is not None][:MOST_AXES]
    if len(known) < 2 or not axes:
        return None
    x = x if x in QUANTITIES else "latency_ms"
    if (known[x].astype(float) > 0).any():
        axes.append(_axis(_sentence(QUANTITIES[x][0]), x, known[x].to_numpy(float), lambda value: quantity(x, value)))
    axes.append(_axis(metric.title, "headline", known["headline"].to_numpy(float), lambda value: metric.format(value)))
    for axis in axes:
        _mark(axis, narrow)
    codes = known["role"].map(lambda role: COLOURED.index(role) if role in COLOURED else 2).to_numpy(float)
    steps = [(place / len(COLOURED), (place + 1) / len(COLOURED), style.COLOURS[role]) for place, role in enumerate(COLOURED)]
    scale = [(at, colour) for low, high, colour in steps for at in (low, high)]
    line = {"color": codes, "colorscale": scale, "cmin": -0.5, "cmax": len(COLOURED) - 0.5, "showscale": False}
    text = _finding(known, axes, metric)
    return go.Figure(
        data=[
            {
                "type": "parcoords",
                "line": line,
                "dimensions": [axis["drawn"] for axis in axes],
                "labelfont": {"size": 14},
                "tickfont": {"size": 14},
                "rangefont": {"size": 1, "color": style.TRANSPARENT},  # the ticks name the ends
            }
        ],
        layout=style.layout(
            title={"text": text, "subtitle": {"text": f"{about} · drag along an axis to keep a range in all views"}},
            margin={"l": 72, "r": 72, "t": 56, "b": 28},
            height=340,
            meta={"axes": [{key: axis[key] for key in ("key", "log", "values")} for axis in axes]},
        ),
    )


def _finding(known: pd.DataFrame, axes: Sequence[dict[str, Any]], metric: Metric) -> str:
    """The settings of the best model that has any of the drawn ones: a control has none of its teacher's."""
    drawn = {axis["key"] for axis in axes}
    own = known[[bool(drawn & set(each or {})) for each in known["settings"]]]
    best = own.loc[(own["headline"].astype(float) * metric.sign).idxmax()]
    return f"Best of {len(own):,} models with these settings: {_told(best, axes)}"


def _told(best: pd.Series, axes: Sequence[dict[str, Any]]) -> str:
    """The settings of the best model on the drawn axes."""
    settings = best["settings"] or {}
    words = [f"{_title(axis['key'])} {_word(settings[axis['key']])}" for axis in axes if axis["key"] in settings]
    return ", ".join(words)


def _title(key: str) -> str:
    return key.replace("_", " ").replace(".", " ")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    is_number = isinstance(value, (int, float))
    return significant(float(value)) if is_number else str(value)


def _setting_axis(models: pd.DataFrame, key: str) -> dict[str, Any] | None:
    """An axis of one setting; models without it run at its lower end, which says so."""
    values = [(each or {}).get(key) for each in models["settings"]]
    present = [value for value in values if value is not None]
    if not present:
        return None
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in present):
        numbers = np.array([math.nan if value is None else float(value) for value in values])
        return _axis(_title(key).capitalize(), key, numbers, significant)
    words = {str(value): _word(value) for value in present}
    names = sorted(words)
    if not 1 < len(names) <= MOST_WORDS:
        return None
    order = {name: place for place, name in enumerate(names)}
    drawn = [-1 if value is None else order[str(value)] for value in values]
    places = [-1] * (-1 in drawn) + list(range(len(names)))
    shown = {place: "–" if place < 0 else _short(words[names[place]]) for place in places}
    return {
        "key": key,
        "log": False,
        "values": names,
        "drawn": {
            "label": _title(key).capitalize(),
            "values": drawn,
            "tickvals": places,
            "ticktext": [shown[place] for place in places],
            "range": [min(places) - 0.3, max(places) + 0.3],
        },
    }


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _short(name: str) -> str:
    return name if len(name) <= LONG else f"{name[: LONG - 1]}…"


def _axis(label: str, key: str, numbers: np.ndarray, written: Callable[[float], str]) -> dict[str, Any]:
    """An axis of numbers, logarithmic where they reach far; ``written``: a value with its unit."""
    known = np.unique(numbers[np.isfinite(numbers)])
    log = bool(known[0] > 0 and known[-1] / known[0] >= WIDE)
    scaled = np.log10(numbers) if log else numbers
    ends = np.log10(known) if log else known
    span = float(ends[-1] - ends[0]) or 1.0
    ticks = ends if len(ends) <= FEW else np.linspace(ends[0], ends[-1], 5)
    named = {written(float(10**tick if log else tick)).replace(THIN, " "): float(tick) for tick in ticks}  # of equals one
    names, ticks = list(named), np.array(list(named.values()))
    low = float(ends[0]) - 0.04 * span
    if np.isnan(scaled).any():  # models without such a number
        low -= 0.12 * span
        scaled = np.where(np.isnan(scaled), low, scaled)
        ticks, names = np.concatenate([[low], ticks]), ["–", *names]
    return {
        "key": key,
        "log": log,
        "values": None,
        "drawn": {
            "label": label,
            "values": scaled.tolist(),
            "tickvals": [float(tick) for tick in ticks],
            "ticktext": names,
            "range": [low, float(ends[-1]) + 0.04 * span],
        },
    }


def _mark(axis: dict[str, Any], narrow: Narrow) -> None:
    """The range that is kept now, drawn on its axis."""
    wanted = narrow.only.get(axis["key"])
    if not wanted:
        return
    if axis["values"] is not None:
        places = [axis["values"].index(each) for each in wanted if each in axis["values"]]
        if places:
            axis["drawn"]["constraintrange"] = [min(places) - 0.25, max(places) + 0.25]
        return
    low, high = (math.log10(float(each)) if axis["log"] and float(each) > 0 else float(each) for each in wanted)
    margin = 0.01 * (axis["drawn"]["range"][1] - axis["drawn"]["range"][0])
    axis["drawn"]["constraintrange"] = [low - margin, high + margin]
