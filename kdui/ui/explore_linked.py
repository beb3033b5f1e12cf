"""Explore's linked views: parallel coordinates of the settings that differ, what they keep, and all tasks on one chart."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from kdui.charts.all_tasks import Saving, all_tasks_figure, savings
from kdui.charts.narrowing import Narrow, narrowed, words
from kdui.charts.parallel import parallel_figure
from kdui.core.contracts import TaskFacts
from kdui.core.plain import Frozen
from kdui.ui.chart_frame import chart_frame
from kdui.ui.exports import spreadsheet_csv
from kdui.ui.kept_answers import KeptAnswers
from kdui.ui.panel import options

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

NOTHING = "Queue runs that differ in a setting, such as a sweep over temperatures, to see here which of them matter."
NO_TASKS = "Measure a student on any task: it appears here beside its teacher."


class Models(Protocol):
    """A task's models with what is worked out of them once; see ``explore.Merged``."""

    @property
    def models(self) -> pd.DataFrame: ...
    @property
    def all_settings(self) -> list[str]: ...


class Source(Protocol):
    """Who knows them."""

    workbench: "Workbench"

    def of_task(self, name: str) -> tuple[TaskFacts, Any]: ...
    def drawn_axis(self, models: pd.DataFrame, wished: str) -> str: ...


class ParallelWish(Frozen):
    """What the browser wants to see."""

    task: str
    x: str = ""
    narrow: Narrow = Narrow()


class AllTasksWish(Frozen):
    by: Saving = "smaller"


class LinkedCalls:
    """What the browser can ask about the linked views."""

    def __init__(self, source: Source):
        self.source = source
        self._figures = KeptAnswers(8)

    def explore_parallel(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The chart of one task; what is narrowed shows on its axes, the lines stay all there."""
        wish = ParallelWish.model_validate(payload)
        facts, merged = self.source.of_task(wish.task)
        return self._figures.answer(merged.points, wish.model_dump_json(), lambda: self._parallel(wish, facts, merged))

    def _parallel(self, wish: ParallelWish, facts: TaskFacts, merged: Any) -> dict[str, Any]:
        if merged.models.empty:
            return {"title": "", "note": NOTHING}
        models = narrowed(merged.models, Narrow(best=wish.narrow.best), facts.headline)
        x = self.source.drawn_axis(merged.models, wish.x)
        figure = parallel_figure(
            models, settings=merged.all_settings, x=x, metric=facts.headline, narrow=wish.narrow, about=facts.title
        )
        return {"title": "No setting differs yet", "note": NOTHING} if figure is None else told(figure)

    def explore_tasks(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """All tasks that have a student beside its teacher."""
        wish = AllTasksWish.model_validate(payload)
        tasks = {}
        for facts in self.source.workbench.tasks():
            _, merged = self.source.of_task(facts.name)
            if not merged.models.empty:
                tasks[facts.title] = savings(merged.models)
        figure = all_tasks_figure(tasks, wish.by)
        return {"title": "No student beside its teacher yet", "note": NO_TASKS} if figure is None else told(figure)

    def explore_linked_csv(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The models behind the parallel coordinates, with a column a setting; nothing rounded."""
        facts, merged = self.source.of_task(str(payload["task"]))
        settings = pd.DataFrame(merged.models["settings"].map(lambda each: each or {}).tolist()).reindex(
            columns=merged.all_settings
        )
        own = merged.models[["run", "label", "role", "headline", "latency_ms", "download_mb", "parameters", "retained"]]
        return {"name": f"kdui-{facts.name}-settings.csv", "csv": spreadsheet_csv(pd.concat([own, settings], axis=1))}


def told(figure: Any) -> dict[str, Any]:
    title = figure.layout.title
    return {"figure": figure.to_json(), "title": title.text, "subtitle": title.subtitle.text, "height": figure.layout.height}


def kept_html(narrow: Narrow, shown: int, of: int, titles: Mapping[str, str]) -> str:
    """What the views are narrowed to, each part with a button that takes it away; empty where nothing is."""
    if narrow.is_open:
        return ""
    parts = [("best", f"best {narrow.best:g} %")] if narrow.best < 100 else []
    chips = "".join(
        f'<button type="button" class="tag" data-widen="{escape(key)}" title="Take this away">{escape(text)} ✕</button>'
        for key, text in [*parts, *words(narrow, titles)]
    )
    return f'<div class="info narrowed" role="status"><span>{shown:,} of {of:,} models:</span>{chips}</div>'


def parallel_markup() -> str:
    """The frame of the parallel coordinates, below the Pareto chart."""
    return f"""
<section class="card" id="parallel-card" aria-label="Settings that differ" hidden>
  {chart_frame("parallel", heading="h3")}</section>"""


def all_tasks_markup() -> str:
    """The frame of the chart over all tasks, drawn once it is unfolded."""
    choices = options([("smaller", "Times smaller"), ("faster", "Times faster")])
    control = f'<label class="field"><span>Horizontal axis</span><select id="all-tasks-by">{choices}</select></label>'
    return f"""
<section class="card" id="explore-all-tasks" aria-label="All tasks"><details class="fold first" id="all-tasks-fold">
  <summary><h2 class="title">All tasks: what is retained, and how much smaller or faster</h2></summary>
  <div class="narrow-field">{chart_frame("all-tasks", control)}</div></details></section>"""
