"""Logarithmic axes with round ticks."""

import math
from typing import Any

import pandas as pd

from kdui.charts import style
from kdui.charts.numbers import QUANTITIES, quantity

LEAST_DECADES = 0.4  # of the log axis, so that even one model stands between ticks
TICK_STEPS = ((0.7, (1, 1.5, 2, 3, 4, 5, 6, 8)), (1.3, (1, 2, 3, 5)), (3.5, (1, 2, 5)), (math.inf, (1,)))


def log_axis(values: pd.Series, column: str) -> dict[str, Any]:
    """An axis of that quantity around the values, named as logarithmic; ticks wear its unit."""
    title = f"{QUANTITIES[column][0]} ({'log, faster to the left' if column == 'token_ms' else 'log'})"
    if values.empty:
        return style.axis(title, type="log")
    low, high = math.log10(values.min()), math.log10(values.max())
    pad = max(0.06 * (high - low), (LEAST_DECADES - (high - low)) / 2)
    ends = 10 ** (low - pad), 10 ** (high + pad)
    if column == "token_ms":  # told as a rate, so the rates are round
        ticks = [1e3 / rate for rate in log_ticks(1e3 / ends[1], 1e3 / ends[0])]
    else:
        ticks = log_ticks(*ends)
    return style.axis(
        title,
        type="log",
        range=[low - pad, high + pad],
        tickvals=ticks,
        ticktext=[quantity(column, tick) for tick in ticks],
    )


def log_ticks(low: float, high: float) -> list[float]:
    """Round positions on a log axis: 1-2-5 over a few decades, finer below one decade, whole decades over many."""
    decades = math.log10(high / low)
    steps = next(steps for limit, steps in TICK_STEPS if decades < limit)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [value for exponent in exponents for step in steps if low <= (value := step * 10.0**exponent) <= high]
