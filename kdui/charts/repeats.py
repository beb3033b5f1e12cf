"""One row a model: runs that differ only in their seed become one point with an interval, cached models are counted once."""

import numpy as np
import pandas as pd

from kdui.charts.interval import half_width

COSTS = ("latency_ms", "download_mb", "parameters", "macs")
AVERAGED = ("latency_ms", "latency_low", "latency_high", "download_mb", "file_mb", "gzip_mb", "parameters", "macs",
            "memory_mb", "retained", "speedup")
KEPT = ("run", "run_name", "step", "role", "label", "model", "digest", "origin", "latency_origin", "created", "settings")


def merge_repeats(points: pd.DataFrame) -> pd.DataFrame:
    """Models of a task, one row each, from ``Workbench.points``.

    Adds ``download_mb`` (the packed file where there is one, else the ONNX file), ``repeats`` (number of seeds), and
    ``low``/``high``: the 95 % t-interval over seeds, or the interval of the test accuracy where there is one seed;
    ``interval`` says which. Text columns are those of the newest run.
    """
    if points.empty:
        return pd.DataFrame(columns=[*KEPT, *AVERAGED, "accuracy", "low", "high", "interval", "repeats", "runs"])
    frame = points.assign(download_mb=points["packed_mb"].fillna(points["file_mb"]), group=_joined_groups(points))
    frame = frame.sort_values("created", ascending=False, kind="stable")
    runs = frame.groupby("group", sort=False)["run"].agg(lambda ids: tuple(dict.fromkeys(ids)))
    frame = frame.drop_duplicates(_identity(frame))
    grouped = frame.groupby("group", sort=False)
    merged = pd.concat([grouped[list(KEPT)].first(), grouped[list(AVERAGED)].mean()], axis=1)
    accuracy = grouped["accuracy"]
    merged["accuracy"], merged["repeats"] = accuracy.mean(), accuracy.count()
    merged["runs"] = runs
    _add_interval(merged, accuracy.std(), grouped[["accuracy_low", "accuracy_high"]].first())
    return merged.reset_index()


def _identity(points: pd.DataFrame) -> list[str]:
    """Columns that name one trained model: its artifact, so a cached teacher that ten runs share counts once."""
    return ["digest", "role", "seed"]


def _joined_groups(points: pd.DataFrame) -> pd.Series:
    """Groups that share an artifact are the same model seen from different recipes: give them one name."""
    group = points["group"].astype(str)
    artifact = points["digest"].astype(str) + "/" + points["role"].astype(str)
    while True:
        smallest = group.groupby(artifact).transform("min")
        joined = smallest.groupby(group).transform("min")
        if joined.equals(group):
            return group
        group = joined


def _add_interval(merged: pd.DataFrame, deviation: pd.Series, test: pd.DataFrame) -> None:
    repeats = merged["repeats"]
    width = pd.Series(np.nan, index=merged.index)
    for n in sorted(set(repeats[repeats > 1])):
        same = repeats == n
        width[same] = deviation[same].map(lambda value, n=n: half_width(value, n))
    over_seeds = width.notna()
    merged["low"] = (merged["accuracy"] - width).where(over_seeds, test["accuracy_low"])
    merged["high"] = (merged["accuracy"] + width).where(over_seeds, test["accuracy_high"])
    merged["interval"] = np.where(over_seeds, "seeds", np.where(merged["low"].notna(), "test", ""))
