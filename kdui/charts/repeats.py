"""One row a model: runs that differ only in their seed become one point with an interval, cached models are counted once."""

from typing import Any

import numpy as np
import pandas as pd

from kdui.core.statistics.intervals import half_width

COSTS = ("latency_ms", "token_ms", "download_mb", "parameters", "macs")
AVERAGED = (
    "latency_ms",
    "latency_low",
    "latency_high",
    "token_ms",
    "download_mb",
    "file_mb",
    "gzip_mb",
    "parameters",
    "macs",
    "memory_mb",
    "retained",
    "speedup",
)
NUMBERS = ("headline", "headline_low", "headline_high", *AVERAGED)
KEPT = ("run", "run_name", "step", "role", "label", "model", "digest", "origin", "latency_origin", "created", "settings")


def merge_repeats(points: pd.DataFrame) -> pd.DataFrame:
    """Models of a task, one row each, from ``Workbench.points``.

    Adds ``repeats`` (number of seeds), ``by_seed`` (seed -> headline of its newest run) and ``low``/``high``: the 95 % t-interval
    over seeds, or the interval of the test accuracy where there is one seed; ``interval`` says which. Text columns are those of
    the newest run.
    """
    if points.empty:
        return pd.DataFrame(columns=[*KEPT, *AVERAGED, "headline", "by_seed", "low", "high", "interval", "repeats", "runs"])
    groups = joined_groups(points)
    numbers = {column: points[column].astype(float) for column in NUMBERS}  # a column of nothing but None is not a number yet
    frame = points.assign(**numbers, group=groups, settings=_shared_settings(points, groups))
    frame = frame.sort_values("created", ascending=False, kind="stable")
    runs: dict[int, dict[str, None]] = {}
    for group, run in zip(frame["group"], frame["run"], strict=True):
        runs.setdefault(group, {})[run] = None
    # A cached teacher that ten runs share, whatever their seeds, is one model and was observed once.
    frame = frame.drop_duplicates(["digest", "role"])
    grouped = frame.groupby("group", sort=False)
    merged = pd.concat([grouped[list(KEPT)].first(), grouped[list(AVERAGED)].mean()], axis=1)
    headline = grouped["headline"]
    merged["headline"], merged["repeats"] = headline.mean(), headline.count()
    by_seed: dict[int, dict[int, float]] = {}
    for group, seed, value in zip(frame["group"], frame["seed"], frame["headline"], strict=True):
        if value == value:  # not NaN
            by_seed.setdefault(group, {}).setdefault(seed, value)
    merged["by_seed"] = [by_seed.get(group, {}) for group in merged.index]
    merged["runs"] = [tuple(runs[group]) for group in merged.index]
    _add_interval(merged, headline.std(), grouped[["headline_low", "headline_high"]].first())
    # Few words over many rows: as categories they compare and filter a hundred times faster.
    return merged.reset_index().astype({"role": "category", "origin": "category", "interval": "category"})


def joined_groups(points: pd.DataFrame) -> pd.Series:
    """Groups that share an artifact are the same model seen from different recipes: give them one number."""
    group = pd.Series(pd.factorize(points["group"])[0], index=points.index)  # numbers, because minima of texts are slow
    artifact = points.groupby(["digest", "role"], sort=False, observed=True).ngroup()
    while True:
        smallest = group.groupby(artifact).transform("min")
        joined = smallest.groupby(group).transform("min")
        if joined.equals(group):
            return group
        group = joined


def _shared_settings(points: pd.DataFrame, groups: pd.Series) -> pd.Series:
    """Settings of a model that several recipes share: only what they have in common can have made it."""
    recipes = points.assign(joined=groups).drop_duplicates(["joined", "group"])
    several = recipes[recipes["joined"].duplicated(keep=False)]
    shared: dict[int, dict[str, Any]] = {}
    for group, settings in zip(several["joined"], several["settings"], strict=True):
        kept = shared.get(group, settings)
        shared[group] = {key: value for key, value in kept.items() if key in settings and settings[key] == value}
    return pd.Series(
        [shared.get(group, settings) for group, settings in zip(groups, points["settings"], strict=True)],
        index=points.index,
        dtype=object,
    )


def _add_interval(merged: pd.DataFrame, deviation: pd.Series, test: pd.DataFrame) -> None:
    repeats = merged["repeats"]
    width = pd.Series(np.nan, index=merged.index)
    for n in sorted(set(repeats[repeats > 1])):
        same = repeats == n
        width[same] = deviation[same].map(lambda value, n=n: half_width(value, n))
    over_seeds = width.notna()
    merged["low"] = (merged["headline"] - width).where(over_seeds, test["headline_low"])
    merged["high"] = (merged["headline"] + width).where(over_seeds, test["headline_high"])
    merged["interval"] = np.where(over_seeds, "seeds", np.where(merged["low"].notna(), "test", ""))
