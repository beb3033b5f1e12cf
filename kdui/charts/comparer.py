"""Two to five models side by side: how each differs from the first, and only the settings that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from kdui.charts.gain import Paired
from kdui.core.errors import KduiError, UnknownName
from kdui.core.metric import Metric
from kdui.core.plan import BESIDE
from kdui.core.statistics.discovery import RATE, adjusted
from kdui.core.statistics.paired import Difference

FEWEST, MOST = 2, 5
MISSING = object()  # a setting of a step that a recipe does not have
RESULT_ROLES = ("student", "compressed", "control", "teacher")  # which of a run's models stands for it, the first that it has


class Column(NamedTuple):
    """One model. ``row``: of ``Workbench.points``; ``difference``: to the first model, ``gain``: over its own control."""

    row: Mapping[str, Any]
    difference: Difference | None = None
    shown: bool = False
    gain: Difference | None = None


class Comparison(NamedTuple):
    """``settings``: key -> a value for each model, ``MISSING`` where its recipe has no such step; ``alike``: how many agree."""

    columns: tuple[Column, ...]
    settings: dict[str, tuple[Any, ...]]
    alike: int


def chosen_rows(points: pd.DataFrame, wanted: Sequence[str]) -> list[dict[str, Any]]:
    """The rows that ``RUN:STEP`` or ``RUN`` name, each once; raises KduiError in words."""
    names = list(dict.fromkeys(wanted))
    if not FEWEST <= len(names) <= MOST:
        raise KduiError(f"Choose {FEWEST} to {MOST} runs or models to compare; {len(names)} are chosen.")
    rows = []
    for name in names:
        run, _, step = name.partition(":")
        own = points[points["run"] == run]
        if step:
            own = own[own["step"] == step]
        if own.empty:
            raise UnknownName("measured run", name, points["run"].drop_duplicates().tolist())
        ranks = {role: rank for rank, role in enumerate(RESULT_ROLES)}
        rows.append(
            own.loc[own["role"].map(lambda role, ranks=ranks: ranks.get(role, len(ranks))).astype(int).idxmin()].to_dict()
        )
    return rows


def compare(
    rows: Sequence[Mapping[str, Any]],
    points: pd.DataFrame,
    paired: Any,
    metric: Metric,
    recipes: Mapping[str, Mapping[str, Any]],
) -> Comparison:
    """``paired``: ``Workbench.paired``; all differences to the first model are judged together (Benjamini-Hochberg).

    ``recipes``: run -> its recipe as the store keeps it, for what was set of a step that others do not have.
    """
    first = rows[0]
    differences = [None if row is first else _difference(row, first, paired, metric) for row in rows]
    known = [each.p_value for each in differences if each is not None and each.p_value is not None]
    levels = iter(adjusted(known))
    shown = [each is not None and each.p_value is not None and next(levels) < RATE for each in differences]
    gains = [_gain(row, points, paired, metric) for row in rows]
    columns = tuple(Column(*parts) for parts in zip(rows, differences, shown, gains, strict=True))
    own = [{**(row["settings"] or {}), "seed": row["seed"]} for row in rows]
    settings, alike = differing(own)
    return Comparison(columns, _by_step(settings, own, [recipes.get(str(row["run"]), {}) for row in rows]), alike)


def _by_step(
    settings: Mapping[str, tuple[Any, ...]], own: Sequence[Mapping[str, Any]], recipes: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[Any, ...]]:
    """Settings of a step that some models lack as one entry, ``STEP.``: what its recipe sets, nothing of what it leaves."""
    steps = [{key.rpartition(".")[0] for key in each} for each in own]
    lacking = {step for each in steps for step in each if any(step not in other for other in steps)}
    folded: dict[str, tuple[Any, ...]] = {}
    for key, values in settings.items():
        step = key.rpartition(".")[0]
        if step not in lacking:
            folded[key] = values
        elif f"{step}." not in folded:
            parts = zip(steps, recipes, strict=True)
            folded[f"{step}."] = tuple(_set_of(step, recipe) if step in has else MISSING for has, recipe in parts)
    return folded


def _set_of(step: str, recipe: Mapping[str, Any]) -> str:
    """What a recipe sets of a step in a line: sparsity 0.5, epochs 5."""
    stage: Mapping[str, Any] = next(
        (each for each in recipe.get("stages", ()) if (each.get("name") or each["method"]) == step), {}
    )
    words = (f"{knob.replace('_', ' ')} {value}" for knob, value in stage.get("settings", {}).items())
    return ", ".join(words) or "its usual settings"


def _difference(row: Mapping[str, Any], first: Mapping[str, Any], paired: Any, metric: Metric) -> Difference:
    told: Difference | None = paired(str(row["run"]), str(row["step"]), str(first["step"]), str(first["run"]))
    return told or Difference(value=metric.gain(row["headline"], first["headline"]))


def _gain(row: Mapping[str, Any], points: pd.DataFrame, paired: Paired, metric: Metric) -> Difference | None:
    """Over the control of the same stage in the same run; None for what has none."""
    if row["role"] in ("teacher", *BESIDE):
        return None
    own = points[points["run"] == row["run"]]
    control = own[own["step"] == f"{row['step']}.control"]
    if control.empty and row["role"] == "compressed":  # it continues the student of its run
        control = own[own["role"] == "control"]
    if control.empty:
        return None
    other = control.iloc[0]
    return paired(str(row["run"]), str(row["step"]), str(other["step"])) or Difference(
        value=metric.gain(row["headline"], other["headline"])
    )


def differing(settings: Sequence[Mapping[str, Any]]) -> tuple[dict[str, tuple[Any, ...]], int]:
    """The settings that are not the same in all, the models' own names and the seed first, and how many are the same."""
    keys = list(dict.fromkeys(key for each in settings for key in each))
    values = {key: tuple(each.get(key, MISSING) for each in settings) for key in keys}
    apart = {key: row for key, row in values.items() if len({_plain(value) for value in row}) > 1}
    return apart, len(values) - len(apart)


def _plain(value: Any) -> str:
    """4 and 4.0 are one setting."""
    if value is MISSING:
        return "\0"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{float(value)!r}" if is_number else repr(value)
