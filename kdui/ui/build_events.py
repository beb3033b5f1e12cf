"""What Build says while somebody turns a knob, picks a recipe or opens an address: facts, cost, pictures, what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from kdui.core.errors import KduiError
from kdui.core.recipe import Recipe
from kdui.ui import build_facts
from kdui.ui.build_address import packed
from kdui.ui.build_choices import connect_choices, edited_html, told_problem
from kdui.ui.shell import PLAIN, READ, PageState
from kdui.ui.what_if import choices

if TYPE_CHECKING:
    from kdui.ui.build import Build
    from kdui.ui.forms import Form
    from kdui.ui.shared_form import SharedForm

LENS_VALUES = {"kind": ("prune", "kind")}  # knobs without a lens of their own that change one


def connect_build(build: Build, page_state: PageState) -> None:
    """Bind the form: every change refreshes what is said about it, every choice of a recipe or model fills it."""
    inputs = build.inputs
    shown_beside = [*build.fact_views, build.cost, build.actions.sum, build.actions.queue, build.chooser, *build.pictures]
    turned = [control.input for control in build.knob_inputs]
    # Few events with many inputs: the browser looks at every component for each of them when it starts.
    latest = {**READ, **PLAIN, "trigger_mode": "always_last"}
    gr.on([*turned, build.filled_at.change], lambda *shown: _said(build, shown), inputs, build.said, **latest)
    # A run that starts or ends changes what is known, but no recipe: YAML that somebody writes at that moment must stay.
    asked = [page_state.pulse.change, build.filled_at.change]
    gr.on(asked, lambda *shown: _drawn(build, shown), inputs, shown_beside, **latest)
    # What the form begins with is known here, so nothing is read back from the browser.
    page_state.demo.load(lambda: _drawn(build, build.values(build.first)), None, shown_beside, **READ)
    # Another model's figures must not stand there while this one's are being worked out.
    js = f"() => [{json.dumps(build_facts.ESTIMATING)}, String(performance.now())]"
    build.options.input(fn=None, outputs=[build.cost, build.filled_at], js=js, api_visibility="private")
    connect_choices(build, page_state, lambda *chosen: _told(build, *chosen))
    js = "async (link) => { await kdui.load('build.js'); kdui.build.address(link); }"
    build.link.change(fn=None, inputs=build.link, js=js, api_visibility="private")
    _connect_lenses(build)


def _told(build: Build, recipe: Recipe, start: str | None, notice: str) -> Iterator[tuple[list[Any], list[Any]]]:
    """What is said of a recipe that fills the form: at once what is known at once, then its cost and pictures."""
    facts, texts = build.facts(recipe), _texts(build, recipe, start)
    waiting = [build_facts.waiting(recipe), *texts[2:], "", gr.skip(), "", notice]
    yield [*facts, *texts[:2], *waiting], [gr.skip()] * len(build.pictures)
    said = [gr.skip()] * (len(facts) + len(texts) + 5)
    values = build.values(recipe)
    said[build.said.index(build.cost)], *bar = _cost(build, values, recipe)
    for part, update in zip((build.actions.sum, build.actions.queue), bar, strict=True):
        said[build.said.index(part)] = update
    yield said, [_lenses(build, recipe), _what_if(build, recipe)]


def _said(build: Build, shown: Any) -> list[Any]:
    """All of ``Build.said``; what is wrong with the recipe stands in the place of its cost, and nothing can be queued."""
    kept: list[Any] = [gr.skip()] * (len(build.fact_views) + 2)
    try:
        recipe = build.recipe(*shown)
    except KduiError as problem:
        return [*kept, *_refused(build, shown, problem)[:1], gr.skip(), gr.skip(), *_refused(build, shown, problem)[1:], "", ""]
    texts = _texts(build, recipe, shown[0])
    cost, total, queue = _cost(build, shown, recipe)
    return [*build.facts(recipe), *texts[:2], cost, *texts[2:], total, queue, "", ""]


def _texts(build: Build, recipe: Recipe, start: str | None) -> list[str]:
    """YAML, command, the mark of an edited recipe, and the address."""
    known = build.workbench.recipe(start) if start in build.workbench.recipe_names() else None
    named = known is not None and known.digest == recipe.digest
    link = f"from={start}" if named else f"recipe={packed(start, recipe)}"
    return [*build.said_as_text(recipe), edited_html(start, recipe, known), link]


def _cost(build: Build, shown: Any, recipe: Recipe) -> tuple[Any, Any, Any]:
    """The estimate as a table and as a line, and whether the recipe can be queued."""
    try:
        if hub := build_facts.hub_models(recipe):
            build.workbench.check(recipe)  # what is wrong with it needs no look-up
            if not build.look_ups.done((recipe.task, *hub), lambda: build.workbench.estimate(recipe)):
                return build_facts.still_looking(hub), "", gr.update(interactive=True)
        estimate = build.workbench.estimate(recipe)
    except KduiError as problem:
        return _refused(build, shown, problem)
    headline = build.tasks[recipe.task].headline.title if recipe.task in build.tasks else ""
    return build_facts.cost_html(estimate), build_facts.summary_html(estimate, headline), gr.update(interactive=True)


def _refused(build: Build, shown: Any, problem: KduiError) -> tuple[Any, Any, Any]:
    """Why the recipe cannot run: once, above buttons that cannot be pressed until it is mended."""
    return told_problem(build, shown, problem), "", gr.update(interactive=False)


def _drawn(build: Build, shown: Any) -> list[Any]:
    """Facts and cost of the recipe, the ways to teach that suit its models, and the pictures of what the store knows about it."""
    try:
        recipe = build.recipe(*shown)
    except KduiError as problem:
        skipped = [gr.skip()] * len(build.fact_views)
        return [*skipped, *_refused(build, shown, problem), gr.skip(), _no_lenses(), gr.skip()]
    beside = [build.chooser_state(recipe), _lenses(build, recipe), _what_if(build, recipe)]
    return [*build.facts(recipe), *_cost(build, shown, recipe), *beside]


def _lenses(build: Build, recipe: Recipe) -> Any:
    try:
        found = build.workbench.lenses(recipe)
    except KduiError:  # the estimate says what is wrong
        return _no_lenses()
    if (now := build.workbench.running_now(recipe.task)) is None:
        return found
    note = (
        f"“{now.name}” {'waits in the queue' if now.waits else 'is running'}: this picture appears here when it has got so far."
    )
    return {name: {**part, "note": note} if part["origin"] == "none" else part for name, part in found.items()}


def _no_lenses() -> dict[str, Any]:
    note = "Nothing to show until the recipe can run."
    return {name: {"origin": "none", "note": note} for name in ("temperature", "soft_weight", "weights")}


def _what_if(build: Build, recipe: Recipe) -> Any:
    try:
        return choices(build.workbench, recipe)
    except KduiError:  # the estimate says what is wrong
        return gr.skip()


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
