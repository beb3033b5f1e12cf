"""Gain from distillation: the student minus the same student without KD, as one difference and one sentence for every place."""

from __future__ import annotations  # the terminal needs the words alone, and pandas takes half a second

from collections.abc import Callable
from typing import TYPE_CHECKING

from kdui.core.metric import Metric
from kdui.core.numbers import signed
from kdui.core.statistics.paired import Difference, over_seeds
from kdui.core.statistics.power import detectable_over_seeds

if TYPE_CHECKING:
    import pandas as pd

# (run, step, step of the reference) -> their difference over the test examples, None where the answers are not at hand.
Paired = Callable[[str, str, str], "Difference | None"]
OVER_CONTROL = "over the same student without KD"
MORE_SEEDS = 8


def teacher_gain(
    points: pd.DataFrame, runs: tuple[str, ...], paired: Paired, metric: Metric, examples: int | None = None
) -> Difference | None:
    """The gain over these runs (repeats of one recipe): over seeds where there are several, else over the test examples.

    Runs may share a control and differ in more than their seed, as a sweep over temperatures does: then only the repeats of the
    newest student count, because other settings are no further seeds of it. None where no run has both student and control of one
    stage. ``examples``: how many the test split has.
    """
    chosen = points[points["run"].isin(runs) & points["role"].isin(("student", "control")) & points["headline"].notna()]
    if len(students := chosen[chosen["role"] == "student"]):
        newest = students.loc[students["run"] == students.loc[students["created"].idxmax(), "run"], "group"]
        chosen = chosen[(chosen["role"] == "control") | chosen["group"].isin(newest)]
    pairs: dict[tuple[str, str], dict[str, tuple[float, str, str]]] = {}
    columns = ["run", "step", "role", "headline", "digest"]
    for run, step, role, value, artifact in chosen[columns].itertuples(index=False, name=None):
        pairs.setdefault((run, step.removesuffix(".control")), {}).setdefault(role, (value, artifact, step))
    # A cached pair that several recipes share is one observation, not several.
    by_role = {
        (pair["student"][1], pair["control"][1]): (run, pair["student"], pair["control"])
        for (run, _), pair in sorted(pairs.items())
        if len(pair) == 2
    }
    if not by_role:
        return None
    if len(by_role) == 1:
        ((run, student, control),) = by_role.values()
        if over_examples := paired(run, student[2], control[2]):
            return over_examples
    differences = [metric.gain(student[0], control[0]) for _, student, control in by_role.values()]
    return over_seeds(differences, examples, metric.least(examples))


def gain_sentence(gain: Difference | None, metric: Metric) -> str:
    """The gain in words that claim no more than its interval shows; "no difference shown" comes with what could not be seen."""
    if gain is None:
        return "not known, because no control was run."
    if gain.over == "nothing":
        return f"{_signed(gain.value, metric)} {metric.gain_unit(gain.value)} {OVER_CONTROL}, but one seed is not enough to tell."
    if not gain.is_shown:
        return f"no difference shown: {reading(gain, metric)} {OVER_CONTROL}. {unseen(gain, metric)}"
    doubt = "; other seeds may differ" if gain.over == "examples" else ""
    return f"{reading(gain, metric)} {OVER_CONTROL}{doubt}."


def reading(gain: Difference, metric: Metric) -> str:
    """A difference with its interval and what that is over: +1.0 ± 0.4 points (3 seeds)."""
    width = gain.half_width
    if width is None or gain.low is None or gain.high is None:
        return f"{_signed(gain.value, metric)} {metric.gain_unit(gain.value)} (one seed)"
    finer = gain.is_shown and round(min(abs(gain.low), abs(gain.high)), 1) == 0
    places = (2 if finer else 1) if metric.unit == "%" else metric.places_of(gain.value, width)
    if gain.over == "seeds":
        return f"{signed(gain.value, places)} ± {width:.{places}f} {metric.gain_unit(gain.value)} ({gain.seeds} seeds)"
    interval = f"95 % interval {signed(gain.low, places)} to {signed(gain.high, places)}"
    return (
        f"{signed(gain.value, places)} {metric.gain_unit(gain.value)} ({interval}, paired over {gain.examples:,} test examples)"
    )


def unseen(gain: Difference, metric: Metric) -> str:
    """Minimum detectable effect: 'With 3 seeds, differences below 1.2 points could not be detected; with 8 seeds 0.6.'"""
    if gain.detectable is None:
        return ""
    of = f" and {gain.examples:,} test examples" if gain.examples else ""
    seeds = f"{gain.seeds} seeds" if gain.seeds > 1 else "one seed"
    text = f"With {seeds}{of}, differences below {metric.format_detectable(gain.detectable)} could not be detected"
    if gain.over != "seeds":
        return f"{text}."
    more = MORE_SEEDS if gain.seeds < MORE_SEEDS else 2 * gain.seeds
    spread = gain.detectable / detectable_over_seeds(1.0, gain.seeds)
    return f"{text}; with {more} seeds {_plain(detectable_over_seeds(spread, more), metric)}."


def _signed(value: float, metric: Metric) -> str:
    return signed(value, metric.places_of(value))


def _plain(value: float, metric: Metric) -> str:
    return f"{value:.{metric.places_of(value)}f}"
