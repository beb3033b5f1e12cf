"""The budget's answer and the table of models beside the Pareto chart."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Literal
from urllib.parse import urlencode

import numpy as np
import pandas as pd
from pydantic import Field

from kdui.charts.between import Between, level_with, unpaired
from kdui.charts.findings import cost_sentences, unlearned
from kdui.charts.front import MOST_RIVALS, Budget, best, candidates, limit_costs, pareto_front, rivals, within
from kdui.charts.gain import Paired, gain_sentence, teacher_gain
from kdui.charts.narrowing import Narrow
from kdui.charts.numbers import quantity
from kdui.core.contracts import TaskFacts
from kdui.core.metric import Metric
from kdui.core.numbers import THIN, floor, number, significant
from kdui.core.plain import Frozen
from kdui.ui.exports import spreadsheet_csv
from kdui.ui.provenance import mark
from kdui.ui.run_view import ROLE_TITLES

MOST_SETTINGS = 5
PAGE_SIZE = 25
MOST_ON_FRONT = 8  # named below a narrow chart
NUMBERS = {
    "retained": ("Retained", "%"),
    "latency_ms": ("Latency p50", "ms"),
    "token_ms": ("Decode speed", "tokens/s"),
    "download_mb": ("Download", "MB"),
    "parameters": ("Parameters", "count"),
    "macs": ("Multiply-adds", "count"),
    "speedup": ("Speed-up", "×"),
}


class Wish(Frozen):
    """What the browser wants to see: task, axis, budget, and the part of the table."""

    task: str
    x: Literal["", "latency_ms", "token_ms", "download_mb", "parameters", "macs"] = Field(
        default="", description="empty: what is usual for such models"
    )
    budget: Budget = Budget()
    narrow: Narrow = Narrow()
    sort: str = "headline"
    down: bool = Field(default=True, description="the most first; of the headline the best, whichever way it goes")
    page: int = Field(default=1, ge=1)


def winner_html(models: pd.DataFrame, budget: Budget, metric: Metric, task: TaskFacts, pair: Between = unpaired) -> str:
    """The best model within the budget, what each limit costs, and where to look at it; or what would let one in.

    No model wins where it, or its teacher, has learned no more than the task's most frequent label.
    """
    winner = best(models, budget, metric)
    costs = "".join(f"<p>{escape(text)}</p>" for text in cost_sentences(limit_costs(models, budget, metric, pair), metric))
    if winner is None:
        what = "No student has been measured yet." if candidates(models).empty else "Nothing fits this budget."
        return f'<div class="note" role="status"><b>{what}</b>{costs}</div>{_teacher_fits(models, budget, metric)}'
    if warning := unlearned(models, task):
        return (
            f'<div class="note" role="status"><b>{escape(warning)}.</b><p>Their retained accuracy and '
            f"savings mean nothing. Train longer, on more examples, or at another learning rate.</p>"
            f'<div class="buttons">{_links(models, winner, task.name)}</div></div>'
        )
    over = "Best overall: no limits set" if budget.is_open else "Best within budget"
    numbers = [f"{metric.format(winner['headline'])}{mark(winner['origin'])}", number(winner["download_mb"], "MB")]
    if math.isfinite(winner["latency_ms"]):
        numbers.append(f"{number(winner['latency_ms'], 'ms')}{mark(winner['latency_origin'])}")
    control = "<p>This is a student trained without KD.</p>" if winner["role"] == "control" else ""
    beside = f"{control}{_rivals(models, winner, budget, pair, metric)}{costs}"
    return (
        f'<div class="win" role="status"><small>{over}</small><h3 class="title">{escape(winner["label"])}</h3>'
        f'<p>{" · ".join(numbers)}</p>{beside}<div class="buttons">{_links(models, winner, task.name)}</div></div>'
        f"{_teacher_fits(models, budget, metric)}"
    )


def _rivals(models: pd.DataFrame, winner: pd.Series, budget: Budget, pair: Between, metric: Metric) -> str:
    """How many models the winner cannot be distinguished from, and whether a student without KD is among them."""
    near = rivals(models, winner, budget)
    level, differences = level_with(winner, near, pair)
    if level.empty:
        return ""
    controls = level["role"].isin(("control", "smoothed")).sum()
    among = ", including students without KD" if controls and winner["role"] not in ("control", "smoothed") else ""
    others = "another model" if len(level) == 1 else f"{len(level):,} other models"
    among = among if len(level) > 1 else ", a student without KD" if among else ""
    more = " or more" if len(level) == MOST_RIVALS else ""
    unseen = max((difference.detectable or 0 for difference in differences), default=0)
    reason = f"differences up to {metric.format_detectable(unseen)} could not be detected" if unseen else "95 % intervals overlap"
    return f"<p>Not distinguishable from {others}{more}{among} ({reason}).</p>"


def _links(models: pd.DataFrame, winner: pd.Series, task: str) -> str:
    teachers = models.loc[models["role"] == "teacher", "digest"].tolist()
    compare = urlencode({"tab": "compare", "task": task, "models": ",".join([*teachers[:1], str(winner["digest"])])})
    return (
        f'<a class="btn act" id="explore-open" href="?tab=runs&amp;run={escape(str(winner["run"]))}">Open run</a>'
        f'<a class="btn act" id="explore-compare" href="?{escape(compare)}">Compare</a>'
    )


def _teacher_fits(models: pd.DataFrame, budget: Budget, metric: Metric) -> str:
    teachers = models[(models["role"] == "teacher") & within(models, budget)]
    if budget.is_open or teachers.empty:
        return ""
    best_one = max(teachers["headline"].dropna(), key=lambda value: metric.sign * value, default=None)
    return f'<p class="lead">The teacher itself fits this budget, at {metric.format(best_one)}.</p>'


def gain_html(
    points: pd.DataFrame, by_run: Mapping[str, Any], models: pd.DataFrame, budget: Budget, facts: TaskFacts, paired: Paired
) -> str:
    """Gain from distillation in the recipe of the winner; ``by_run``: the positions of each run's points."""
    metric = facts.headline
    winner = best(models, budget, metric)
    if winner is None:
        return ""
    places = [by_run[run] for run in winner["runs"] if run in by_run]
    own = points.iloc[np.concatenate(places)] if places else points.iloc[:0]
    gain = teacher_gain(own, winner["runs"], paired, metric, facts.splits["test"])
    return f'<p class="lead">Gain from distillation: <b>{escape(gain_sentence(gain, metric))}</b></p>'


def differing(models: pd.DataFrame) -> list[str]:
    """Settings that are not the same in all models that have them, the most telling (most values) first.

    The seed is left out: it stands behind the interval.
    """
    # Models of one stage share their settings; those of one shape are read by column, and each value is written once.
    shapes: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for settings in {id(each): each for each in models["settings"] if each}.values():
        shapes.setdefault(tuple(settings), []).append(settings)
    seen: dict[str, set[Any]] = {}
    for keys, alike in shapes.items():
        for key, column in zip(keys, zip(*(each.values() for each in alike), strict=True), strict=True):
            seen.setdefault(key, set()).update(_hashable(column))
    values = {key: {_setting(value) for value in found} for key, found in seen.items()}
    return sorted((key for key, texts in values.items() if len(texts) > 1 and key != "seed"), key=lambda key: -len(values[key]))


def _hashable(values: Sequence[Any]) -> set[Any]:
    try:
        return set(values)
    except TypeError:
        return {value if value.__hash__ else str(value) for value in values}


def table_html(models: pd.DataFrame, settings: Sequence[str], metric: Metric, wish: Wish) -> str:
    """One page of the models, sorted over all of them; ``settings`` have a column each."""
    left_out = {"macs"} - {wish.x} | ({"token_ms"} if models["token_ms"].isna().all() else set())
    numbers = {name: about for name, about in NUMBERS.items() if name not in left_out}
    fits = within(models, wish.budget)
    down = falls(wish, metric)
    order = sorted_index(models, fits, wish.sort, down)[(wish.page - 1) * PAGE_SIZE : wish.page * PAGE_SIZE]
    shown = models.loc[order].assign(fits=fits[order])
    columns = [
        ("label", "Model"),
        *((f"settings:{key}", _setting_title(key)) for key in settings),
        ("headline", metric.title),
        *([] if wish.budget.is_open else [("fits", "Budget")]),
        *((name, title) for name, (title, _) in numbers.items()),
    ]
    heads = "".join(_head(name, title, wish.sort, down) for name, title in columns)
    body = "".join(_row(row, settings, numbers, metric, wish.budget) for row in shown.to_dict("records"))
    return (
        '<div class="scroll-x" tabindex="0"><table class="table models"><caption class="sr-only">Measured models</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>{_pager(len(models), len(shown), wish.page)}"
    )


def front_html(models: pd.DataFrame, x: str, metric: Metric) -> str:
    """The models of the front, cheapest first, for a chart that is too narrow to name them."""
    cost = models[x].to_numpy(float)
    places = pareto_front(np.where(cost > 0, cost, np.nan), models["headline"].to_numpy(), metric)
    front = models[["role", "run", "label"]].take(places)
    items = "".join(
        f'<li><span class="swatch {row.role}"></span>'
        f'<a href="?tab=runs&amp;run={escape(str(row.run))}">{escape(row.label)}</a></li>'
        for row in front[:MOST_ON_FRONT].itertuples()
    )
    more = f"<li>and {len(front) - MOST_ON_FRONT:,} more</li>" if len(front) > MOST_ON_FRONT else ""
    return f'<p class="lead">On the Pareto front, cheapest first:</p><ol class="front">{items}{more}</ol>'


def falls(wish: Wish, metric: Metric) -> bool:
    """Whether the values fall from row to row in the order that is wished for."""
    return wish.down if wish.sort != "headline" or metric.higher_is_better else not wish.down


def sorted_index(models: pd.DataFrame, fits: pd.Series, sort: str, down: bool) -> pd.Index:
    """The rows in order of a column, of ``fits`` or of ``settings:KEY``; unknown values last, equals by name."""
    if sort.startswith("settings:"):
        key = sort.removeprefix("settings:")
        values = models["settings"].map(lambda settings: settings.get(key) if settings else None)
        numeric = pd.to_numeric(values, errors="coerce")
        values = numeric if numeric.notna().any() else values.astype(str)
    elif sort == "fits":
        values = fits
    else:
        values = models[sort if sort in ("label", *NUMBERS) else "headline"]
    keys = pd.DataFrame({"value": values, "label": models["label"]})
    return keys.sort_values(["value", "label"], ascending=[not down, True], na_position="last", kind="stable").index


def _setting_title(key: str) -> str:
    """'distill.temperature' as two short lines."""
    stage, _, name = key.rpartition(".")
    return f"{name.replace('_', ' ')}|{stage}" if stage else key


def _head(name: str, title: str, sort: str, down: bool) -> str:
    text, _, small = title.partition("|")
    order = ("descending" if down else "ascending") if name == sort else "none"
    sign = {"descending": " ↓", "ascending": " ↑"}.get(order, "")
    sub = f'<span class="sub">{escape(small)}</span>' if small else ""
    return (
        f'<th scope="col" aria-sort="{order}"><button type="button" class="sort" id="sort-{escape(name)}" '
        f'data-sort="{escape(name)}">'
        f"{escape(text if name == 'headline' else text[:1].upper() + text[1:])}{sign}</button>{sub}</th>"
    )


def _row(
    row: dict[str, Any], settings: Sequence[str], columns: dict[str, tuple[str, str]], metric: Metric, budget: Budget
) -> str:
    values = row["settings"] or {}
    cells = "".join(_cell(_setting_title(key).partition("|")[0].capitalize(), _setting(values.get(key))) for key in settings)
    numbers = "".join(_cell(title, _value(row, name, unit)) for name, (title, unit) in columns.items())
    fits = "" if budget.is_open else _cell("Budget", "✓ fits" if row["fits"] else _over(row, budget))
    seeds = f" · {row['repeats']} seeds" if row["repeats"] > 1 else ""
    run = escape(str(row["run"]))
    tick = (
        f'<input type="checkbox" class="tick" data-compare="{run}:{escape(str(row["step"]))}" '
        f'aria-label="Compare {escape(row["label"])}">'
    )
    cells += f"{_cell(metric.title, _headline(row, metric))}{fits}{numbers}"
    return (
        f'<tr class="pickable{"" if row["fits"] else " over"}" data-run="{run}"><td class="left">'
        f'{tick}<span class="swatch {row["role"]}"></span>'
        f'<a class="name" href="?tab=runs&amp;run={run}">{escape(row["label"])}</a>'
        f'<div class="sub">{ROLE_TITLES[row["role"]]}{seeds}</div></td>{cells}</tr>'
    )


def _cell(title: str, value: str) -> str:
    """A cell that names its column, too: a narrow window shows a row as a card."""
    return f'<td><span class="of">{escape(title)}</span>{value}</td>'


def _setting(value: Any) -> str:
    if value is None:
        return '<span class="mute">–</span>'
    number_like = isinstance(value, (int, float)) and not isinstance(value, bool)  # 4 and 4.0 are one setting
    return significant(value, 4) if number_like else escape(str(value))


def _headline(row: dict[str, Any], metric: Metric) -> str:
    width = ""
    if row["interval"]:
        half = (row["high"] - row["low"]) / 2
        over = f"over {row['repeats']} seeds" if row["interval"] == "seeds" else "of the test sample"
        near = f"{half:.{metric.places_of(half)}f}"
        width = f' <span class="mute" title="95 % interval {over}">± {near}</span>'
    value, _, unit = metric.format(row["headline"]).partition(THIN)
    if unit.casefold() == metric.title.casefold():  # the column's title says it: bits per byte
        unit = ""
    return f"{value}{width}{THIN if unit else ''}{unit}{mark(row['origin'])}"


def _value(row: dict[str, Any], name: str, unit: str) -> str:
    value = row[name]
    if value is None or not math.isfinite(value):
        return '<span class="mute">–</span>'
    if name == "retained":
        return f"{floor(value)} %"
    if name == "token_ms":
        return quantity(name, value)
    return number(value, unit) + (mark(row["latency_origin"]) if name == "latency_ms" else "")


def _over(row: dict[str, Any], budget: Budget) -> str:
    """Which limit it breaks, in a word: colour and dimming alone would not say."""
    broken = [
        word
        for column, word in (("latency_ms", "slow"), ("download_mb", "big"))
        if (limit := getattr(budget, column)) is not None and not row[column] <= limit
    ]
    if budget.retained is not None and not row["retained"] >= budget.retained:
        broken.append("inexact")
    return f'<span class="bad">too {" and ".join(broken)}</span>'


def _pager(total: int, shown: int, page: int) -> str:
    if total <= PAGE_SIZE:
        return ""
    first = (page - 1) * PAGE_SIZE + 1
    back, on = ("" if page > 1 else " disabled"), ("" if page * PAGE_SIZE < total else " disabled")
    return (
        f'<div class="pager"><span class="mute" role="status">{first:,} – {first + shown - 1:,} of {total:,}</span>'
        f'<button type="button" class="act small" data-page="{page - 1}"{back}>‹ Back</button>'
        f'<button type="button" class="act small" data-page="{page + 1}"{on}>Next ›</button></div>'
    )


def csv_text(points: pd.DataFrame) -> str:
    """Every measured point with its settings as columns, as stored: nothing merged, nothing rounded."""
    settings = pd.json_normalize(points["settings"].tolist(), max_level=0) if len(points) else pd.DataFrame()
    settings.index = points.index
    return spreadsheet_csv(pd.concat([points.drop(columns=["settings"]), settings.add_prefix("settings.")], axis=1))
