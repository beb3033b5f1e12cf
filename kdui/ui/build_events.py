"""What happens in Build when somebody turns a knob, picks a recipe or opens an address."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from kdui.catalogue.defaults import NO_TEACHER
from kdui.core.errors import KduiError
from kdui.core.recipe import Recipe
from kdui.ui import build_facts
from kdui.ui.recipe_form import with_distiller
from kdui.ui.shell import PLAIN, READ, PageState
from kdui.ui.what_if import choices

if TYPE_CHECKING:
    from kdui.ui.build import Build
    from kdui.ui.forms import Form
    from kdui.ui.shared_form import SharedForm

# A refusal is shown as a toast, which only queued events carry.
FILL: dict[str, Any] = {**READ, "queue": True}
LENS_VALUES = {"kind": ("prune", "kind")}  # knobs without a lens of their own that change one


def connect_build(build: Build, page_state: PageState, lens_data: gr.HTML, what_if: gr.HTML) -> None:
    """Bind the form: every change refreshes what is said about it, every choice of a recipe or model fills it."""
    inputs, said = build.inputs, [*build.fact_views, *build.texts, build.cost]
    shown_beside = [*build.fact_views, build.cost, build.chooser, lens_data, what_if]
    turned = [control.input for control in build.knob_inputs]
    # Few events with many inputs: the browser looks at every component for each of them when it starts.
    latest = {**READ, **PLAIN, "trigger_mode": "always_last"}
    gr.on([*turned, build.filled_at.change], lambda *shown: _said(build, *shown), inputs, said, **latest)
    # A run that starts or ends changes what is known, but no recipe: YAML that somebody writes at that moment must stay.
    asked = [page_state.pulse.change, build.filled_at.change]
    gr.on(asked, lambda *shown: _drawn(build, *shown), inputs, shown_beside, **latest)
    # What the form begins with is known here, so nothing is read back from the browser.
    page_state.demo.load(lambda: _drawn(build, *build.values(build.first)), None, shown_beside, **READ)
    # Another model's figures must not stand there while this one's are being worked out.
    js = f"() => [{json.dumps(build_facts.ESTIMATING)}, String(performance.now())]"
    for choice in _connect_choices(build, page_state):
        choice.then(fn=None, outputs=[build.cost, build.filled_at], js=js, api_visibility="private")
    build.options.input(fn=None, outputs=[build.cost, build.filled_at], js=js, api_visibility="private")
    _connect_lenses(build)


def _said(build: Build, *shown: Any) -> list[Any]:
    """Facts, YAML, command and cost of the recipe; what is wrong with it stands in the place of its cost."""
    said: list[Any] = [gr.skip()] * (len(build.fact_views) + len(build.texts))
    try:
        recipe = build.recipe(*shown)
        said = [*build.facts(recipe), *build.said_as_text(recipe)]
        return [*said, build_facts.cost_html(build.workbench.estimate(recipe))]
    except KduiError as problem:
        return [*said, build_facts.problem_html(str(problem))]


def _drawn(build: Build, *shown: Any) -> list[Any]:
    """Facts and cost of the recipe, the ways to teach that suit its models, and the pictures of what the store knows about it."""
    facts: list[Any] = [gr.skip()] * len(build.fact_views)
    ways: Any = gr.skip()
    try:
        recipe = build.recipe(*shown)
        facts, ways = build.facts(recipe), build.chooser_state(recipe)
        cost = build_facts.cost_html(build.workbench.estimate(recipe))
    except KduiError as problem:
        cost = build_facts.problem_html(str(problem))
    return [*facts, cost, ways, _lenses(build, *shown), _what_if(build, *shown)]


def _lenses(build: Build, *shown: Any) -> Any:
    try:
        return build.workbench.lenses(build.recipe(*shown))
    except KduiError:  # the estimate says what is wrong
        note = "Nothing to show until the recipe can run."
        return {name: {"origin": "none", "note": note} for name in ("temperature", "soft_weight", "weights")}


def _what_if(build: Build, *shown: Any) -> Any:
    try:
        return choices(build.workbench, build.recipe(*shown))
    except KduiError:  # the estimate says what is wrong
        return gr.skip()


def _filler(build: Build, find: Callable[..., Recipe | None], *, named: bool = False) -> Callable[..., Any]:
    """A handler that shows the recipe that ``find`` gives; ``named``: its first argument may name it under Start from."""

    def fill(*given: Any) -> Any:
        try:
            recipe = find(*given)
            if recipe is None:
                return gr.skip()
            start = given[0] if named and given[0] in build.workbench.recipe_names() else None
            return _filled(build, start, recipe)
        except KduiError as problem:
            gr.Warning(escape(str(problem)), title="The form stays as it is")
            return gr.skip()

    return fill


def _filled(build: Build, start: str | None, recipe: Recipe) -> list[Any]:
    """Values of ``Build.filled`` that show a recipe, under the name that it has in Start from."""
    knob, second = build.actions.sweep.updates(build.shared, build.distiller_of(recipe))
    return [start, *build.show(recipe), build.chooser_state(recipe), knob, second, ""]


def _connect_choices(build: Build, page_state: PageState) -> list[Any]:
    """Bind all that fills the form: a recipe, a task, a model, pasted YAML, an address."""
    bench, filled = build.workbench, build.filled

    def bind(event: Any, find: Callable[..., Recipe | None], inputs: Any, *, named: bool = False) -> Any:
        return event(_filler(build, find, named=named), inputs, filled, **FILL)

    def by_address(name: str) -> Recipe | None:
        return named_recipe(bench, name)

    def by_address_task(task: str, origin: str, now: str) -> Recipe | None:
        return None if origin or task == now or task not in build.tasks else bench.default_recipe(task)

    def by_models(method: str, task: str, teacher: str, student: str | None = None) -> Recipe | None:
        """Another pair is taught in the same way; without a teacher, in a way that needs none."""
        forms = build.shared.knobs_of
        recipe = with_distiller(bench.default_recipe(task, teacher, student), method, forms)
        if teacher != NO_TEACHER or method not in (unfit := bench.unfit_methods(recipe)):
            return recipe
        return with_distiller(recipe, next(name for name in forms if name not in unfit), forms)

    start = bind(build.start.input, by_address, build.start, named=True)
    start.then(fn=None, inputs=build.start, js="(name) => { kdui.url.set({from: name, task: ''}); }")
    task = bind(build.task.input, bench.default_recipe, build.task)
    task.then(fn=None, inputs=build.task, js="(task) => { kdui.url.set({task, from: ''}); }")
    return [
        start,
        task,
        bind(build.teacher.input, by_models, [build.distiller, build.task, build.teacher]),
        bind(build.student.input, by_models, [build.distiller, build.task, build.teacher, build.student]),
        build.picked.change(lambda *shown: _pick(build, *shown), [build.picked, *build.inputs], filled, **FILL, **PLAIN),
        bind(build.actions.load_yaml.click, bench.parse_recipe, build.actions.yaml),
        bind(page_state.origin.change, by_address, page_state.origin, named=True),
        bind(page_state.task.change, by_address_task, [page_state.task, page_state.origin, build.task]),
    ]


def _pick(build: Build, picked: str, *shown: Any) -> Any:
    """The form with another method for the student; what both have and a person decided stays."""
    method = picked.partition(" ")[0]
    try:
        recipe = with_distiller(build.recipe(*shown), method, build.shared.knobs_of)
    except KduiError as problem:
        gr.Warning(escape(str(problem)), title="The form stays as it is")
        state = {"method": shown[build.inputs.index(build.distiller)], "refused": method}
        return [state if part is build.chooser else gr.skip() for part in build.filled]
    return _filled(build, None, recipe)


def _connect_lenses(build: Build) -> None:
    """Knobs tell the browser's lenses at once; no request leaves the page."""
    forms: list[Form | SharedForm] = [build.shared, *build.pictured]
    for form in forms:
        for knob in form.knobs:
            own = None if knob.advanced else knob.lens
            name = next((lens for lens, place in LENS_VALUES.items() if place == (form.method, knob.name)), own)
            if name:
                js = f"(value) => {{ kdui.load('lenses.js').then(() => kdui.lenses.set('{name}', value)); }}"
                form.controls[knob.name].change(fn=None, inputs=form.controls[knob.name], api_visibility="private", js=js)


def named_recipe(workbench: Any, name: str) -> Recipe | None:
    """The recipe of that name, or of the run with that id; None for no name."""
    if not name:
        return None
    known = {*workbench.recipe_names(), *workbench.broken_recipes()}
    return workbench.recipe(name) if name in known else workbench.run(name).run.recipe
