"""Gain from distillation by method: the student minus its controls, paired by run, with intervals over seeds."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.gain import Paired
from kdui.charts.repeats import joined_groups
from kdui.core.metric import Metric
from kdui.core.numbers import signed
from kdui.core.statistics.discovery import adjusted, tied
from kdui.core.statistics.intervals import typical_deviation
from kdui.core.statistics.paired import LEVEL, Difference, over_seeds
from kdui.core.statistics.power import SPREAD, seeds_needed

CONTROLS = {"control": "the same student without KD", "smoothed": "the same student with label smoothing"}
MARKS = {"control": ("student", "circle", 0.0), "smoothed": ("smoothed", "diamond", -0.26)}  # colour, symbol, place below the row
COLUMNS = (
    *("method", "teacher", "student", "against", "value", "low", "high", "half_width", "p_value", "detectable", "over", "shown"),
    *("headline", "seeds", "by_seed", "run", "step", "control_step", "created", "settings"),
)


def method_gains(points: pd.DataFrame, metric: Metric, examples: int | None = None) -> pd.DataFrame:
    """One row for each recipe (whatever its seed) and each control that was trained beside its student or compressed model.

    ``points``: ``Workbench.points``; a model and its controls are those of one stage of one run. ``value`` is the mean
    difference in the headline's unit, positive where the student is better, with its 95 % interval over ``seeds`` (see
    ``statistics.paired``), NaN for one; ``by_seed``: seed -> difference. Pairs of artifacts that several runs share count once.
    ``examples``: how many the test split has.
    """
    chosen = points[points["role"].isin(("student", "compressed", *CONTROLS))]
    if chosen.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    chosen = chosen.assign(
        stage=chosen["step"].str.split(".", n=2).str[1].fillna(""),
        group=joined_groups(chosen),
        headline=chosen["headline"].astype(float),
    ).sort_values("created", ascending=False, kind="stable")
    made = ~chosen["role"].isin(tuple(CONTROLS))
    students = chosen[made].drop_duplicates(["run", "stage"])
    controls = chosen.loc[~made, ["run", "stage", "role", "headline", "digest", "step"]]
    pairs = students.merge(controls, on=["run", "stage"], suffixes=("", "_control"))
    pairs = pairs.drop_duplicates(["group", "role_control", "digest", "digest_control"])
    pairs["gain"] = metric.gain(pairs["headline"], pairs["headline_control"])
    groups: dict[tuple[Any, str], list[Any]] = {}
    for pair in pairs[pairs["gain"].notna()].itertuples(index=False):
        groups.setdefault((pair.group, pair.role_control), []).append(pair)
    least = metric.least(examples)
    rows = [_row(against, own, examples, least) for (_, against), own in groups.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(against: str, own: list[Any], examples: int | None, least: float) -> dict[str, Any]:
    """The pairs of one recipe, newest first, as one row."""
    difference = over_seeds([pair.gain for pair in own], examples, least)
    newest, settings = own[0], own[0].settings or {}
    return {
        "method": newest.method,
        "teacher": str(settings.get("teacher") or ""),
        "student": str(settings.get("student") or ""),
        "against": against,
        **_columns(difference),
        "headline": sum(pair.headline for pair in own) / len(own),
        "seeds": len(own),
        "by_seed": {pair.seed: pair.gain for pair in own},
        **{name: getattr(newest, name) for name in ("run", "step", "created", "settings")},
        "control_step": newest.step_control,
    }


def _columns(difference: Difference) -> dict[str, Any]:
    """What a row says of its difference; numbers that nothing tells are NaN."""
    columns = {name: getattr(difference, name) for name in ("low", "high", "half_width", "p_value", "detectable")}
    numbers = {name: math.nan if value is None else value for name, value in columns.items()}
    return {"value": difference.value, **numbers, "over": difference.over, "shown": difference.is_shown}


def judged(rows: pd.DataFrame, paired: Paired) -> pd.DataFrame:
    """``rows`` that stand in one chart: single seeds with their interval over the test examples, ``shown`` over all of them.

    The false discovery rate over many methods is controlled at 5 % (Benjamini-Hochberg). ``level``: letters; methods that
    share one do not differ significantly, paired by seed.
    """
    table = rows.copy()
    for place in rows.index[rows["seeds"] == 1]:
        own = paired(*(str(rows.at[place, name]) for name in ("run", "step", "control_step")))
        for name, value in (_columns(own) if own else {}).items():
            table.at[place, name] = value
    known = table.index[table["p_value"].notna()]
    shown = pd.Series(False, index=table.index)
    shown[known] = np.array(adjusted(table.loc[known, "p_value"].tolist())) < LEVEL
    return table.assign(shown=shown, level=_levels(table))


def seeds_sentence(gains: pd.DataFrame, effect: float, unit: str = "points") -> str:
    """How many seeds show a difference of ``effect`` with 80 % power, by the spread of what was repeated on the task so far."""
    spread = typical_deviation([list(each.values()) for each in gains["by_seed"]])
    count = int((gains["seeds"] > 1).sum())
    source = f"spread between seeds {spread:.2f} {unit}, of {count} repeated comparisons on this task" if spread else ""
    needed = seeds_needed(effect, spread or SPREAD)
    source = (
        source
        or f"○ estimated: a spread between seeds of {SPREAD:g} {unit} is assumed, because nothing was repeated on this task"
    )
    effect_words = f"{effect:g} {unit if effect != 1 else unit.removesuffix('s')}"
    return f"To see {effect_words} takes {needed or 'more than 1,000'} seeds ({source}; 80 % power)."


def _levels(rows: pd.DataFrame) -> list[str]:
    """A method's letters; empty where it has one seed, and where nothing but letters alike would stand."""
    over = rows[(rows["against"] == "control") & (rows["seeds"] > 1)].sort_values("value", ascending=False, kind="stable")
    levels = tied([dict(each) for each in over["by_seed"]])
    named = dict(zip(over.index, levels, strict=True))
    return [named.get(place, "") for place in rows.index]


def pairs_of(gains: pd.DataFrame) -> list[tuple[str, str]]:
    """Teachers with their students, those under which most methods were tried first, then the newest."""
    if gains.empty:
        return []
    counted = gains.groupby(["teacher", "student"]).agg(methods=("method", "nunique"), created=("created", "max"))
    return list(counted.sort_values(["methods", "created"], ascending=False).index)


def one_a_method(gains: pd.DataFrame) -> pd.DataFrame:
    """Of several recipes of a method the one with most seeds, then the newest: never the best, which would flatter it.

    Both controls of a method stand for the same recipe. Sorted by the gain over the control, the smallest first.
    """
    chosen = gains[gains["against"] == "control"].sort_values(["seeds", "created"], ascending=False, kind="stable")
    chosen = chosen.drop_duplicates("method").sort_values("value", kind="stable")
    smoothed = gains[gains["against"] == "smoothed"].drop_duplicates("run").set_index("run")
    beside = smoothed.reindex(chosen["run"]).dropna(subset=["value"]).reset_index()
    return pd.concat([chosen, beside], ignore_index=True)


def gains_title(gains: pd.DataFrame, titles: Mapping[str, str], metric: Metric) -> str:
    """The finding in one sentence that claims no more than the repeats show."""
    over = gains[gains["against"] == "control"]
    if over.empty:
        return "No student has been measured with its control yet"
    repeated = over[over["over"] == "seeds"] if (over["over"] == "seeds").any() else over[over["over"] == "examples"]
    if repeated.empty:
        return "One seed is not enough to measure the gain from distillation"
    better, worse = (repeated[repeated["shown"].astype(bool) & (sign * repeated["value"] > 0)] for sign in (1, -1))
    if better.empty:
        if len(worse):
            return f"No difference shown in favour of the teacher; {_count(len(worse), len(repeated))} did worse"
        least = repeated["detectable"].min()
        return f"No difference shown: differences below {metric.format_detectable(least)} could not be detected"
    best = better.loc[better["value"].idxmax()]
    name = titles.get(best["method"], best["method"])
    one = " with one seed" if best["over"] == "examples" else ""
    gain = f"{_interval(best, metric)} {metric.difference_unit}".strip()  # "beats by" says which way is better
    if len(repeated) == 1:
        return f"{name} beats the same student without KD by {gain}{one}"
    return f"{_count(len(better), len(repeated))} beat the same student without KD{one}; the largest gain shown is {gain}: {name}"


def _interval(row: Any, metric: Metric, finer: int = 0) -> str:
    """± over seeds, from and to over test examples, whose interval is not symmetric."""
    places = metric.places_of(row["value"], row["half_width"]) + finer
    if row["over"] == "seeds":
        return f"{signed(row['value'], places)} ± {row['half_width']:.{places}f}"
    return f"{signed(row['value'], places)} ({signed(row['low'], places)} to {signed(row['high'], places)})"


def _count(some: int, all_: int) -> str:
    return f"{some} of {all_} methods" if all_ > 1 else "it"


def gains_figure(gains: pd.DataFrame, *, titles: Mapping[str, str], about: str, metric: Metric) -> go.Figure:
    """``gains``: ``judged`` rows of ``one_a_method``; ``about``: task and pair, for the subtitle.

    Dots with 95 % intervals and a zero line.

    ``customdata`` of a point is its run, so a click can open it; open dots are single seeds.
    """
    over = gains[gains["against"] == "control"]
    place = {method: number for number, method in enumerate(over["method"])}
    figure = go.Figure(
        layout=style.layout(
            title={"text": gains_title(gains, titles, metric), "subtitle": {"text": _subtitle(over, about)}},
            xaxis=style.axis(_gain_axis(metric), zeroline=True, zerolinecolor=style.INK, rangemode="tozero"),
            yaxis=style.axis(
                "method",
                tickvals=list(place.values()),
                ticktext=[
                    style.two_lines(titles.get(method, method), 24) + (f" ({level})" if level else "")
                    for method, level in zip(place, over["level"], strict=True)
                ],
                range=[-0.7, max(0, len(place) - 1) + 0.6],
                showgrid=False,
            ),
            height=max(240, 110 + 52 * len(place)),
        )
    )
    for against, words in CONTROLS.items():
        rows = gains[gains["against"] == against]
        if len(rows):
            figure.add_trace(_dots(rows, against, words, place, titles, metric))
    return figure


def _dots(
    rows: pd.DataFrame, against: str, words: str, place: Mapping[str, int], titles: Mapping[str, str], metric: Metric
) -> go.Scatter:
    role, symbol, below = MARKS[against]
    colour = style.COLOURS[role]
    return go.Scatter(
        x=rows["value"].tolist(),
        y=[place[method] + below for method in rows["method"]],
        mode="markers",
        cliponaxis=False,  # a gain of nothing lies on the edge where all others are losses
        name="over the control" if against == "control" else "over label smoothing",
        customdata=[
            [row["run"], titles.get(row["method"], row["method"]), _reading(row, metric)] for row in rows.to_dict("records")
        ],
        hovertemplate=f"<b>%{{customdata[1]}}</b><br>%{{customdata[2]}}<br>over {words}<extra></extra>",
        marker={
            "color": colour,
            "size": 11,
            "symbol": [symbol if seeds > 1 else f"{symbol}-open" for seeds in rows["seeds"]],
            "line": {"color": colour, "width": 2},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": _arms(rows["high"] - rows["value"]),
            "arrayminus": _arms(rows["value"] - rows["low"]),
            "color": colour,
            "thickness": 1.6,
            "width": 5,
        },
    )


def _arms(lengths: pd.Series) -> list[float | None]:
    return [float(length) if math.isfinite(length) else None for length in lengths]


def _gain_axis(metric: Metric) -> str:
    difference = "student − control" if metric.higher_is_better else "control − student"
    return f"{difference}, {metric.difference_unit or metric.noun}"


def _reading(row: Any, metric: Metric) -> str:
    if row["over"] == "nothing":
        value = signed(row["value"], metric.places_of(row["value"]) + 1)
        return f"{value} {metric.gain_unit(row['value'])}, one seed: not enough to tell"
    over = f"{row['seeds']} seeds" if row["over"] == "seeds" else "one seed, over its test examples"
    near = f"{row['detectable']:.{metric.places_of(row['detectable']) + 1}f}"
    verdict = "" if row["shown"] else f": no difference shown<br>differences below {near} could not be detected"
    level = f"<br>level with methods that share {row['level']}" if row.get("level") else ""
    return f"{_interval(row, metric, 1)} {metric.gain_unit(row['value'])}, {over}{verdict}{level}"


def _subtitle(over: pd.DataFrame, about: str) -> str:
    parts = [about, "95 % t-intervals over seeds, paired by run"]
    if (over["seeds"] == 1).any():
        parts.append("open symbol: one seed, interval over its test examples")
    if len(over) > 1:
        parts.append("false discovery rate ≤ 5 % (Benjamini-Hochberg)")
    if over["level"].any():
        parts.append("methods that share a letter do not differ significantly")
    return " · ".join(parts)
