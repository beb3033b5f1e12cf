"""What fills Build's form: a recipe, a task, a model, a method, pasted YAML, an address, an undo.

All of them write one hidden field, ``{"role": …, "value": …}``, and only where something has changed (``assets/build.js``):
leaving a list as it was is no choice. One request then brings the whole form, and what is said about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from kdui.core.errors import KduiError, RecipeError
from kdui.core.recipe import Recipe
from kdui.ui import build_facts
from kdui.ui.build_address import packed, unpacked
from kdui.ui.carry_over import with_models
from kdui.ui.recipe_form import unpack, with_distiller
from kdui.ui.shell import PLAIN, READ, PageState

if TYPE_CHECKING:
    from kdui.ui.build import Build

# A refusal is shown as a toast, which only queued events carry; and a queued one may answer twice, first form, then cost.
FILL: dict[str, Any] = {**READ, **PLAIN, "queue": True, "trigger_mode": "always_last"}
PICK = "async (value, at) => {{ await kdui.load('build.js'); kdui.build.pick('{role}', value, at); }}"


def connect_choices(build: Build, page_state: PageState, told: Any) -> None:
    """Bind them. ``told(recipe, start)``: two lists for ``build.said`` and ``build.pictures``, the quick one first."""

    def bind(event: Any, role: str, value: Any) -> None:
        # A list tells of a choice before it holds it, and again when it is left: neither may be dropped.
        js = PICK.format(role=role)
        event(fn=None, inputs=[value, build.at], js=js, trigger_mode="multiple", api_visibility="private")

    for role in ("start", "task", "teacher", "student"):
        picker = getattr(build, role)
        bind(picker.input, role, picker)
    bind(build.actions.load_yaml.click, "yaml", build.actions.yaml)
    bind(page_state.recipe.change, "recipe", page_state.recipe)
    bind(page_state.origin.change, "from", page_state.origin)
    bind(page_state.task.change, "task-address", page_state.task)

    def fill(choice: str, *shown: Any) -> Iterator[list[Any]]:
        try:
            asked, edited = json.loads(choice), edited_recipe(build, shown)
            before = edited or unpack(shown[build.inputs.index(build.base)])
            start, recipe, notice = _chosen(build, asked["role"], asked["value"] or "", shown[0], before)
            filled = build.fill(start, recipe, shown, edited)
        except KduiError as problem:
            gr.Warning(escape(str(problem)), title="The form stays as it is")
            kept = [gr.skip()] * (len(build.filled) + len(build.said) + len(build.pictures))
            kept[build.filled.index(build.chooser)] = {"method": shown[build.inputs.index(build.distiller)]}
            yield kept
            return
        for said, pictures in told(recipe, start, notice):
            yield [*filled, *said, *pictures]
            filled = [gr.skip()] * len(filled)

    outputs = [*build.filled, *build.said, *build.pictures]
    build.choice.change(fill, [build.choice, *build.inputs], outputs, **FILL)


def _chosen(build: Build, role: str, value: str, start: str | None, edited: Recipe) -> tuple[str | None, Recipe, str]:
    """Name under Start from, recipe, and what is told beside; ``edited``: what was shown before. Raises KduiError in words."""
    bench = build.workbench
    if role == "start":
        return value, bench.recipe(value), _left(build, start, edited)
    if role in ("task", "task-address"):
        recipe = bench.default_recipe(value)
        return build.named(recipe), recipe, _left(build, start, edited) if role == "task" else ""
    if role == "from":
        recipe = named_recipe(bench, value)
        return value if value in bench.recipe_names() else None, recipe, ""
    if role == "recipe":
        start, recipe = unpacked(value)
        return start if start in bench.recipe_names() else None, recipe, ""
    if role == "yaml":
        recipe = bench.parse_recipe(value)
        return None, recipe, _left(build, start, edited)
    if role == "method":
        return start, with_distiller(edited, value, build.shared.knobs_of), ""
    if role in ("teacher", "student"):
        teacher, student = (value, str(edited.student or "")) if role == "teacher" else (str(edited.teacher or ""), value)
        carried = with_models(bench, edited, teacher, student or None, build.shared.knobs_of)
        return start, carried.recipe, notice_html(carried.words(_title(build, edited.task, value)), start, edited)
    raise RecipeError(f"'{role}' is nothing that fills the form.")


def _title(build: Build, task: str, model: str) -> str:
    cards = [*build.workbench.teachers(task), *build.workbench.students(task, None)]
    return next((card.title for card in cards if card.ref == model), model or "no teacher")


def edited_recipe(build: Build, shown: tuple[Any, ...]) -> Recipe | None:
    """What the form said before the picker that was just changed; None where it cannot be read."""
    base = unpack(shown[build.inputs.index(build.base)])
    before = list(shown)
    for picker, value in zip((build.task, build.teacher, build.student), build.picked(base), strict=True):
        before[build.inputs.index(picker)] = value
    try:
        return build.recipe(*before)
    except KduiError:
        return None


def _left(build: Build, start: str | None, edited: Recipe) -> str:
    """What is said where another recipe takes the place of one that somebody has changed."""
    if start in build.workbench.recipe_names() and build.workbench.recipe(start).digest == edited.digest:
        return ""
    title = dict((name, title) for title, name in build.recipe_choices()).get(start or "", edited.name or "the former recipe")
    return notice_html([f"Your changes to “{title}” were put aside."], start, edited)


def notice_html(words: list[str], start: str | None, before: Recipe) -> str:
    """Sentences with the way back; nothing for no words."""
    if not words:
        return ""
    back = escape(packed(start, before), quote=True)
    return (
        f'<div class="info" role="status"><span>{escape(" ".join(words))}</span> '
        f'<button type="button" class="undo" data-undo="{back}">Undo</button></div>'
    )


def named_recipe(workbench: Any, name: str) -> Recipe:
    """The recipe of that name, or of the run with that id."""
    known = {*workbench.recipe_names(), *workbench.broken_recipes()}
    return workbench.recipe(name) if name in known else workbench.run(name).run.recipe


def edited_html(start: str | None, recipe: Recipe, known: Recipe | None) -> str:
    """The mark beside Start from: whether the form still says that recipe, and the way back to it."""
    if known is None or known.digest == recipe.digest:
        return ""
    back = escape(packed(start, known), quote=True)
    return f'<span class="badge">edited</span> <button type="button" class="undo" data-undo="{back}">Reset</button>'


def problem_place(build: Build, shown: tuple[Any, ...], problem: KduiError) -> tuple[str, str]:
    """Element id and title of the field that a problem is about; empty where it is about none."""
    text = str(problem)
    models = {role: shown[build.inputs.index(getattr(build, role))] for role in ("teacher", "student")}
    task = shown[build.inputs.index(build.task)]
    for role, model in models.items():
        if text.startswith(f"Pick a {role}"):
            return f"build-{role}", role.capitalize()
        try:
            if model:
                build.workbench.card(task, model, role)
        except KduiError:
            return f"build-{role}", role.capitalize()
    for component in build.inputs:
        place = component.elem_id or ""
        method, _, name = place.removeprefix("knob-").partition("-")
        for stage in (method, shown[build.inputs.index(build.distiller)] if method == "distill" else method):
            if name and f"{stage}.{name}:" in text:
                return place, build.title_of(method, name, stage)
    return ("build-seed", "Seed") if " seed:" in text.lower() else ("", "")


def told_problem(build: Build, shown: tuple[Any, ...], problem: KduiError) -> str:
    """The problem with the way to its field; an unknown model with those of the task that are meant most likely."""
    place, title = problem_place(build, shown, problem)
    role = place.removeprefix("build-")
    text = str(problem)
    if role in ("teacher", "student") and text.startswith("There is no model called"):
        task = shown[build.inputs.index(build.task)]
        cards = build.workbench.teachers(task) if role == "teacher" else build.workbench.students(task, None)
        text = build_facts.unknown_model(str(shown[build.inputs.index(getattr(build, role))]), cards)
    return build_facts.problem_html(text, place, title)
