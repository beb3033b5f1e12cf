"""What a study's table allows to say: verdicts over all its gains, ties between its arms, and whether its question is answered.

Everything is worked out from the values of each seed that the table holds, so recorded tables are judged by the rules of today.
"""

import json
from collections.abc import Sequence
from typing import Any

from kdui.catalogue.studies import RESULTS, Study
from kdui.catalogue.targets import metric_of, values
from kdui.catalogue.tasks import TASKS, described
from kdui.core.statistics.discovery import RATE, adjusted, tied
from kdui.core.statistics.intervals import typical_deviation
from kdui.core.statistics.paired import over_seeds
from kdui.core.statistics.power import SPREAD, detectable_over_seeds, seeds_needed
from kdui.settings import Settings

Row = dict[str, Any]
# What a result is compared with, and the heading of that column: the same training without a teacher, on labels as soft as the
# teacher's, from weights that have not read the task's texts, and with a student for each of several tasks.
CONTROLS = {
    "control": "over hard labels",
    "smoothed": "over label smoothing",
    "plain": "over no pre-training",
    "separate": "over separate students",
}
ONE_SEED, NOTHING = "one seed is not enough to tell", "no difference shown"


def gain(by_seed: Sequence[float], step: float = 0.0) -> Row:
    """Mean paired difference over seeds with its 95 % t-interval, its p, and what could have been seen; no verdict yet."""
    difference = over_seeds(by_seed, step=step)
    return {
        "mean": round(difference.value, 3),
        "half_width": _rounded(difference.half_width),
        "by_seed": [round(value, 3) for value in by_seed],
        "p": _rounded(difference.p_value, 6),
        "detectable": _rounded(difference.detectable),
    }


def judged(table: Row, study: Study) -> Row:
    """The table with its study's words, the verdict of every gain, the letters of its arms and the answer to its question, from
    each seed's values.

    The false discovery rate over the table is controlled at 5 % (Benjamini-Hochberg).
    """
    arms = [dict(arm) for arm in table["arms"]]
    verdicts: list[Row] = []
    for arm in arms:
        for name in [f"gain_over_{control}" for control in CONTROLS if f"gain_over_{control}" in arm]:
            arm[name] = gain(arm[name]["by_seed"], step_of(study, arm))
            verdicts.append(arm[name])
    known = [row for row in verdicts if row["p"] is not None]
    for row, level in zip(known, adjusted([row["p"] for row in known]), strict=True):
        row["verdict"] = NOTHING if level >= RATE else "better" if row["mean"] > 0 else "worse"
    for row in verdicts:
        row.setdefault("verdict", ONE_SEED)
    for arm in arms:
        arm.pop("level", None)
    for task in dict.fromkeys(task_of(study, arm) for arm in arms):
        own = [arm for arm in arms if task_of(study, arm) == task]
        own.sort(key=lambda arm: -metric_of(arm).sign * arm["models"][arm["result"]]["mean"])
        letters = tied([headlines(arm) for arm in own], step_of(study, own[0])) if not study.steps else []
        for arm, letter in zip(own, letters, strict=False):
            if letter:
                arm["level"] = letter
    found_out = {**table, "title": study.title, "summary": study.summary, "arms": arms}
    return found_out if study.effect is None else {**found_out, "question": question(found_out, study.effect)}


def question(table: Row, effect: float) -> Row:
    """Which effect the study asks about, how its differences vary between seeds, and how many seeds would show such an effect."""
    seeds = max(len(arm["seeds"]) for arm in table["arms"])
    spread = spread_of(table)
    known = spread if spread is not None else SPREAD
    needed = seeds_needed(effect, known)
    return {
        "effect": effect,
        "seeds": seeds,
        "spread": _rounded(spread),
        "detectable": _rounded(detectable_over_seeds(known, seeds)) if seeds > 1 else None,
        "needed": needed,
        "answered": spread is not None and needed is not None and seeds >= needed,
    }


def spread_of(table: Row) -> float | None:
    """The typical deviation between seeds of the table's differences: its gains, else the headlines of its arms."""
    gains = [arm[key]["by_seed"] for arm in table["arms"] for control in CONTROLS if (key := f"gain_over_{control}") in arm]
    return typical_deviation(gains or [list(headlines(arm).values()) for arm in table["arms"]])


def question_words(answerable: Row, unit: str = "points") -> str:
    """Whether the question could be answered with these seeds, in a sentence."""
    singular = unit.removesuffix("s")
    effect = f"The study asks about an effect of {answerable['effect']:g} {singular if answerable['effect'] == 1 else unit}"
    seeds = "one seed" if answerable["seeds"] == 1 else f"{answerable['seeds']} seeds"
    needed = f"{answerable['needed']} seeds" if answerable["needed"] else "more than a thousand seeds"
    if answerable["spread"] is None:
        assumed = f"an assumed standard deviation of {SPREAD:g} {unit} between seeds"
        return f"{effect}. One seed shows no spread: it needs {needed} at {assumed}."
    detectable = f"The minimum detectable effect with {seeds} is {answerable['detectable']:.2f} {unit}"
    conclusion = "which is enough" if answerable["answered"] else f"so it needs {needed}"
    spread = f"standard deviation between seeds {answerable['spread']:.2f} {unit}, 80 % power"
    return f"{effect}. {detectable}, {conclusion} ({spread})."


def proposal(study: Study) -> str:
    """How many seeds the question of a study needs, by the spread of its recorded table or else by an estimated one, in words."""
    if study.effect is None:
        return ""
    path = RESULTS / f"{study.name}.json"
    table = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    recorded = spread_of(table) if table else None
    spread = SPREAD if recorded is None else recorded
    made = max(len(arm["seeds"]) for arm in table["arms"]) if table else 0
    source = "estimated" if recorded is None else f"of {made} recorded seeds"
    unit = TASKS[study.task].headline.difference_unit
    return f"{seeds_needed(study.effect, spread) or 'over 1000'} for {study.effect:g} {unit} (spread {spread:.2f}, {source})"


def task_of(study: Study, arm: Row) -> str:
    """The task that an arm of the table is about."""
    return next((each.task for each in study.arms if each.title == arm["arm"] and each.task), study.task)


def step_of(study: Study, arm: Row) -> float:
    """What one test example counts in the headline; 0 for a metric that is no share of the examples."""
    return metric_of(arm).least(described(task_of(study, arm), Settings.from_environment()).splits["test"])


def headlines(arm: Row) -> dict[int, float]:
    """Seed -> headline of the arm's result."""
    scores = values(arm["models"][arm["result"]]["headline"])
    return dict(zip(arm["seeds"], scores if len(scores) > 1 else scores * len(arm["seeds"]), strict=True))


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
