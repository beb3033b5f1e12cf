"""The figures that a gate judges by, and what cannot be trusted about them: pure functions over measurements."""

import math
from typing import TYPE_CHECKING

from kdui.core.measurement import Measurement
from kdui.core.metric import Metric
from kdui.core.page_rows import ModelResult
from kdui.core.statistics.paired import Difference, Discordant, score_interval
from kdui.runtime.timing import NOISY
from kdui.workbench.gating.verdict import Figure

if TYPE_CHECKING:
    import pandas


def retained(difference: Difference, teacher: float) -> Figure | None:
    """The share of the teacher's headline that a paired difference leaves, in %, with the ends of its interval."""
    if difference.low is None or difference.high is None or not teacher > 0:
        return None
    value, low, high = (100 * (1 + points / teacher) for points in (difference.value, difference.low, difference.high))
    return Figure(value=value, low=low, high=high, unit="%", over=f"paired over {difference.examples:,} test examples, one seed")


def examples_needed(bound: float, teacher: float) -> int | None:
    """Test examples with which equal answers of both models show that ``bound`` % is retained of a headline of ``teacher`` %."""
    margin = teacher / 100 * (1 - bound / 100)
    if margin <= 0:
        return None
    low, high = 1, 2
    while score_interval(Discordant(0, 0, high))[0] < -margin:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if score_interval(Discordant(0, 0, middle))[0] >= -margin else (middle, high)
    return high


def impossible(who: str, model: ModelResult, metric: Metric) -> list[str]:
    """Measurements that cannot be: no headline, shares outside 0 to 100 %, times and sizes that are not above zero."""
    item = model.measurements.get(metric.name)
    if item is None:
        return [f"{who} has no {metric.noun}: its test data were not measured."]
    sentences = []
    if not math.isfinite(item.value) or (metric.unit == "%" and not 0 <= item.value <= 100):
        sentences.append(f"{who} has {item.value:g} {item.unit} {metric.noun}, which cannot be.")
    for name in ("latency_p50", "file_bytes", "packed_bytes", "speedup"):
        other = model.measurements.get(name)
        if other is not None and not (math.isfinite(other.value) and other.value > 0):
            sentences.append(f"{who} has {name} {other.value:g} {other.unit}, which cannot be.")
    return sentences


def one_label(rows: "pandas.DataFrame") -> bool:
    """Whether a model found no example of any label but one; ``rows``: one a label, of ``evidence``."""
    return len(rows) > 1 and int((rows["recall"] > 0).sum()) <= 1


def too_noisy(figure: Figure) -> str:
    """Why an interval that holds the aim cannot answer; empty where it is narrow, and the model simply too near to its aim."""
    if figure.noisy:
        return f"latency is {figure.noisy}. Measure again on a quiet machine."
    width = (figure.high - figure.low) / figure.value
    if figure.unit == "×" and width > NOISY:
        return f"the speed-up's interval is {100 * width:.0f} % wide. Measure again on a quiet machine, with more readings."
    return ""


def speedup(item: Measurement | None) -> Figure | None:
    if item is None or item.low is None or item.high is None:
        return None
    noisy = next((part.strip() for part in item.provenance.note.split(";") if part.strip().startswith("noisy:")), "")
    readings = f"{item.provenance.n} readings in turn on {item.provenance.device}"
    return Figure(value=item.value, low=item.low, high=item.high, unit="×", over=readings, noisy=noisy)


def stored(model: ModelResult) -> float | None:
    """Bytes of the packed file where there is one, else of the graph."""
    item = model.measurements.get("packed_bytes") or model.measurements.get("file_bytes")
    return None if item is None else item.value
