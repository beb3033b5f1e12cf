"""The guided walk: a note beside the page that leads from Build to Present on the quickstart, and can be left at any time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdui.catalogue.recipe_files import FIRST_START
from kdui.core.run import RunState
from kdui.ui.panel import create_panel

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

# tab, what is marked there, the title of the stop, and what is to be seen at it
STOPS = (
    (
        "build",
        "#build-strip",
        "A recipe is a row of steps",
        "The quickstart trains a teacher on the labelled tenth of the digits, lets it label the others for a student, and rounds "
        "to 6 bits. Select a step to see its settings. Queue run starts it.",
    ),
    (
        "runs",
        "#run-results",
        "A run shows what it does and what it measured",
        "Curves move while models train. The sentence above the table says what the teacher gained, with its interval; the marks "
        "say how each number came to be.",
    ),
    (
        "explore",
        "#explore-winner",
        "Choose under your limits",
        "Every model of the task by accuracy, size and speed. Move a limit and read which model is left, and what a tighter "
        "limit would cost.",
    ),
    (
        "compare",
        "#compare-input",
        "Try it yourself",
        "Draw a digit or pick a test example. Teacher and student predict side by side; below are the examples on which they "
        "differ.",
    ),
    (
        "present",
        "#present-acts",
        "Show it to others",
        "Whatever you pin in Runs, Explore or Compare becomes a slide with its provenance, and all of them one HTML file that "
        "needs no network.",
    ),
)
MARKUP = '<aside id="walk" aria-label="Guided walk" tabindex="-1" hidden></aside>'


def create_walk(workbench: "Workbench") -> None:
    """There on every tab, hidden until somebody starts it."""
    create_panel("walk", MARKUP, [WalkCalls(workbench).walk_stops])


class WalkCalls:
    """What the browser can ask about the walk."""

    def __init__(self, workbench: "Workbench"):
        self.bench = workbench

    def walk_stops(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The stops with what each opens: the quickstart's recipe, its newest run that is there, and its task."""
        recipe = self.bench.recipe(FIRST_START)
        rows = self.bench.runs(task=recipe.task, size=50).rows
        run = next((row.id for row in rows if row.name == recipe.name and row.state is not RunState.FAILED), "")
        opened = {"build": {"from": FIRST_START}, "runs": {"run": run}, "explore": {"task": recipe.task}}
        opened["compare"] = opened["explore"]
        return {
            "stops": [
                {"open": {"tab": tab, **opened.get(tab, {})}, "mark": mark, "title": title, "text": text}
                for tab, mark, title, text in STOPS
            ]
        }
