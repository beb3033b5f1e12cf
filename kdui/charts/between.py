"""Two models of a chart compared with each other, paired: by the seeds that both have, else by the newest runs' answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from kdui.core.metric import Metric
from kdui.core.statistics.discovery import RATE, adjusted
from kdui.core.statistics.paired import Difference, over_seeds

# (run, step, step of the reference, its run) -> their difference over the test examples, None where that cannot be told.
PairedRuns = Callable[[str, str, str, str], "Difference | None"]
Between = Callable[[Any, Any], "Difference | None"]  # of two rows of ``merge_repeats``: the first minus the second


def unpaired(model: Any, reference: Any) -> Difference | None:
    """Where nothing is at hand that pairs two models: no difference is told."""
    return None


def between(paired: PairedRuns, metric: Metric, examples: int | None = None) -> Between:
    """A function that pairs two rows of ``merge_repeats``; ``examples``: how many the test split has."""

    def difference(model: Any, reference: Any) -> Difference | None:
        seeds = sorted(set(model["by_seed"]) & set(reference["by_seed"]))
        if len(seeds) < 2:
            return paired(str(model["run"]), str(model["step"]), str(reference["step"]), str(reference["run"]))
        gaps = [metric.gain(model["by_seed"][seed], reference["by_seed"][seed]) for seed in seeds]
        return over_seeds(gaps, examples, metric.least(examples))

    return difference


def level_with(winner: Any, others: pd.DataFrame, pair: Between) -> tuple[pd.DataFrame, list[Difference]]:
    """Those of ``others`` to which no difference of the winner is shown, and the differences that are known of them.

    All are judged together (Benjamini-Hochberg); what cannot be paired is not distinguished.
    """
    rows = others[["run", "step", "by_seed"]].to_dict("records")  # of all columns, each row would become a series of its own
    differences = [pair(winner, row) for row in rows]
    known = [difference for difference in differences if difference is not None and difference.p_value is not None]
    levels = iter(adjusted([difference.p_value for difference in known if difference.p_value is not None]))
    level = [difference is None or difference.p_value is None or next(levels) >= RATE for difference in differences]
    return others[level], [difference for difference, alike in zip(differences, level, strict=True) if alike and difference]
