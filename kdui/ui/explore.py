"""Explore: the trade-off of a task's models, a budget that names the best one, and all of them in a table."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from kdui.charts.between import between
from kdui.charts.findings import latency_drift, unlearned
from kdui.charts.narrowing import narrowed
from kdui.charts.numbers import QUANTITIES
from kdui.charts.pareto import pareto_figure
from kdui.charts.repeats import merge_repeats
from kdui.core.contracts import TaskFacts
from kdui.core.errors import UnknownName
from kdui.ui import explore_view
from kdui.ui.chart_frame import download_menu, pin_button
from kdui.ui.explore_evidence import EvidenceCalls, evidence_markup
from kdui.ui.explore_gains import GainCalls, gains_markup
from kdui.ui.explore_linked import LinkedCalls, all_tasks_markup, kept_html, parallel_markup
from kdui.ui.explore_sensitivity import LayerCalls, layers_markup
from kdui.ui.explore_view import Wish
from kdui.ui.kept_answers import KeptAnswers
from kdui.ui.panel import Call, create_panel, options, task_options
from kdui.ui.running_html import running_html
from kdui.ui.saved_views import ViewCalls, views_menu
from kdui.ui.which_runs import of_both, which_bar

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

AXES = [
    ("latency_ms", "Latency p50, ms"),
    ("token_ms", "Decode speed, tokens/s"),
    ("download_mb", "Download, MB"),
    ("parameters", "Parameters"),
    ("macs", "Multiply-adds"),
]
MOST_VIEWS = 16  # kept, of a megabyte each where a task has thousands of models
DRIFT = 1.15  # a machine's smaller changes of speed are not worth a word
EMPTY = (
    '<b>Nothing measured on this task yet.</b><br>Queue a run in <a href="?tab=build">Build</a>, or watch one in '
    '<a href="?tab=runs">Runs</a>: its teacher, student and compressed models appear here as soon as they are measured. '
    'Or look at <a href="./?tab=explore&amp;runs=recorded">recorded runs</a> ⟲.'
)


def create_explore(workbench: "Workbench") -> None:
    """Chart and table on the left, budget on the right."""
    create_panel("explore", which_bar("explore", workbench) + markup(workbench.tasks()), of_both(explore_calls, workbench))


def explore_calls(workbench: "Workbench") -> list[Call]:
    """All that the browser can ask of Explore."""
    calls = ExploreCalls(workbench)
    gains, layers = GainCalls(workbench), LayerCalls(workbench)
    offered: list[Call] = [calls.explore_view, calls.explore_csv, calls.explore_start, gains.explore_gains]
    offered += [gains.explore_gains_csv, layers.explore_layers, layers.explore_layers_csv]
    evidence = EvidenceCalls(workbench)
    offered += [evidence.explore_evidence, evidence.explore_evidence_csv]
    linked = LinkedCalls(calls)
    offered += [linked.explore_parallel, linked.explore_tasks, linked.explore_linked_csv, ViewCalls(workbench).saved_views]
    return offered


def usual_axis(models: pd.DataFrame) -> str:
    """What is drawn before somebody chooses: models that generate text are told apart by how fast they do."""
    return "token_ms" if _has(models, "token_ms") else AXES[0][0]


def _has(models: pd.DataFrame, name: str) -> bool:
    return bool((models[name].astype(float) > 0).any())


def drawable(models: pd.DataFrame, wished: str) -> str:
    """The wished axis, or where no model has a number on it the first one that can be drawn: studies may leave speed out."""
    axes = [wished, *(name for name, _ in AXES)]
    return next((name for name in axes if _has(models, name)), wished)


def missing_words(missing: int, wished: str, drawn: str) -> str:
    """What the chart leaves out."""
    words = f"{missing:,} without a known {QUANTITIES[drawn][0]} are in the table only." if missing else ""
    if drawn == wished:
        return words
    return f"No model here has a known {QUANTITIES[wished][0]}, so {QUANTITIES[drawn][0]} is drawn. {words}".strip()


def drift_words(drift: float, drawn: str) -> str:
    """What a reader of latencies must know where models were timed while the machine was not equally fast."""
    if drawn != "latency_ms" or drift <= DRIFT:
        return ""
    changed = f"Machine speed varied by {100 * (drift - 1):.0f} % between these runs"
    return f"{changed}. Compare speed-ups, not latencies: they were timed alternately with the teacher."


class Merged(NamedTuple):
    """A task's points, one row a model, the settings worth a column, where each run's points stand, how speed drifted, and the
    ends of the budget's sliders."""

    points: pd.DataFrame
    models: pd.DataFrame
    settings: list[str]
    by_run: Mapping[str, Any]
    drift: float
    all_settings: list[str]
    ranges: dict[str, list[float]]


class ExploreCalls:
    """What the browser can ask about measured models."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench
        self._merged: dict[str, Merged] = {}
        self._views = KeptAnswers(MOST_VIEWS)
        self._tables = KeptAnswers(1)

    def explore_start(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """All tasks, and the one to begin with: that of the newest run that has results, else the first."""
        tasks = self.workbench.tasks()
        recent = [row.task for row in self.workbench.runs(state="succeeded", size=1).rows]
        return {"task": next(iter([*recent, *(task.name for task in tasks)]), ""), "tasks": task_options(tasks)}

    def explore_view(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Chart, budget card and table in one answer."""
        wish = Wish.model_validate(payload)
        facts = self._task(wish.task)
        merged = self._models(wish.task, self.workbench.points(wish.task))
        if merged.models.empty:  # never kept: what is running changes without a new point
            return {"empty": running_html(self.workbench.running_now(facts.name), EMPTY)}
        return self._views.answer(merged.points, wish.model_dump_json(), lambda: self._view(wish, merged))

    def _view(self, wish: Wish, merged: Merged) -> dict[str, Any]:
        facts = self._task(wish.task)
        points, everyone, settings, by_run, drift, all_settings, ranges = merged
        models = narrowed(everyone, wish.narrow, facts.headline)
        pair = between(self.workbench.paired, facts.headline, facts.splits["test"])
        wished = wish.x or usual_axis(everyone)
        budget, metric, x = wish.budget, facts.headline, drawable(everyone, wished)
        figure = pareto_figure(models, x=x, metric=metric, task=facts.title, budget=budget, settings=settings, facts=facts)
        missing = figure.layout.meta["missing"]
        return {
            "figure": figure.to_json(),
            "title": figure.layout.title.text,
            "subtitle": figure.layout.title.subtitle.text,
            "x": x,
            "axes": [name for name, _ in AXES if name != "token_ms" or _has(models, name)],
            "missing": " ".join(filter(None, (missing_words(missing, wished, x), drift_words(drift, x)))),
            "winner": explore_view.winner_html(models, budget, metric, facts, pair),
            "gain": ""
            if unlearned(models, facts)
            else explore_view.gain_html(points, by_run, models, budget, facts, self.workbench.paired),
            "narrowed": kept_html(wish.narrow, len(models), len(everyone), setting_titles(all_settings, metric)),
            "ranges": ranges,
            "front": explore_view.front_html(models, x, metric),
            "table": explore_view.table_html(models, settings, metric, wish),
        }

    def of_task(self, name: str) -> tuple[TaskFacts, Merged]:
        """A task and its models, for the views beside this one."""
        return self._task(name), self._models(name, self.workbench.points(name))

    def drawn_axis(self, models: pd.DataFrame, wished: str) -> str:
        """The cost that is drawn for a wish."""
        return drawable(models, wished or usual_axis(models))

    def explore_csv(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """All points of a task as CSV text."""
        task = self._task(str(payload["task"])).name
        points = self.workbench.points(task)
        text = self._tables.answer(points, task, lambda: explore_view.csv_text(points))
        return {"name": f"kdui-{task}.csv", "csv": text}

    def _task(self, name: str) -> TaskFacts:
        tasks = {task.name: task for task in self.workbench.tasks()}
        if name not in tasks:
            raise UnknownName("task", name, tasks)
        return tasks[name]

    def _models(self, task: str, points: pd.DataFrame) -> Merged:
        """What the workbench's points come to; worked out again only for other ones."""
        kept = self._merged.get(task)
        if kept is None or kept.points is not points:
            models = merge_repeats(points)
            models["label"] = models["label"].astype("category")  # many models share a name: sorted once, not at every look
            differing = explore_view.differing(models)
            settings = differing[: explore_view.MOST_SETTINGS]
            places = points.groupby("run", sort=False).indices
            kept = self._merged[task] = Merged(
                points, models, settings, places, latency_drift(models), differing, slider_ranges(models)
            )
        return kept


def setting_titles(settings: list[str], metric: Any) -> dict[str, str]:
    """What settings and columns are called where the views are narrowed to them."""
    named = {key: key.replace("_", " ").replace(".", " ") for key in settings}
    return {**named, **{name: title for name, (title, _) in QUANTITIES.items()}, "headline": metric.title}


def slider_ranges(models: pd.DataFrame) -> dict[str, list[float]]:
    """Ends of the budget sliders, rounded outwards to two digits so that the ends let everything through."""
    ranges = {}
    for column in ("latency_ms", "download_mb"):
        values = models[column][(models[column] > 0) & models[column].notna()].astype(float)
        if len(values):
            ranges[column] = [_outward(float(values.min()), math.floor), _outward(float(values.max()), math.ceil)]
    kept = models["retained"].dropna()
    if len(kept):
        ranges["retained"] = [float(math.floor(kept.min())), max(100.0, float(math.ceil(kept.max())))]
    return ranges


def _outward(value: float, rounding: Any) -> float:
    scale = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(f"{rounding(value / scale) * scale:.6g}")


def markup(tasks: list[TaskFacts]) -> str:
    """The frame that assets/modules/explore.js fills."""
    choices = task_options(tasks)
    return f"""
<div id="explore-empty" class="card" hidden><div class="filters"><label class="field"><span>Task</span>
  <select data-task aria-label="Task">{choices}</select></label></div><div class="empty"></div></div>
<div id="explore-shown">
  <div class="main-budget">
    <div class="explore-main">
    <section class="card" aria-labelledby="explore-title">
      <h2 class="title" id="explore-title" aria-live="polite">&nbsp;</h2>
      <p class="lead" id="explore-subtitle">&nbsp;</p>
      <div id="explore-narrowed"></div>
      <div class="plot" id="explore-chart" role="img" aria-label="Chart of the models"
        aria-labelledby="explore-title explore-subtitle"></div>
      <div id="explore-front" hidden></div>
      <div class="under"><span class="mute" id="explore-missing"></span>
        <button type="button" class="act small" id="explore-brush" aria-pressed="false"
          title="Drag a rectangle over the chart: what lies inside is kept in every view">Keep by dragging</button>
        {views_menu("explore")}{pin_button("pareto", hidden=False)}{download_menu()}</div>
    </section>
    {parallel_markup()}
    </div>
    <section class="card budget" aria-label="Budget">
      <h2 class="label">Chart</h2>
      <label class="field"><span>Task</span><select data-task id="explore-task">{choices}</select></label>
      <label class="field"><span>Horizontal axis</span><select id="explore-x">{options(AXES)}</select></label>
      <h2 class="label">Budget</h2>
      {_sliders()}
      <label class="slide"><span>Best by result<output id="out-best">all models</output></span>
        <input type="range" id="explore-best" min="0" max="100" step="1" value="100" aria-label="Keep the best percent"></label>
      <div id="explore-winner"></div>
      <div id="explore-gain"></div>
      <div class="buttons">{pin_button("best", hidden=False)}</div>
    </section>
  </div>
  {all_tasks_markup()}
  {gains_markup()}
  {evidence_markup()}
  {layers_markup()}
  <section class="card" id="explore-models" aria-label="Models"><h2 class="label">Models {pin_button("models", hidden=False)}</h2>
    <div id="explore-chosen" role="status"></div><div id="explore-table"></div></section>
</div>
<div id="explore-message"></div>
"""


def _sliders() -> str:
    """The limits of the budget."""
    limits = (("latency_ms", "Latency at most"), ("download_mb", "Download at most"), ("retained", "Retained at least"))
    return "".join(_slider(name, title) for name, title in limits)


def _slider(name: str, title: str) -> str:
    open_end = 0 if name == "retained" else 100
    return (
        f'<label class="slide"><span>{title}<output id="out-{name}">no limit</output></span>'
        f'<input type="range" id="limit-{name}" data-limit="{name}" min="0" max="100" step="1" value="{open_end}"></label>'
    )
