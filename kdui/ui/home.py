"""Home: three doors, what runs or comes next, and a recipe from a goal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from kdui.catalogue.goals import goal
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError, RunUnreadable
from kdui.core.metric import ACCURACY
from kdui.core.page_rows import Estimate, RunRow
from kdui.core.plain import Frozen
from kdui.core.run import RunState
from kdui.ui.build_address import packed
from kdui.ui.home_view import FIRST, markup, newest_html, suggestion_html
from kdui.ui.panel import create_panel, options
from kdui.ui.running_html import running_html
from kdui.workbench.gallery import Gallery
from kdui.workbench.guided_start import Suggestion, fitting_tasks, fitting_teachers, suggest

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


class Wish(Frozen):
    """The three answers; what does not fit the first one is replaced by what does."""

    goal: str = Field(max_length=60)
    task: str = Field(default="", max_length=200)
    teacher: str = Field(default="", max_length=4096)


def create_home(workbench: "Workbench") -> None:
    """The doors are there at once; the rest is asked for while Home is looked at."""
    calls = HomeCalls(workbench)
    tasks = {task.name: task for task in workbench.tasks()}
    create_panel("home", markup(Gallery(workbench.settings).cards(), tasks), [calls.home_now, calls.home_goal])


class HomeCalls:
    """What the browser can ask of Home."""

    def __init__(self, workbench: "Workbench"):
        self.bench = workbench

    def home_now(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The run that continues, or the newest one and what to do with it."""
        rows = self.bench.runs(size=1, queue_first=True).rows
        if not rows:
            return {"html": FIRST, "busy": False}
        row = rows[0]
        now = self.bench.running_now(row.task) if row.state in (RunState.RUNNING, RunState.QUEUED) else None
        return {"html": running_html(now, "") if now else self._newest(row), "busy": now is not None}

    def _newest(self, row: RunRow) -> str:
        metric = TASKS[row.task].headline if row.task in TASKS else ACCURACY
        try:
            detail = self.bench.run(row.id) if row.state is RunState.SUCCEEDED else None
        except RunUnreadable as problem:
            return newest_html(row.model_copy(update={"error": str(problem)}), None, metric)
        return newest_html(row, detail, metric)

    def home_goal(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What fits the answers so far, and the recipe for them."""
        wish = Wish.model_validate(dict(payload))
        own = goal(wish.goal).own
        titles = {task.name: task.title for task in self.bench.tasks()}
        tasks = fitting_tasks(self.bench, wish.goal)
        task = wish.task if wish.task in tasks else tasks[0]
        teachers = fitting_teachers(self.bench, wish.goal, task)
        teacher = wish.teacher if own or wish.teacher in dict(teachers) else teachers[0][0]
        lists = {
            "tasks": options([(name, titles[name]) for name in tasks], task),
            "teachers": options(teachers, teacher),
            "own": own,
        }
        try:
            suggestion = suggest(self.bench, wish.goal, task, teacher)
        except KduiError as problem:
            return {**lists, "html": "", "refused": str(problem)}
        link = packed(None, suggestion.recipe)
        html = suggestion_html(suggestion, self._estimate(suggestion), TASKS[task].headline.title, link)
        return {**lists, "html": html, "refused": ""}

    def _estimate(self, suggestion: Suggestion) -> Estimate | None:
        """None where a model has to be fetched before anything can be said of it."""
        try:
            return self.bench.estimate(self.bench.plan(suggestion.recipe))
        except KduiError:
            return None
