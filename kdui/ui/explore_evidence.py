"""Explore's evidence on one run: the charts of ``kdui/charts/evidence``, under the questions that they answer."""

import json
import math
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from kdui.charts.evidence_chart import CHARTS, EvidenceChart, Look, Slider, controls, in_order
from kdui.charts.findings import unlearned
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.plain import Frozen
from kdui.ui.chart_frame import chart_frame
from kdui.ui.exports import spreadsheet_csv
from kdui.ui.panel import options

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

MOST_RUNS = 30


class EvidenceWish(Frozen):
    """What the browser wants to see; an empty run is the newest measured one. ``chosen``: what the charts' lists and sliders
    say, by name."""

    task: str
    run: str = ""
    chosen: dict[str, str] = {}

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> "EvidenceWish":
        """From a flat mapping; raises UnknownName for a list that no chart has."""
        own = {key: value for key, value in payload.items() if key in ("task", "run")}
        chosen = {key: value for key, value in payload.items() if key not in own}
        lists = controls()
        if unknown := next((key for key in chosen if key not in lists), None):
            raise UnknownName("choice", unknown, lists)
        return cls.model_validate({**own, "chosen": chosen})


class EvidenceCalls:
    """What the browser can ask about the models of one run."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def explore_evidence(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """All charts of a run, and what there is to choose from, in one answer."""
        wish = EvidenceWish.of(payload)
        task, runs, run = self._chosen(wish)
        frames = self.workbench.evidence(run) if run else {}
        about = f"{task.title} · {dict(runs).get(run, '')}"
        warning = self._unlearned(task, run)
        answer: dict[str, Any] = _choices("run", runs, run)
        for chart in in_order():
            whole = frames.get(chart.frame, pd.DataFrame())
            rows = chart.rows(whole) if len(whole) else whole
            chosen = ""
            if chart.choice:
                known = chart.choice.values(rows) if len(rows) else []
                wished = wish.chosen.get(chart.choice.name, "")
                chosen = wished if wished in dict(known) else chart.choice.start(rows) if known else ""
                answer |= _choices(chart.choice.name, known, chosen)
            bound = 0.0
            if chart.slider:
                answer[chart.slider.name] = bound = bound_of(chart.slider, wish.chosen.get(chart.slider.name, ""))
            look = Look(about, task.headline, chosen, bound)
            drawn = _drawn(chart, rows, look)
            if warning and chart.of_quality and "figure" in drawn:
                drawn["title"] = warning
            if chart.lines:
                drawn["text"] = _listed(chart.lines(whole, look) if len(whole) else [])
            answer[chart.name] = drawn
        return answer

    def explore_evidence_csv(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The rows behind one of the charts, nothing rounded."""
        wish = EvidenceWish.of({key: value for key, value in payload.items() if key != "of"})
        chart = CHARTS[str(payload.get("of", "flips"))]
        task, _, run = self._chosen(wish)
        frame = self.workbench.evidence(run)[chart.frame] if run else pd.DataFrame()
        return {"name": f"kdui-{task.name}-{chart.name}.csv", "csv": spreadsheet_csv(frame)}

    def _unlearned(self, task: TaskFacts, run: str) -> str:
        """Of a run whose models have learned nothing, that sentence: it takes the place of titles that mention their quality."""
        points = self.workbench.points(task.name)
        if points.empty or not run:
            return ""
        rows = points[points["run"] == run].rename(columns={"headline_low": "low", "headline_high": "high"})
        return unlearned(rows, task)

    def _chosen(self, wish: EvidenceWish) -> tuple[TaskFacts, list[tuple[str, str]], str]:
        """The task, its measured runs (id, name), newest first, and the chosen one's id; empty where nothing was measured."""
        tasks = {task.name: task for task in self.workbench.tasks()}
        if wish.task not in tasks:
            raise UnknownName("task", wish.task, tasks)
        points = self.workbench.points(wish.task)
        if points.empty:
            return tasks[wish.task], [], ""
        newest = points.drop_duplicates("run").sort_values("created", ascending=False, kind="stable")
        named = [(run, f"{name} · {run}") for run, name in zip(newest["run"], newest["run_name"], strict=True)]
        runs = [pair for number, pair in enumerate(named) if number < MOST_RUNS or pair[0] == wish.run]
        known = dict(runs)
        return tasks[wish.task], runs, wish.run if wish.run in known else runs[0][0]


def bound_of(slider: Slider, wished: str) -> float:
    """What a slider says, where it begins without a wish; raises RecipeError for what it cannot say."""
    try:
        value = float(wished) if wished else slider.start
    except ValueError:
        value = math.nan
    if not 0 <= value <= slider.most:
        raise RecipeError(f"'{slider.name}' is a number from 0 to {slider.most:g}.")
    return value


def _choices(name: str, known: list[tuple[str, str]], chosen: str) -> dict[str, str]:
    """The chosen value and the options of a select; no options where there is nothing to choose."""
    return {name: chosen, f"{name}-options": options(known, chosen) if len(known) > 1 else ""}


def _drawn(chart: EvidenceChart, rows: pd.DataFrame, look: Look) -> dict[str, Any]:
    """A chart with its title, or what to do to get one."""
    if rows.empty:
        return {"title": chart.empty, "note": chart.remedy}
    figure = chart.draw(rows, look)
    title = figure.layout.title
    return {"figure": figure.to_json(), "title": title.text, "subtitle": title.subtitle.text, "height": figure.layout.height}


def _listed(lines: list[str]) -> str:
    """Sentences as list items."""
    return "".join(f"<li>{escape(line)}</li>" for line in lines)


def evidence_markup() -> str:
    """The frame that assets/modules/evidence.js fills."""
    charts = in_order()
    questions = dict.fromkeys(chart.question for chart in charts)
    groups = "".join(
        f'<details class="fold group"{"" if place else " open"}><summary><h3>{escape(question)}</h3></summary>'
        f'<div class="evidence-charts">{"".join(_frame(chart) for chart in charts if chart.question == question)}</div></details>'
        for place, question in enumerate(questions)
    )
    words = escape(json.dumps({chart.name: chart.word for chart in charts}))
    return f"""
  <section class="card evidence" id="evidence" aria-labelledby="evidence-label" data-words="{words}">
    <div class="bought-head"><h2 class="label" id="evidence-label">Evidence on one run</h2>
      {_select("run", "Run")}</div>
    <div id="evidence-message"></div>
    {groups}
    <details class="fold evidence-none" id="evidence-none" hidden><summary></summary><div></div></details>
  </section>"""


def _frame(chart: EvidenceChart) -> str:
    control = _select(chart.choice.name, chart.choice.title) if chart.choice else ""
    control += _slider(chart.slider) if chart.slider else ""
    return chart_frame(chart.name, control, text=chart.lines is not None, heading="h4")


def _select(name: str, title: str) -> str:
    select = f'<select id="evidence-{name}" data-choice="{name}"></select>'
    return f'<label class="field" hidden><span>{escape(title)}</span>{select}</label>'


def _slider(slider: Slider) -> str:
    return (
        f'<label class="slide" for="evidence-{slider.name}"><span>{escape(slider.title)}'
        f'<output id="out-evidence-{slider.name}">{slider.start:g} {escape(slider.unit)}</output></span>'
        f'<input type="range" id="evidence-{slider.name}" data-choice="{slider.name}" data-unit="{escape(slider.unit)}" min="0" '
        f'max="{slider.most:g}" step="{slider.step:g}" value="{slider.start:g}"></label>'
    )
