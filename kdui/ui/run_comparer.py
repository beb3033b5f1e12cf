"""The run comparer: two to five runs or models, their results with paired intervals, and only the settings that differ."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from kdui.charts.comparer import MISSING, Column, Comparison
from kdui.charts.gain import reading
from kdui.core.contracts import TaskFacts
from kdui.core.metric import Metric
from kdui.core.numbers import THIN, floor, number, significant
from kdui.core.statistics.paired import Difference
from kdui.ui.chart_frame import pin_button
from kdui.ui.provenance import mark
from kdui.ui.run_view import ROLE_TITLES
from kdui.workbench.comparing import compared

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

COSTS = (
    ("latency_ms", "Latency p50", "ms"),
    ("speedup", "Speed-up over its teacher", "×"),
    ("download_mb", "Download", "MB"),
    ("parameters", "Parameters", "count"),
    ("macs", "Multiply-adds", "count"),
)
LONGEST = 120  # letters of one setting


class ComparerCalls:
    """What the browser can ask of the comparer."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def run_compare(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The table of the runs or models that ``compare`` names, ``RUN`` or ``RUN:STEP`` with commas between."""
        wanted = [name for name in str(payload["compare"])[:1_000].split(",") if name]
        comparison, task = compared(self.workbench, wanted)
        return {"title": title(comparison, task.headline), "html": comparison_html(comparison, task, wanted)}


def title(comparison: Comparison, metric: Metric) -> str:
    """The finding: the best of them, and whether it can be told from the first; or that nothing is shown."""
    first, *others = comparison.columns
    shown = [column for column in others if column.shown and column.difference]
    count = len(comparison.settings)
    words = f"{count} setting{'s differ' if count != 1 else ' differs'}" if count else "No setting differs"
    if not shown:
        apart = "their results cannot be told apart" if others else ""
        return f"{words}; {apart}"
    best = max(shown, key=lambda column: column.difference.value if column.difference else 0.0)
    value = best.difference.value if best.difference else 0.0
    way = "better" if value > 0 else "worse"
    gap = metric.format_loss(abs(value))
    return f"{words}; {best.row['label']} is {gap} {way} than {first.row['label']}"


def comparison_html(comparison: Comparison, task: TaskFacts, wanted: Sequence[str]) -> str:
    """Results, then the settings that differ; cells name their model for a narrow window."""
    heads = "".join(
        _head(column, place, name) for place, (column, name) in enumerate(zip(comparison.columns, wanted, strict=True))
    )
    rows = "".join(_line(name, cells, comparison) for name, cells in result_rows(comparison, task.headline))
    differ = "".join(
        _line(_named(key), [_setting(value) for value in values], comparison) for key, values in comparison.settings.items()
    )
    if not differ:
        differ = _whole("Every recorded setting is the same: these are repeats, or different models of one recipe.", comparison)
    alike = f"{comparison.alike:,} settings are the same in all and are not shown." if comparison.alike else ""
    return (
        '<div class="scroll-x" tabindex="0" role="region" aria-label="Compared runs"><table class="table results comparer">'
        '<caption class="sr-only">Compared runs: results and settings that differ</caption>'
        f"<thead><tr><td></td>{heads}</tr></thead>"
        f"<tbody>{_group('Results', comparison)}{rows}{_group('Settings that differ', comparison)}{differ}</tbody></table></div>"
        f'<p class="lead">{escape(task.title)} · differences are to the first model, over the test examples of both; several are '
        f"judged together (Benjamini–Hochberg). {alike}</p>"
    )


def result_rows(comparison: Comparison, metric: Metric) -> list[tuple[str, list[str]]]:
    """A title and a cell for each model; what no model has is left out."""
    columns = comparison.columns
    span = _span(columns)
    rows = [
        (metric.title, [_headline(column.row, metric) for column in columns]),
        (
            "Difference to the first",
            [
                "reference" if column is columns[0] else _apart(column.difference, column.shown, metric, span)
                for column in columns
            ],
        ),
    ]
    if any(column.gain for column in columns):
        gains = [_apart(column.gain, bool(column.gain and column.gain.is_shown), metric, span) for column in columns]
        rows.append(("Gain over the control", gains))
    rows.append(("Retained of its teacher", [_retained(column.row) for column in columns]))
    for name, words, unit in COSTS:
        if any(_known(column.row[name]) for column in columns):
            rows.append((words, [_cost(column.row, name, unit) for column in columns]))
    return rows


def _span(columns: Sequence[Column]) -> float:
    """The largest end of all intervals: one scale for all of them."""
    all_of = [each for column in columns for each in (column.difference, column.gain) if each is not None]
    ends = [abs(end) for each in all_of for end in (each.low, each.high, each.value) if end is not None]
    return max(ends, default=0.0) or 1.0


def _apart(difference: Difference | None, shown: bool, metric: Metric, span: float) -> str:
    """The reading in words with its interval drawn, zero in the middle of the line."""
    if difference is None:
        return '<span class="mute">–</span>'
    words = escape(reading(difference, metric)) + ("" if shown or difference.low is None else " · no difference shown")
    if difference.low is None or difference.high is None:
        return words

    def at(value: float) -> float:
        return round(50 + 50 * max(-1.0, min(1.0, value / span)), 2)

    low, high = at(difference.low), at(difference.high)
    side = "plain" if not shown else "gain" if difference.value > 0 else "loss"
    bar = f'<i style="left:{low}%;width:{max(0.5, high - low):.2f}%"></i><b style="left:{at(difference.value)}%"></b>'
    return f'<span class="forest {side}" aria-hidden="true">{bar}</span><span class="reading">{words}</span>'


def _headline(row: Mapping[str, Any], metric: Metric) -> str:
    low, high = row["headline_low"], row["headline_high"]
    width = ""
    if _known(low) and _known(high):
        half = (high - low) / 2
        width = f' <span class="mute" title="95 % interval of the test sample">± {half:.{metric.places_of(half)}f}</span>'
    value, _, unit = metric.format(row["headline"]).partition(THIN)
    shown_unit = "" if unit.casefold() == metric.title.casefold() else f"{THIN}{unit}" if unit else ""
    return f"{value}{width}{shown_unit}{mark(row['origin'])}"


def _retained(row: Mapping[str, Any]) -> str:
    return f"{floor(row['retained'])}{THIN}%" if _known(row["retained"]) and row["role"] != "teacher" else "–"


def _cost(row: Mapping[str, Any], name: str, unit: str) -> str:
    if not _known(row[name]) or (name == "speedup" and row["role"] == "teacher"):
        return '<span class="mute">–</span>'
    return number(float(row[name]), unit) + (mark(row["latency_origin"]) if name == "latency_ms" else "")


def _known(value: Any) -> bool:
    return value is not None and value == value


def _head(column: Column, place: int, name: str) -> str:
    row = column.row
    run, run_name = escape(str(row["run"])), escape(str(row["run_name"]))
    first = ' <span class="badge plain">first</span>' if place == 0 else ""
    move = "" if place == 0 else f'<button type="button" class="act small" data-first="{escape(name)}">Compare with this</button>'
    return (
        f'<th scope="col"><span class="swatch {row["role"]}"></span>{place + 1} · {ROLE_TITLES[row["role"]]}{first}'
        f'<div class="sub whole">{escape(str(row["label"]))}</div>'
        f'<div class="sub whole"><a class="name" href="?tab=runs&amp;run={run}&amp;compare=">{run_name} · {run}</a></div>'
        f'<div class="buttons">{move}<button type="button" class="act small" data-leave="{escape(name)}" '
        f'aria-label="Take {escape(str(row["label"]))} of {run} out">✕</button></div></th>'
    )


def _line(name: str, cells: Sequence[str], comparison: Comparison) -> str:
    inner = "".join(
        f'<td><span class="of {column.row["role"]}">{place} · {escape(str(column.row["label"]))}</span><span>{cell}</span></td>'
        for place, (cell, column) in enumerate(zip(cells, comparison.columns, strict=True), start=1)
    )
    return f'<tr><th scope="row">{name}</th>{inner}</tr>'


def _group(name: str, comparison: Comparison) -> str:
    return f'<tr class="group"><th scope="colgroup" colspan="{len(comparison.columns) + 1}">{name}</th></tr>'


def _whole(words: str, comparison: Comparison) -> str:
    return f'<tr><td class="left" colspan="{len(comparison.columns) + 1}">{words}</td></tr>'


def _named(key: str) -> str:
    """'distill.temperature' as its name with its step below it; 'prune.' as a step that not all have."""
    stage, _, knob = key.rpartition(".")
    words = escape(knob.replace("_", " ").capitalize())
    if not knob:
        return f"Step <b>{escape(stage.replace('_', ' '))}</b>"
    return f'{words}<span class="sub">{escape(stage)}</span>' if stage else words


def _setting(value: Any) -> str:
    if value is MISSING:
        return '<span class="mute">no such step</span>'
    if value is None:
        return '<span class="mute">none</span>'
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return significant(value, 4) if abs(value) < 1e6 else f"{value:,}"
    text = str(value)
    return escape(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def comparer_markup() -> str:
    """The frame that assets/modules/comparer.js fills; hidden until something is compared."""
    return f"""
<section class="card" id="run-comparer" aria-labelledby="comparer-title" hidden>
  <div class="run-title"><h2 class="title" id="comparer-title" tabindex="-1">&nbsp;</h2><div class="buttons">
    {pin_button("comparer", hidden=False)}<button type="button" class="act small" id="comparer-close">Close</button></div></div>
  <div id="comparer-message" role="status"></div><div id="comparer-table"></div>
</section>
"""
