"""The headline metric as measurements, with its interval."""

from typing import Any

import numpy as np

from kdui.core.measurement import Measurement, Provenance
from kdui.core.metric import Metric
from kdui.core.problem import Problem
from kdui.methods.deliver.measure.provenance import row


def row_of(metric: Metric, value: float, source: Provenance, name: str = "", title: str = "", **values: Any) -> Measurement:
    """A measurement of this metric, or of the same quantity under another ``name``."""
    return row(name or metric.name, value, metric.unit, source, metric.higher_is_better, title=title or metric.title, **values)


def spread_out(total: int, wanted: int) -> np.ndarray:
    """This many places, evenly over the whole split: its beginning may be sorted."""
    return np.unique(np.linspace(0, total - 1, min(total, wanted)).round().astype(int))


def interval_of(problem: Problem, values: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """``low`` and ``high`` of the headline over these examples; nothing where its interval is not known."""
    interval = problem.interval(values, targets)
    return {} if interval is None else {"low": interval[0], "high": interval[1]}
