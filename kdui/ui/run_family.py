"""The chosen family: how far it is, what it found as a map and as parallel coordinates, its runs, and its buttons."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from kdui.catalogue.tasks import TASKS
from kdui.charts.narrowing import Narrow
from kdui.charts.numbers import quantity
from kdui.charts.parallel import parallel_figure
from kdui.charts.sweep_map import sweep_figure, title_of
from kdui.core.errors import RecipeError
from kdui.core.family import KIND_WORDS, Family, FamilyState, Member
from kdui.core.measurement import Origin
from kdui.core.metric import Metric
from kdui.core.page_rows import FamilyRow
from kdui.core.people import owns
from kdui.core.run import RunState
from kdui.ui.build_actions import knob_values
from kdui.ui.calls import whole
from kdui.ui.chart_frame import chart_frame
from kdui.ui.explore_linked import told
from kdui.ui.exports import spreadsheet_csv
from kdui.ui.panel import options
from kdui.ui.run_table import badge, family_badge, track_html
from kdui.ui.run_view import NOT_OWN
from kdui.ui.search_view import found_chart, found_html
from kdui.workbench.families.control import axes_of, base_of
from kdui.workbench.families.rows import family_row, made_models, metric_of
from kdui.workbench.recorded import RecordedWorkbench

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

NOTHING = "Nothing of it is measured yet: results appear here as they come."
NO_MAP = "A map needs a setting of two to sixteen values."
NO_LINES = "Parallel coordinates need two measured runs that differ in a setting."
MOST_ROWS = 200
ACTS = ("pause", "resume", "cancel", "delete", "extend")


class FamilyCalls:
    """What the browser can ask of one family."""

    def __init__(self, workbench: "Workbench"):
        self.bench = workbench
        self.recorded = isinstance(workbench, RecordedWorkbench)

    def run_family(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Where it stands, with its charts and its table."""
        family = self.bench.store.families.get(str(payload["family"]))
        row, models = family_row(self.bench.store, family.id), self._models(family)
        metric = metric_of(family.task)
        about = TASKS[family.task].title if family.task in TASKS else family.task
        return {
            "family": family.id,
            "head": head_html(family, row, about),
            "actions": "" if self.recorded else actions_html(family, row),
            "extend": "" if self.recorded else _settings(family),
            "found": found_html(self.bench, family),
            "map": found_chart(self.bench, family, about) if family.kind == "search" else _map(family, models, metric, about),
            "lines": _lines(family, models, metric, about),
            "table": self._table(family, models, metric),
            "settled": row.finished == row.total and (family.kind != "search" or family.state is not FamilyState.ACTIVE),
        }

    def run_family_act(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Pause, resume, cancel, extend or delete it."""
        key, act = str(payload["family"]), payload["act"]
        if act not in ACTS:
            raise RecipeError(f"'{act}' can't be done to a family. Known: {', '.join(ACTS)}.")
        if act != "extend":
            getattr(self.bench.families, act)(key)
            return {"done": act}
        family = self.bench.store.families.get(key)
        count = whole(payload, "count")
        if family.kind == "search":
            if count < 1:
                raise RecipeError("Give the search at least one more minute.")
            self.bench.searches.extend(key, count)
            return {"done": f"{count} min added"}
        values = {} if family.kind == "random" else self._more(family, payload)
        added = self.bench.families.extend(key, values, count)
        return {"done": f"{added} {'run' if added == 1 else 'runs'} added"}

    @staticmethod
    def _more(family: Family, payload: Mapping[str, Any]) -> dict[str, list[Any]]:
        name, text = str(payload.get("setting") or ""), str(payload.get("values") or "")
        return knob_values(base_of(family), name, text)

    def run_family_csv(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Its models with a column a setting, nothing rounded."""
        family = self.bench.store.families.get(str(payload["family"]))
        models = self._models(family)
        settings = pd.DataFrame(models["settings"].tolist(), index=models.index)
        own = models[["run", "label", "role", "headline", "low", "high", "latency_ms", "download_mb", "parameters"]]
        return {"name": f"kdui-{family.task}-{family.id}.csv", "csv": spreadsheet_csv(pd.concat([own, settings], axis=1))}

    def _models(self, family: Family) -> pd.DataFrame:
        """The measured model of each member, with the values that the member has."""
        values = {member.number: member.values for member in self.bench.store.families.members(family.id)}
        rows = [
            {**row, "settings": values[number], "low": row["headline_low"], "high": row["headline_high"]}
            for number, row in made_models(self.bench.store, family.id).items()
        ]
        columns = ["run", "label", "role", "headline", "low", "high", "latency_ms", "packed_mb", "gzip_mb", "parameters"]
        frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*columns, "settings", "number", "origin"])
        frame["download_mb"] = frame["packed_mb"].astype(float).fillna(frame["gzip_mb"].astype(float))
        return frame

    def _table(self, family: Family, models: pd.DataFrame, metric: Metric) -> str:
        members = {member.number: member for member in self.bench.store.families.members(family.id)}
        states = {run.id: run.state for run in map(self.bench.store.runs.facts, filter(None, (m.run for m in members.values())))}
        best = models.assign(rank=models["headline"].astype(float) * metric.sign).sort_values("rank", ascending=False)
        made = {row["number"]: row for row in best.to_dict("records")}
        order = [*made, *(number for number in members if number not in made)]
        names = list(dict.fromkeys(name for member in members.values() for name in member.values))
        heads = "".join(f'<th scope="col">{escape(title_of(name))}</th>' for name in names)
        rows = "".join(_row(members[number], names, made.get(number), states, metric) for number in order[:MOST_ROWS])
        more = f'<p class="sub">The first {MOST_ROWS} of {len(order)}.</p>' if len(order) > MOST_ROWS else ""
        return (
            '<div class="wide"><table class="table results">'
            '<caption class="sr-only">Runs of this family, the best first</caption>'
            f'<thead><tr><th scope="col" class="left">Run</th>{heads}<th scope="col">{escape(metric.title)}</th>'
            f'<th scope="col">Latency p50</th><th scope="col">Download</th></tr></thead><tbody>{rows}</tbody></table></div>{more}'
        )


def _row(member: Member, names: list[str], made: Mapping[str, Any] | None, states: Mapping[str, RunState], metric: Metric) -> str:
    state = states.get(member.run or "")
    mark = "" if state is RunState.SUCCEEDED else badge(state) if state else '<span class="badge">waiting</span>'
    if ended := next((word for word in ("refused", "pruned", "stopped", "known") if word in member.outcome), ""):
        look = "failed" if ended == "refused" else "cancelled" if ended != "known" else "succeeded"
        mark = f'<span class="badge {look}" title="{escape(str(member.outcome[ended]))}">{ended}</span>'
    link, run = f"{member.number + 1}", member.run or member.outcome.get("known")
    if run:
        link = f'<a href="?tab=runs&amp;run={escape(run)}">{link}</a>'
    values = "".join(f'<td class="num">{escape(_value(member.values.get(name)))}</td>' for name in names)
    figures = ["–", "–", "–"]
    if made is not None and made["headline"] == made["headline"] and made["headline"] is not None:
        origin = Origin(made["origin"]).mark
        figures[0] = f"{metric.format(made['headline'])} {origin}"
        figures[1:] = [
            quantity(name, made[name]) if made[name] is not None and made[name] == made[name] else "–"
            for name in ("latency_ms", "download_mb")
        ]
    cells = "".join(f'<td class="num">{escape(figure)}</td>' for figure in figures)
    return f'<tr><th scope="row" class="left">{link} {mark}</th>{values}{cells}</tr>'


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def head_html(family: Family, row: FamilyRow, task_title: str) -> str:
    """Name, kind, state and how much is done."""
    states = " · ".join(f"{count} {state}" for state, count in row.counts.items())
    best = f" · best {escape(row.best)}" if row.best else ""
    held = "Paused: what runs goes on to its end, nothing else starts." if family.state is FamilyState.PAUSED else family.note
    note = f'<div class="note" role="status">{escape(held)}</div>' if held else ""
    return (
        f'<div class="run-title"><h2 class="title">{escape(family.name)}</h2>{family_badge(row)}</div>'
        f'<p class="lead">{escape(family.id)} · {escape(task_title)} · {KIND_WORDS[family.kind]} · {row.finished} of {row.total} '
        f"runs finished ({states}){best}</p>{track_html(row)}{note}"
    )


def actions_html(family: Family, row: FamilyRow) -> str:
    """The buttons that this state and who looks at it allow."""
    if not owns(family.queued_by):
        return NOT_OWN
    wanted = []
    left = row.finished < row.total or family.kind == "search"  # a search goes on by itself
    if family.state is FamilyState.ACTIVE and left:
        wanted.append(("pause", "Pause", ""))
    if family.state in (FamilyState.ACTIVE, FamilyState.PAUSED) and left:
        wanted.append(("cancel", "Cancel all", ""))
    if family.state in (FamilyState.PAUSED, FamilyState.CANCELLED) or (
        family.kind != "search" and (row.counts.get("failed") or row.counts.get("cancelled"))
    ):
        wanted.append(("resume", "Resume", ""))
    if not row.counts.get("running"):
        wanted.append(("delete", "Delete all…", ""))
    return "".join(
        f'<button type="button" class="act" id="family-{act}" data-family-act="{act}"{more}>{words}</button>'
        for act, words, more in wanted
    )


def _settings(family: Family) -> str:
    """The settings whose values can be extended; nothing where further draws are made."""
    if family.kind in ("random", "search"):
        return ""
    names = list(dict.fromkeys([*(axis.name for axis in axes_of(family)), "seed"]))
    return options([(name, title_of(name).capitalize()) for name in names])


def _map(family: Family, models: pd.DataFrame, metric: Metric, about: str) -> dict[str, Any]:
    axes = {axis.name: sorted(axis.values, key=_order) for axis in axes_of(family) if not axis.is_range}
    figure = None if models.empty else sweep_figure(models, axes, metric, about)
    return {"title": "", "note": NOTHING if models.empty else NO_MAP} if figure is None else told(figure)


def _order(value: Any) -> tuple[int, Any]:
    """Numbers in their order, before words in theirs."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (0, value) if is_number else (1, str(value))


def _lines(family: Family, models: pd.DataFrame, metric: Metric, about: str) -> dict[str, Any]:
    names = [axis.name for axis in axes_of(family)]
    figure = (
        None
        if len(models) < 2
        else parallel_figure(models, settings=names, x="latency_ms", metric=metric, narrow=Narrow(), about=about)
    )
    if figure is None:
        return {"title": "", "note": "" if models.empty else NO_LINES}
    return {**told(figure), "subtitle": f"{about} · drag along an axis to mark a range"}


def family_markup() -> str:
    """The frame that assets/modules/family.js fills, in the place of the chosen run."""
    return f"""<div id="family-shown" hidden>
      <div id="family-head"></div>
      <div id="family-message" role="status"></div>
      <div id="family-actions" class="buttons"></div>
      <details class="fold" id="family-extend-fold"><summary>Extend</summary><div class="buttons family-extend">
        <label class="field" id="family-setting-field"><span>Setting</span><select id="family-setting"></select></label>
        <label class="field" id="family-values-field"><span>Further values</span>
          <input type="text" id="family-values" placeholder="8, 16" autocomplete="off"></label>
        <label class="field" id="family-count-field"><span>Further draws, or minutes of a search</span>
          <input type="number" id="family-count" min="1" max="200" value="5"></label>
        <button type="button" class="act" data-family-act="extend">Add runs</button></div></details>
      <div id="family-found"></div>
      {chart_frame("family-map", pin=False)}
      {chart_frame("family-lines", pin=False)}
      <h2 class="label">Runs</h2><div id="family-table"></div>
    </div>"""
