"""Runs: the queue and the history, and the chosen run as it happens."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pydantic import Field

from kdui.catalogue.problems import PROBLEMS
from kdui.catalogue.tasks import TASKS
from kdui.charts.live import curve_points, live_figure
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError, RunUnreadable, UnknownName
from kdui.core.metric import ACCURACY
from kdui.core.page_rows import RunDetail
from kdui.core.plain import Frozen
from kdui.core.run import Event, Run, RunState
from kdui.ui import run_view
from kdui.ui.build_address import packed
from kdui.ui.calls import whole
from kdui.ui.chart_frame import pin_button
from kdui.ui.downloads import downloads_html
from kdui.ui.panel import Call, create_panel, options, task_options
from kdui.ui.run_alerts import AlertCalls, alerts_menu
from kdui.ui.run_comparer import ComparerCalls, comparer_markup
from kdui.ui.run_family import FamilyCalls, family_markup
from kdui.ui.run_lineage import LineageCalls, lineage_markup
from kdui.ui.run_marks import MarkCalls, marks_markup
from kdui.ui.run_table import page_html
from kdui.ui.saved_views import ViewCalls, views_menu
from kdui.ui.which_runs import of_both, which_bar
from kdui.workbench.recorded import RecordedWorkbench
from kdui.workbench.replay import moment

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

PAGE_SIZE = 25
ALL_TASKS = (("", "All tasks"),)
SPEEDS = options([(str(speed), f"{speed}×") for speed in (1, 2, 5, 10, 20, 50, 100)], "10")


class Asked(Frozen):
    """What the browser wants to see of the table."""

    state: RunState | None = None
    task: str | None = None
    text: str = Field(default="", max_length=200)
    page: int = Field(default=1, ge=1, le=1_000_000)
    chosen: str = ""


def create_runs(workbench: "Workbench") -> None:
    """The table on the left, the chosen run on the right; both are asked for while the tab is looked at."""
    create_panel("runs", which_bar("runs", workbench) + markup(workbench.tasks()), of_both(run_calls, workbench))


def run_calls(workbench: "Workbench") -> list[Call]:
    """All that the browser can ask of Runs."""
    calls = RunCalls(workbench)
    offered: list[Call] = [calls.run_table, calls.run_detail, calls.run_act, MarkCalls(workbench).run_marks]
    offered += [ComparerCalls(workbench).run_compare, LineageCalls(workbench).run_lineage, ViewCalls(workbench).saved_views]
    families = FamilyCalls(workbench)
    return [*offered, AlertCalls(workbench).run_alerts, families.run_family, families.run_family_act, families.run_family_csv]


class RunCalls:
    """What the browser can ask about runs."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench
        self.recorded = isinstance(workbench, RecordedWorkbench)

    def run_table(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """One page of the table as HTML."""
        wish = Asked.model_validate({key: value for key, value in payload.items() if value not in ("", None)})
        tasks = self.workbench.tasks()
        titles = {task.name: task.title for task in tasks}
        wanted = {"state": wish.state, "task": wish.task, "text": wish.text, "page": wish.page}
        page = self.workbench.runs(**wanted, size=PAGE_SIZE, queue_first=True, fold=True)
        filtered = bool(wish.state or wish.task or wish.text)
        waiting = [row.id for row in page.rows if row.state is RunState.QUEUED]
        first = next((row.id for row in page.rows if row.state is not RunState.QUEUED), waiting[0] if waiting else "")
        return {
            "html": page_html(page, titles, wish.chosen, filtered),
            "total": page.total,
            "first": first,
            "tasks": task_options(tasks, ALL_TASKS),
        }

    def run_detail(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The chosen run; curves only from the events after ``cursor``."""
        run_id = str(payload["run"])
        try:
            detail = self.workbench.run(run_id)
        except UnknownName:
            gone = "This run was deleted." if payload.get("known") else f"There is no run '{run_id}' here: it was deleted."
            return {"error": gone}
        except RunUnreadable as problem:
            return {**run_view.unreadable(run_id, str(problem)), "log": self.workbench.log_tail(run_id)}
        if payload.get("replay") is not None:
            return self._replayed(detail, float(whole(payload, "replay")) / 1000)
        events, cursor = self.workbench.events(run_id, whole(payload, "cursor"))
        return {**self._shown(detail, events), "log": self.workbench.log_tail(run_id), "cursor": cursor}

    def _replayed(self, detail: RunDetail, at: float) -> dict[str, Any]:
        """The run as it stood ``at`` seconds after it began to work; all of its curves until then."""
        then = moment(detail, self.workbench.events(detail.run.id)[0], at)
        shown = self._shown(then.detail, list(then.events))
        return {**shown, "actions": "", "log": then.log, "cursor": 0, "at": then.at, "total": then.total}

    @staticmethod
    def _watched(task: str) -> str:
        """What is read on validation data after an epoch, where it is not the headline metric."""
        watched = PROBLEMS[TASKS[task].problem].watched if task in TASKS else None
        return watched.noun if watched else ""

    def _shown(self, detail: RunDetail, events: list[Event]) -> dict[str, Any]:
        run, task = detail.run, detail.run.recipe.task
        title, headline = (TASKS[task].title, TASKS[task].headline) if task in TASKS else (task, ACCURACY)
        return {
            "run": run.id,
            "state": run.state,
            "head": run_view.head_html(run, title),
            "actions": run_view.actions_html(run, detail.results, self._link(run) if self.recorded else ""),
            "strip": run_view.strip_html(run.steps, over=run.state.is_final),
            "results": run_view.unlearned_html(detail.unlearned)
            + run_view.gain_html(detail.gain, headline)
            + run_view.results_html(detail.results, headline)
            + ("" if self.recorded else downloads_html(run, detail.results, detail.packages))
            + run_view.findings_html(detail.findings),
            "recipe": run_view.recipe_html(detail),
            "curves": curves(run, events, self._watched(task) or headline.unit),
        }

    @staticmethod
    def _link(run: Run) -> str:
        """Where its recipe is opened: among the person's own, with the page loaded anew."""
        return "./?" + urlencode({"tab": "build", "recipe": packed(None, run.recipe)})

    def run_act(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel, resume, delete or move a run."""
        run_id, action = str(payload["run"]), payload["act"]
        if action == "move":
            self.workbench.move(run_id, 1 if whole(payload, "places") > 0 else -1)
        elif action in ("cancel", "resume", "delete"):
            getattr(self.workbench, action)(run_id)
        else:
            raise RecipeError(f"'{action}' can't be done to a run. Known: cancel, resume, delete, move.")
        return {"done": action}


def curves(run: Run, events: list[Any], unit: str) -> dict[str, Any]:
    """Both live charts of these events as Plotly JSON; empty where there is nothing new."""
    points = curve_points(events)
    labels, roles = run_view.curve_labels(run.steps)
    units = {"loss": "loss", "metric": f"validation, {unit}" if unit else "validation"}
    return {
        kind: live_figure(points, kind, labels, roles, title).to_json(remove_uids=False)
        for kind, title in units.items()
        if (points["kind"] == kind).any()
    }


# What is asked before something is deleted.
DIALOGS = """<dialog id="run-dialog" aria-labelledby="run-dialog-text"><p id="run-dialog-text"></p>
  <form method="dialog" class="buttons"><button class="act" value="no" id="run-keep">Keep it</button>
  <button class="act danger" value="yes" id="run-delete-sure">Delete for good</button></form></dialog>
<dialog id="family-dialog" aria-labelledby="family-dialog-text"><p id="family-dialog-text">Delete all runs of this family?
  This permanently deletes their logs, curves and results.</p>
  <form method="dialog" class="buttons"><button class="act" value="no">Keep them</button>
  <button class="act danger" value="yes" id="family-delete-sure">Delete for good</button></form></dialog>
"""


def markup(tasks: list[TaskFacts]) -> str:
    """The frame that assets/modules/runs.js fills."""
    states = [("", "All states"), *((state.value, state.value.capitalize()) for state in RunState)]
    return f"""
{comparer_markup()}
<div class="split">
  <section class="card" aria-label="Runs">
    <div class="filters">
      <label class="field"><span>State</span><select id="runs-state">{options(states)}</select></label>
      <label class="field"><span>Task</span><select id="runs-task">{task_options(tasks, ALL_TASKS)}</select></label>
      <label class="field grow"><span>Find</span>
        <input id="runs-text" type="search" placeholder="name, model, tag or id" autocomplete="off"></label>
      {views_menu("runs")}{alerts_menu()}
    </div>
    <div id="runs-chosen" role="status"></div>
    <div id="runs-table" aria-live="off"></div>
  </section>
  <section class="card" id="run-view" aria-label="Chosen run">
    <div id="run-empty" class="empty">Choose a run to see its stages, curves and results.</div>
    {family_markup()}
    <div id="run-shown" hidden>
      <div id="run-head"></div>
      <div id="run-message" role="status"></div>
      <div id="run-actions" class="buttons"></div>
      {_replay_markup()}
      {marks_markup()}
      <div id="run-strip"></div>
      {lineage_markup()}
      <div class="curves" id="run-curves" hidden>
        <figure><figcaption>Training loss {pin_button("loss", hidden=False)}</figcaption>
          <div class="plot" id="run-loss"></div></figure>
        <figure><figcaption>On validation data {pin_button("metric", hidden=False)}</figcaption>
          <div class="plot" id="run-metric"></div></figure>
        <div class="legend" id="run-legend"></div>
      </div>
      <h2 class="label">Results <span class="buttons">{pin_button("results", hidden=False)}
        <button type="button" class="act small pin" data-pin="finding">Pin the finding</button></span></h2>
      <div id="run-results"></div>
      <details class="fold" id="run-log-fold"><summary>Log</summary>
        <pre class="code log" id="run-log" tabindex="0"></pre></details>
      <details class="fold" id="run-recipe-fold"><summary>Recipe and command</summary>
        <div id="run-recipe"></div></details>
    </div>
  </section>
</div>
{DIALOGS}"""


def _replay_markup() -> str:
    """What moves a replayed run through its time."""
    return f"""<div id="run-replay" role="group" aria-label="Replay" hidden><b class="badge replayed">replayed</b>
        <button type="button" class="act small" id="replay-turn">Pause</button>
        <input type="range" id="replay-at" aria-label="Moment of the run" min="0" max="1000" value="0">
        <label class="field"><span class="sr-only">Speed</span><select id="replay-speed">{SPEEDS}</select></label>
        <button type="button" class="quiet" id="replay-end">End the replay</button></div>"""
