"""Runs: the queue and the history, and the chosen run as it happens."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from kdui.catalogue.tasks import TASKS
from kdui.charts.live import curve_points, live_figure
from kdui.core.contracts import TaskFacts
from kdui.core.errors import RecipeError, RunUnreadable, UnknownName
from kdui.core.metric import ACCURACY
from kdui.core.plain import Frozen
from kdui.core.run import Run, RunState
from kdui.ui import run_view
from kdui.ui.calls import whole
from kdui.ui.chart_frame import pin_button
from kdui.ui.downloads import downloads_html
from kdui.ui.panel import create_panel, options, task_options
from kdui.ui.run_table import page_html

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

PAGE_SIZE = 25
ALL_TASKS = (("", "All tasks"),)


class Asked(Frozen):
    """What the browser wants to see of the table."""

    state: RunState | None = None
    task: str | None = None
    text: str = Field(default="", max_length=200)
    page: int = Field(default=1, ge=1)
    chosen: str = ""


def create_runs(workbench: "Workbench") -> None:
    """The table on the left, the chosen run on the right; both are asked for while the tab is looked at."""
    calls = RunCalls(workbench)
    create_panel("runs", markup(workbench.tasks()), [calls.run_table, calls.run_detail, calls.run_act])


class RunCalls:
    """What the browser can ask about runs."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench

    def run_table(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """One page of the table as HTML."""
        wish = Asked.model_validate({key: value for key, value in payload.items() if value not in ("", None)})
        tasks = self.workbench.tasks()
        titles = {task.name: task.title for task in tasks}
        wanted = {"state": wish.state, "task": wish.task, "text": wish.text, "page": wish.page}
        page = self.workbench.runs(**wanted, size=PAGE_SIZE, queue_first=True)
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
        run: Run = detail.run
        events, cursor = self.workbench.events(run_id, whole(payload, "cursor"))
        task = run.recipe.task
        title, headline = (TASKS[task].title, TASKS[task].headline) if task in TASKS else (task, ACCURACY)
        return {
            "run": run.id,
            "state": run.state,
            "head": run_view.head_html(run, title),
            "actions": run_view.actions_html(run, detail.results),
            "strip": run_view.strip_html(run.steps),
            "results": run_view.unlearned_html(detail.unlearned)
            + run_view.gain_html(detail.gain, headline)
            + run_view.results_html(detail.results, headline)
            + downloads_html(run, detail.results, detail.packages)
            + run_view.findings_html(detail.findings),
            "recipe": run_view.recipe_html(detail),
            "log": self.workbench.log_tail(run_id),
            "cursor": cursor,
            "curves": curves(run, events, headline.unit),
        }

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


def markup(tasks: list[TaskFacts]) -> str:
    """The frame that assets/modules/runs.js fills."""
    states = [("", "All states"), *((state.value, state.value.capitalize()) for state in RunState)]
    return f"""
<div class="split">
  <section class="card" aria-label="Runs">
    <div class="filters">
      <label class="field"><span>State</span><select id="runs-state">{options(states)}</select></label>
      <label class="field"><span>Task</span><select id="runs-task">{task_options(tasks, ALL_TASKS)}</select></label>
      <label class="field grow"><span>Find</span>
        <input id="runs-text" type="search" placeholder="name, model or id" autocomplete="off"></label>
    </div>
    <div id="runs-table" aria-live="off"></div>
  </section>
  <section class="card" id="run-view" aria-label="Chosen run">
    <div id="run-empty" class="empty">Choose a run to see its stages, curves and results.</div>
    <div id="run-shown" hidden>
      <div id="run-head"></div>
      <div id="run-message" role="status"></div>
      <div id="run-actions" class="buttons"></div>
      <div id="run-strip"></div>
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
<dialog id="run-dialog" aria-labelledby="run-dialog-text"><p id="run-dialog-text"></p>
  <form method="dialog" class="buttons"><button class="act" value="no" id="run-keep">Keep it</button>
  <button class="act danger" value="yes" id="run-delete-sure">Delete for good</button></form></dialog>
"""
