"""Part of the models: the best few percent, and those whose settings or numbers lie in a range. Teachers stay."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from kdui.core.metric import Metric
from kdui.core.plain import Frozen

COLUMNS = ("headline", "latency_ms", "token_ms", "download_mb", "parameters", "macs", "retained", "speedup")
ROUNDED = 1e-9  # of a range's ends, which come back from a browser as they were drawn


class Narrow(Frozen):
    """``only``: a setting by its dotted name, or a column, -> the two ends of a range of numbers, or the words that are kept."""

    best: float = Field(default=100, gt=0, le=100, description="keep the best so many percent of the models")
    only: dict[str, tuple[float, float] | tuple[str, ...]] = Field(default={}, max_length=12)

    @property
    def is_open(self) -> bool:
        return self.best >= 100 and not self.only


def narrowed(models: pd.DataFrame, narrow: Narrow, metric: Metric) -> pd.DataFrame:
    """The teachers, and the models that are kept; of the best, at least one."""
    if narrow.is_open or models.empty:
        return models
    teachers = (models["role"] == "teacher").to_numpy()
    keep = np.ones(len(models), bool)
    for key, wanted in narrow.only.items():
        keep &= _keeps(models, key, wanted)
    if narrow.best < 100:
        value = models["headline"].to_numpy(float) * metric.sign
        places = np.flatnonzero(keep & ~teachers & ~np.isnan(value))
        best = places[np.argsort(-value[places], kind="stable")][: max(1, round(len(places) * narrow.best / 100))]
        keep = np.zeros(len(models), bool)
        keep[best] = True
    return models[keep | teachers].reset_index(drop=True)


def _keeps(models: pd.DataFrame, key: str, wanted: tuple[Any, ...]) -> np.ndarray:
    """Which models have a value of that kind among the wanted ones; one that lacks it is not kept."""
    if key in COLUMNS:
        values = models[key].to_numpy(float)
        return (values >= wanted[0] - abs(wanted[0]) * ROUNDED) & (values <= wanted[1] + abs(wanted[1]) * ROUNDED)
    settings = [(each or {}).get(key) for each in models["settings"]]
    if wanted and all(isinstance(each, str) for each in wanted):
        return np.array([value is not None and str(value) in wanted for value in settings])
    low, high = wanted
    return np.array([_is_number(value) and low * (1 - ROUNDED) <= value <= high * (1 + ROUNDED) for value in settings])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def words(narrow: Narrow, titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """(key, what is kept in words) for each range that is set."""
    told = []
    for key, wanted in narrow.only.items():
        if all(isinstance(each, str) for each in wanted):
            text = ", ".join(str(each) for each in wanted)
        else:
            low, high = (f"{float(each):.3g}" for each in wanted)
            text = low if low == high else f"{low} to {high}"
        told.append((key, f"{titles.get(key, key)}: {text}"))
    return told
