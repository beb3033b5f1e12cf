"""What Compare takes an input with: a module of ``kdui/ui/inputs`` a widget, found by its folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kdui.core.contracts import TaskFacts
from kdui.core.registry import Registry
from kdui.ui.panel import Call

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench

TYPED = "text"  # the widget of modalities that none claims: what a person types goes to the modality's ``parse``


@dataclass(frozen=True)
class InputWidget:
    """One widget. ``html`` is its frame, an element with ``data-input="NAME"``, which ``assets/modules/inputs/NAME.js`` fills."""

    name: str
    modalities: tuple[str, ...]  # whose examples it takes
    html: Callable[[], str]
    calls: Callable[[Workbench], list[Call]] = lambda workbench: []  # what its module asks the server beside answers
    examples: int = 12  # test examples that are offered at once
    pictures: bool = True  # they are shown as pictures, not in words
    noun: str = "test examples"


INPUTS: Registry[InputWidget] = Registry("kdui.ui.inputs", "input widget", "INPUT", file="")


def widget_of(task: TaskFacts) -> InputWidget:
    """The widget that takes the task's examples."""
    return next((widget for widget in INPUTS.values() if task.modality in widget.modalities), INPUTS[TYPED])


def inputs_html() -> str:
    """The frames of all widgets, of which one is shown."""
    return "".join(widget.html() for widget in INPUTS.values())
