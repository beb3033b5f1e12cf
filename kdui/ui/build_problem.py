"""What is wrong with a recipe, and the field that it is about."""

from typing import TYPE_CHECKING, NamedTuple

from kdui.catalogue.methods import METHODS
from kdui.core.errors import KduiError
from kdui.ui import build_facts
from kdui.ui.build_changes import State, form_of, stages_of
from kdui.ui.build_form import control_id
from kdui.ui.model_options import apart

if TYPE_CHECKING:
    from kdui.workbench.workbench import Workbench


class Problem(NamedTuple):
    """Words, the id and title of the field that they are about (empty where they are about none), and the step to open for it."""

    text: str
    field: str = ""
    title: str = ""
    open: str = ""


def problem_of(bench: "Workbench", state: State, problem: KduiError) -> Problem:
    """The problem at its field; an unknown model with those of the task that are meant most likely."""
    text = str(problem)
    return _of_model(bench, state, text) or _of_knob(state, text) or _of_step(state, text)


def _of_model(bench: "Workbench", state: State, text: str) -> Problem | None:
    task = str(state.recipe.get("task"))
    for role in ("teacher", "student"):
        ref = str(state.recipe.get(role) or "")
        field, title = f"build-{role}", role.capitalize()
        if text.startswith(f"Pick a {role}"):
            return Problem(text, field, title)
        if not ref:
            continue
        try:
            bench.card(task, ref, role)
        except KduiError:
            pass
        else:
            continue
        for option in apart(ref)[1]:
            if f"option {option.knob.name} " in text:
                return Problem(text, f"option-{role}-{option.knob.name}", option.knob.title)
        if text.startswith("There is no model called"):
            cards = bench.teachers(task) if role == "teacher" else bench.students(task, None)
            text = build_facts.unknown_model(ref, cards)
        return Problem(text, field, title)
    return None


def _of_knob(state: State, text: str) -> Problem | None:
    if " seed:" in text.lower():
        return Problem(text, "build-seed", "Seed")
    for stage in stages_of(state):
        for knob in form_of(stage):
            if f"{stage['name']}.{knob.name}:" in text:
                return Problem(text, control_id(stage["name"], knob), knob.title, stage["name"])
    return None


def _of_step(state: State, text: str) -> Problem:
    """A problem that names a step leads to it."""
    named = (stage for stage in stages_of(state) if f"Stage '{stage['name']}'" in text)
    stage = next(named, None)
    return Problem(text, "", METHODS[stage["method"]].title if stage else "", stage["name"] if stage else "")
