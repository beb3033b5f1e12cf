"""Explore's second question: the gain from distillation, by method and over a grid of temperature and α."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from kdui.charts.gains import gains_figure, gains_title, judged, method_gains, one_a_method, pairs_of
from kdui.charts.grid import Quantity, grid_cells, grid_figure
from kdui.core.contracts import TaskFacts
from kdui.core.errors import UnknownName
from kdui.core.plain import Frozen
from kdui.ui.chart_frame import chart_frame
from kdui.ui.exports import spreadsheet_csv
from kdui.ui.panel import options

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

BETWEEN = " → "
NO_GAIN = (
    "Queue a run with <b>Control run</b> on, over three seeds: its student is then compared with the same student "
    "without a teacher."
)
NO_GRID = (
    'In <a href="?tab=build">Build</a>, open <b>Queue a sweep…</b>, combine values of Temperature and Soft weight α, '
    "with three seeds. Results appear here as they are measured."
)


class GainWish(Frozen):
    """What the browser wants to see: task, pair of models (empty: the one with most methods), and what the heat map shows."""

    task: str
    pair: str = ""
    quantity: Quantity = "value"


class GainCalls:
    """What the browser can ask about gains; worked out once for each state of the points."""

    def __init__(self, workbench: "Workbench"):
        self.workbench = workbench
        self.titles = {method.name: method.title for method in workbench.methods()}
        self._kept: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = {}
        self._answers: dict[GainWish, tuple[pd.DataFrame, dict[str, Any]]] = {}

    def explore_gains(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Both charts and the pairs to choose from in one answer."""
        wish = GainWish.model_validate(payload)
        gains = self._gains(self._task(wish.task))
        kept = self._answers.get(wish)
        if kept is None or kept[0] is not gains:
            kept = self._answers[wish] = (gains, self._answer(wish, gains))
        return kept[1]

    def explore_gains_csv(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The rows behind one of the charts, nothing rounded."""
        task, which = self._task(str(payload["task"])), str(payload.get("of", "gains"))
        gains, _ = self._of_pair(self._gains(task), str(payload.get("pair", "")))
        rows = (
            grid_cells(gains[gains["against"] == "control"])
            if which == "grid"
            else judged(one_a_method(gains), self.workbench.paired)
        )
        named = rows.drop(columns=["settings", "by_seed"]).assign(title=[self._title(method) for method in rows["method"]])
        return {"name": f"kdui-{task.name}-{which}.csv", "csv": spreadsheet_csv(named)}

    def _answer(self, wish: GainWish, gains: pd.DataFrame) -> dict[str, Any]:
        task = self._task(wish.task)
        chosen, pair = self._of_pair(gains, wish.pair)
        pairs = [BETWEEN.join(each) for each in pairs_of(gains)]
        about = f"{task.title} · {pair.replace('?', ' ').replace('&', ', ')}"  # with places where a line may break
        return {
            "pairs": options([(each, each) for each in pairs], pair) if len(pairs) > 1 else "",
            "pair": pair,
            "gains": self._methods(chosen, about, task),
            "grid": self._grid(chosen, about, task, wish.quantity),
        }

    def _methods(self, gains: pd.DataFrame, about: str, task: TaskFacts) -> dict[str, Any]:
        rows = judged(one_a_method(gains), self.workbench.paired)
        if rows.empty:
            return {"title": gains_title(rows, self.titles, task.headline), "note": NO_GAIN}
        titles = {method: self._title(method) for method in rows["method"]}
        return _drawn(gains_figure(rows, titles=titles, about=about, metric=task.headline))

    def _grid(self, gains: pd.DataFrame, about: str, task: TaskFacts, quantity: Quantity) -> dict[str, Any]:
        cells = grid_cells(gains[gains["against"] == "control"])
        if cells.empty:
            return {"title": "No grid of temperature and α has been measured yet", "note": NO_GRID}
        method = self._title(str(cells["method"].iloc[0]))
        return _drawn(grid_figure(cells, quantity=quantity, about=f"{about} · {method}", metric=task.headline))

    def _gains(self, task: TaskFacts) -> pd.DataFrame:
        points = self.workbench.points(task.name)
        kept = self._kept.get(task.name)
        if kept is None or kept[0] is not points:
            kept = self._kept[task.name] = (points, self._worked_out(points, task))
            self._answers = {wish: answer for wish, answer in self._answers.items() if wish.task != task.name}
        return kept[1]

    def _worked_out(self, points: pd.DataFrame, task: TaskFacts) -> pd.DataFrame:
        return method_gains(points, task.headline, task.splits["test"])

    def _of_pair(self, gains: pd.DataFrame, pair: str) -> tuple[pd.DataFrame, str]:
        """The gains of one pair of models: the asked one, else the one with most methods."""
        known = {BETWEEN.join(each): each for each in pairs_of(gains)}
        chosen = pair if pair in known else next(iter(known), "")
        teacher, student = known.get(chosen, ("", ""))
        return gains[(gains["teacher"] == teacher) & (gains["student"] == student)], chosen

    def _title(self, methods: str) -> str:
        """'dkd' by its title; 'assistant+dkd' as one after the other."""
        *before, last = (self.titles.get(name, name) for name in methods.split("+"))
        return f"{last} after {', '.join(before).lower()}" if before else last

    def _task(self, name: str) -> TaskFacts:
        tasks = {task.name: task for task in self.workbench.tasks()}
        if name not in tasks:
            raise UnknownName("task", name, tasks)
        return tasks[name]


def _drawn(figure: Any) -> dict[str, Any]:
    title = figure.layout.title
    return {"figure": figure.to_json(), "title": title.text, "subtitle": title.subtitle.text, "height": figure.layout.height}


def gains_markup() -> str:
    """The frame that assets/modules/gains.js fills."""
    return f"""
  <section class="card bought" id="bought" aria-labelledby="bought-label">
    <div class="bought-head"><h2 class="label" id="bought-label">Gain from distillation</h2>
      <label class="field" hidden><span>Teacher and student</span><select id="gains-pair"></select></label></div>
    <div id="gains-message"></div>
    <div class="bought-charts">{chart_frame("gains")}{chart_frame("grid", _quantity())}</div>
  </section>"""


def _quantity() -> str:
    choices = options([("value", "Gain over the control"), ("headline", "Accuracy of the student")])
    return f'<label class="field" hidden><span>Show</span><select id="grid-quantity">{choices}</select></label>'
