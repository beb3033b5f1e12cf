"""The sentences above and beside the Pareto chart, computed from the same rows that are drawn."""

import math
import re

import pandas as pd

from kdui.charts.front import Budget, LimitCost, best, within
from kdui.charts.numbers import quantity
from kdui.core.contracts import TaskFacts
from kdui.core.majority import has_learned, unlearned_words
from kdui.core.measurement import Origin
from kdui.core.metric import Metric
from kdui.core.numbers import THIN, floor, times
from kdui.core.statistics.paired import Difference

NOUNS = {
    "student": "student",
    "compressed": "compressed model",
    "assistant": "assistant",
    "control": "student without KD",
    "smoothed": "student with label smoothing",
    "baseline": "baseline",
}
VOWEL_NUMBER = re.compile(r"8|1[18](?!\d|,)")  # eight, eleven, eighteen, eighty, but not 110 or 1,800
LIMIT_NAMES = {"latency_ms": "latency", "download_mb": "size", "retained": "retained accuracy"}


def unlearned(models: pd.DataFrame, task: TaskFacts) -> str:
    """What a reader must know before any figure: which of the models have not learned, or of its teachers; empty where all have.

    ``models``: rows with role, headline, low and high. Of students the best decides, because titles and winners mention it.
    """
    teaches = (models["role"] == "teacher").to_numpy()
    ends = models[["headline", "low", "high"]].to_numpy(float)
    lame = [
        name
        for name, rows in (("the teacher", ends[teaches]), ("the best student", ends[~teaches]))
        if len(rows) and not any(has_learned(task, *map(float, row)) for row in rows)
    ]
    everyone = len(lame) == 2 or (len(lame) == 1 and (teaches.all() or not teaches.any()))
    return unlearned_words(task, lame, everyone=everyone and len(models) > 1).removesuffix(".")


def finding(models: pd.DataFrame, budget: Budget, metric: Metric, task: TaskFacts | None = None, against: str = "") -> str:
    """The chart's title: what the best model within the budget keeps and costs, or that nothing fits.

    ``against``: the chart's other axis; a chart of decode speed names that speed and not the latency of a prompt.

    Where the models or their teacher have not learned the ``task``, that is the finding: a share of nothing is no praise.
    """
    if task is not None and (warning := unlearned(models, task)):
        return warning
    winner = best(models, budget, metric)
    if winner is None:
        others = models[models["role"] != "teacher"]
        if others.empty:
            return "Only teachers so far: no student has been measured yet"
        if budget.is_open:
            return "No student has a measured result yet"
        teachers = models[(models["role"] == "teacher") & within(models, budget)]
        return (
            "Only the teacher fits this budget"
            if len(teachers)
            else f"None of the {len(others):,} models beside the teacher fits this budget"
        )
    size = f" {quantity('download_mb', winner['download_mb'])}" if math.isfinite(winner["download_mb"]) else ""
    article = "An" if VOWEL_NUMBER.match(size.strip()) else "A"
    subject = f"{article}{size} {NOUNS[winner['role']]}"
    if not math.isfinite(winner["retained"]):
        return f"{subject} reaches {_written(metric, winner['headline'])} {metric.unsaid}".strip()
    if not metric.higher_is_better:  # a share kept of what should be low would have to be explained
        teachers = models[(models["role"] == "teacher") & models["headline"].notna()]
        speeds = against == "token_ms"
        ours, *theirs = (
            _written(metric, float(row["headline"])) + (_decoded(row["token_ms"]) if speeds else "")
            for row in (winner, *(row for _, row in teachers.iterrows() if len(teachers) == 1))
        )
        beside = f", the teacher {theirs[0]}" if theirs else ""
        return f"{subject} reaches {ours}{beside}{'' if speeds else _speed(winner['speedup'])}"
    return f"{subject} keeps {floor(winner['retained'])} % of the teacher{_speed(winner['speedup'])}"


def _decoded(token_ms: float) -> str:
    """at 240 tokens/s; nothing where it was not measured."""
    return f" at {quantity('token_ms', token_ms)}" if math.isfinite(token_ms) and token_ms > 0 else ""


def _written(metric: Metric, value: float) -> str:
    return metric.format(value).replace(THIN, " ")


def _speed(speedup: float) -> str:
    """, 18 times faster: cut to the digits that are sure, nothing where it was not measured."""
    if not math.isfinite(speedup) or speedup <= 0:
        return ""
    if 0.95 < speedup < 1.05:
        return ", at the same speed"
    text = times(max(speedup, 1 / speedup)).removesuffix("×")
    if text == "1":  # what is sure of it
        return ", at nearly the same speed"
    return f", {text} times {'faster' if speedup > 1 else 'slower'}"


def subtitle(
    models: pd.DataFrame, drawn: pd.DataFrame, task: str, metric: Metric, axis: str, errors: bool, facts: TaskFacts | None = None
) -> str:
    """Task, axes, number of models and of those that are ``drawn``, what the bars are and where the numbers come from."""
    parts = [task, f"test {metric.noun} against {axis}", metric.direction]
    parts.append(
        f"{len(drawn):,} of {len(models):,} models drawn"
        if len(drawn) < len(models)
        else f"{len(models):,} model" + ("" if len(models) == 1 else "s")
    )
    if errors:
        parts.append(_bars(drawn))
    if facts is not None and facts.majority is not None:
        parts.append(f"majority class: {metric.format(facts.majority)}")
    seen = set(models["origin"].unique())
    marks = [f"{name.mark} {name}{'' if name is Origin.MEASURED else ' (open symbols)'}" for name in Origin if name in seen]
    parts.extend(["  ".join(marks)] if marks else [])
    return " · ".join(part for part in parts if part)


def latency_drift(models: pd.DataFrame) -> float:
    """By which factor one teacher was faster at one time than at another, as the models tell that answered in turn with it.

    A model's latency times its speed-up is its teacher's latency at that time; 1 where no teacher was read twice.
    """
    there = models[(models["latency_ms"].astype(float) > 0) & (models["speedup"].astype(float) > 0)]
    teachers = [str(settings.get("teacher")) if isinstance(settings, dict) else "" for settings in there["settings"]]
    spread = (there["latency_ms"].astype(float) * there["speedup"].astype(float)).groupby(teachers).agg(["min", "max"])
    return float((spread["max"] / spread["min"]).max()) if len(spread) else 1.0


def _bars(models: pd.DataFrame) -> str:
    kinds = set(models["interval"].unique())
    seeds = models.loc[models["interval"] == "seeds", "repeats"]
    words = []
    if "seeds" in kinds:
        count = str(seeds.min()) if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
        words.append(f"over {count} seeds")
    if "test" in kinds:
        words.append("of the test sample where there is one seed" if words else "of the test sample (one seed)")
    return f"bars are 95 % intervals {' or '.join(words)}" if words else ""


def cost_sentences(costs: list[LimitCost], metric: Metric) -> list[str]:
    """What each limit costs: 'A latency limit of 4 ms would allow +0.4 points.'"""
    return [sentence for cost in costs if (sentence := _cost_sentence(cost, metric))]


def _doubt(difference: Difference | None, metric: Metric) -> str:
    """What the paired difference of both models leaves open; nothing where it is shown."""
    if difference is None or difference.detectable is None:
        return " (one seed is not enough to tell)"
    if difference.is_shown:
        return ""
    return f" (within error: differences below {metric.format_detectable(difference.detectable)} could not be detected)"


def _cost_sentence(cost: LimitCost, metric: Metric) -> str:
    name, doubt = LIMIT_NAMES[cost.quantity], _doubt(cost.difference, metric)
    limit = f"{floor(cost.limit)} %" if cost.quantity == "retained" else quantity(cost.quantity, cost.limit)
    if cost.gain is None:
        return f"With a {name} limit of {limit}, {cost.label} would fit."
    if cost.move == "relax":
        small = metric.unit == "%" and cost.gain < 0.05
        gain = metric.format_loss(cost.gain) if small else metric.format_gain(cost.gain)
        return f"A {name} limit of {limit} would allow {gain}{doubt}."
    unseen = cost.difference.detectable if cost.difference and not cost.difference.is_shown else None
    trivial = metric.unit != "%" and unseen is not None and -cost.gain < 0.1 * unseen
    loss = metric.format_loss(-cost.gain) + ("" if metric.unit else f" {metric.noun}")
    return f"A {name} limit of {limit} would cost {'nothing measurable' if trivial else loss}{doubt}."
