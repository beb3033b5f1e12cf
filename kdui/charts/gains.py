"""What the teacher bought, method by method: the student minus its controls, paired by run, with intervals over seeds."""

from __future__ import annotations  # a figure's class as text: naming it here would import half of plotly at the page's start

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from kdui.charts import style
from kdui.charts.numbers import signed
from kdui.charts.repeats import joined_groups
from kdui.core.statistics.intervals import half_width

CONTROLS = {"control": "the same student without KD", "smoothed": "the same student on smoothed labels"}
MARKS = {"control": ("student", "circle", 0.0), "smoothed": ("smoothed", "diamond", -0.26)}  # colour, symbol, place below the row
MANY = 5  # from so many intervals on, some leave zero by chance
COLUMNS = (
    "method",
    "teacher",
    "student",
    "against",
    "value",
    "half_width",
    "apart",
    "headline",
    "seeds",
    "run",
    "created",
    "settings",
)


def method_gains(points: pd.DataFrame, higher_is_better: bool = True) -> pd.DataFrame:
    """One row for each recipe (whatever its seed) and each control that was trained beside its student or compressed model.

    ``points``: ``Workbench.points``; a model and its controls are those of one stage of one run. ``value`` is the mean
    difference in the headline's unit, positive where the student is better; ``half_width`` of its 95 % t-interval over
    ``seeds``, NaN for one; ``apart`` whether the two models' own intervals do not overlap. Pairs of artifacts that several runs
    share count once.
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
    controls = chosen.loc[~made, ["run", "stage", "role", "headline", "digest"]]
    pairs = students.merge(controls, on=["run", "stage"], suffixes=("", "_control"))
    pairs = pairs.drop_duplicates(["group", "role_control", "digest", "digest_control"])
    if pairs.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    pairs["gain"] = (pairs["headline"] - pairs["headline_control"]) * (1 if higher_is_better else -1)
    grouped = pairs.groupby(["group", "role_control"], sort=False)
    found = grouped[["method", "run", "created", "settings"]].first()
    gain = grouped["gain"]
    found["value"], found["seeds"], found["headline"] = gain.mean(), gain.count(), grouped["headline"].mean()
    found["half_width"] = _half_widths(gain)
    together = _half_widths(grouped["headline"]) + _half_widths(grouped["headline_control"])
    found["apart"] = found["value"].abs() > together
    found = found.reset_index().rename(columns={"role_control": "against"})
    for key in ("teacher", "student"):
        found[key] = [str((settings or {}).get(key) or "") for settings in found["settings"]]
    return found[list(COLUMNS)]


def _half_widths(grouped: Any) -> np.ndarray:
    """Half of each group's 95 % t-interval; NaN for a single value."""
    found = zip(grouped.std(), grouped.count(), strict=True)
    return np.array([half_width(deviation, n) if n > 1 else np.nan for deviation, n in found])


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


def is_shown(gains: pd.DataFrame) -> pd.Series:
    """True where the interval of the difference leaves zero out and those of the two models do not overlap."""
    return (gains["value"].abs() > gains["half_width"]) & gains["apart"].astype(bool)  # NaN, one seed, compares as False


def gains_title(gains: pd.DataFrame, titles: Mapping[str, str], unit: str = "points") -> str:
    """The finding in one sentence that claims no more than the repeats show."""
    over = gains[gains["against"] == "control"]
    if over.empty:
        return "No student has been measured beside its control yet"
    repeated = over[over["seeds"] > 1]
    if repeated.empty:
        return "One seed is not enough to tell what the teacher bought"
    better, worse = repeated[is_shown(repeated) & (repeated["value"] > 0)], repeated[is_shown(repeated) & (repeated["value"] < 0)]
    if better.empty:
        harm = f"; {_count(len(worse), len(repeated))} did worse" if len(worse) else ""
        return f"No difference shown in favour of the teacher{harm}" if harm else "No difference shown: intervals overlap"
    best = better.loc[better["value"].idxmax()]
    reading = f"{signed(best['value'])} ± {best['half_width']:.1f} {unit}"
    name = titles.get(best["method"], best["method"])
    if len(repeated) == 1:
        return f"{name} beats the same student without KD by {reading}"
    return f"{_count(len(better), len(repeated))} beat the same student without KD; the largest gain shown is {reading}: {name}"


def _count(some: int, all_: int) -> str:
    return f"{some} of {all_} methods" if all_ > 1 else "it"


def gains_figure(gains: pd.DataFrame, *, titles: Mapping[str, str], about: str, unit: str = "points") -> go.Figure:
    """``gains``: rows of ``one_a_method``; ``about``: task and pair for the subtitle. Dots with 95 % intervals and a zero line.

    ``customdata`` of a point is its run, so a click can open it; open dots are single seeds, which have no interval.
    """
    over = gains[gains["against"] == "control"]
    place = {method: number for number, method in enumerate(over["method"])}
    figure = go.Figure(
        layout=style.layout(
            title={"text": gains_title(gains, titles, unit), "subtitle": {"text": _subtitle(over, about)}},
            xaxis=style.axis(f"student − control, {unit}", zeroline=True, zerolinecolor=style.INK, rangemode="tozero"),
            yaxis=style.axis(
                "method",
                tickvals=list(place.values()),
                ticktext=[style.two_lines(titles.get(method, method), 24) for method in place],
                range=[-0.7, max(0, len(place) - 1) + 0.6],
                showgrid=False,
            ),
            height=max(240, 110 + 52 * len(place)),
        )
    )
    for against, words in CONTROLS.items():
        rows = gains[gains["against"] == against]
        if len(rows):
            figure.add_trace(_dots(rows, against, words, place, titles, unit))
    return figure


def _dots(
    rows: pd.DataFrame, against: str, words: str, place: Mapping[str, int], titles: Mapping[str, str], unit: str
) -> go.Scatter:
    role, symbol, below = MARKS[against]
    colour = style.COLOURS[role]
    return go.Scatter(
        x=rows["value"].tolist(),
        y=[place[method] + below for method in rows["method"]],
        mode="markers",
        cliponaxis=False,  # a gain of nothing lies on the edge where all others are losses
        name="over the control" if against == "control" else "over smoothed labels",
        customdata=[[row.run, titles.get(row.method, row.method), _reading(row, unit)] for row in rows.itertuples()],
        hovertemplate=f"<b>%{{customdata[1]}}</b><br>%{{customdata[2]}}<br>over {words}<extra></extra>",
        marker={
            "color": colour,
            "size": 11,
            "symbol": [symbol if seeds > 1 else f"{symbol}-open" for seeds in rows["seeds"]],
            "line": {"color": colour, "width": 2},
        },
        error_x={
            "type": "data",
            "array": [None if seeds == 1 else width for seeds, width in zip(rows["seeds"], rows["half_width"], strict=True)],
            "color": colour,
            "thickness": 1.6,
            "width": 5,
        },
    )


def _reading(row: Any, unit: str) -> str:
    if row.seeds == 1:
        return f"{signed(row.value, 2)} {unit}, one seed: not enough to tell"
    verdict = "" if abs(row.value) > row.half_width and row.apart else ": no difference shown"
    return f"{signed(row.value, 2)} ± {row.half_width:.2f} {unit}, {row.seeds} seeds{verdict}"


def _subtitle(over: pd.DataFrame, about: str) -> str:
    parts = [about, "95 % t-intervals over seeds, paired by run"]
    if (over["seeds"] == 1).any():
        parts.append("open: one seed")
    if len(over) >= MANY:
        parts.append("of 20 methods without effect one would leave zero by chance")
    return " · ".join(parts)
