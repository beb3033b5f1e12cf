"""A part of the page that its own module in assets/modules/ draws from answers of Python functions.

The markup is set once, so a chart mounts once and keeps its zoom; the browser asks for what is new and changes only that.
Calls go straight to the function, outside the event queue, so any number of visitors can read at once.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from html import escape
from typing import Any

import gradio as gr
from pydantic import ValidationError

from kdui.core.bounds import fault
from kdui.core.contracts import TaskFacts
from kdui.core.errors import KduiError
from kdui.core.places import ASSETS

Call = Callable[[Mapping[str, Any]], dict[str, Any]]


def create_panel(name: str, markup: str, calls: Sequence[Call]) -> gr.HTML:
    """The panel drawn by ``assets/modules/NAME.js``; each call is there as ``server.CALL({...})``."""
    return gr.HTML(
        html_template=markup,
        css_template=panel_css(name),
        js_on_load=f"kdui.module('{name}.js').then((module) => module.mount(element, server));",
        apply_default_css=False,
        elem_id=f"{name}-panel",
        server_functions=[answered(call) for call in calls],
    )


def answered(call: Call) -> Call:
    """The call with errors of what was asked turned into ``{"error": words}``; others go to ``kdui.ui.edge``."""

    @wraps(call)
    def answer(payload: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return call(payload if isinstance(payload, Mapping) else {})
        except KduiError as problem:
            return {"error": str(problem)}
        except ValidationError as problem:
            return {"error": f"{fault(None, problem.errors()[0])}."}

    return answer


@cache
def panel_css(name: str) -> str:
    """The rules that the panels share, and a panel's own where there is ``assets/NAME.css``; Gradio scopes them to the panel."""
    own = ASSETS / f"{name}.css"
    shared = (ASSETS / "panels.css").read_text(encoding="utf-8")
    return shared + (own.read_text(encoding="utf-8") if own.is_file() else "")


def task_options(tasks: Sequence[TaskFacts], more: Sequence[tuple[str, str]] = ()) -> str:
    """A list of tasks, after ``more``. Panels ask for it anew: a person's own text becomes a task while the page is open."""
    return options([*more, *((task.name, task.title) for task in tasks)])


def options(choices: Sequence[tuple[str, str]], chosen: str = "") -> str:
    """``<option>`` elements from (value, title) pairs."""
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(title)}</option>'
        for value, title in choices
    )
