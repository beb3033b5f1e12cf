"""Build's three columns: what, how, what it will cost."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr

from kdui.core.method import Method
from kdui.ui import build_facts
from kdui.ui.build_actions import draw_actions
from kdui.ui.chooser import DISTILL, draw_chooser
from kdui.ui.forms import Knob, draw_form, has_lens, knobs
from kdui.ui.model_options import apart, as_choices, draw_options, short
from kdui.ui.recipe_form import pack, settings_of
from kdui.ui.shell import READ

if TYPE_CHECKING:
    from kdui.ui.build import Build

APART = ("control", "smooth_control")  # drawn in the first column, beside the student whom they concern


def draw_what(build: Build) -> None:
    with gr.Column(elem_classes="card what"):
        gr.HTML('<h2 class="label">What</h2>')
        build.base = gr.Textbox(pack(build.first), elem_id="build-base", elem_classes="hidden-field", label="Base recipe")
        build.filled_at = gr.Textbox(elem_id="build-filled", elem_classes="hidden-field", label="When a model was changed")
        choices = build.recipe_choices()
        build.choice = gr.Textbox(elem_id="build-choice", elem_classes="hidden-field", label="What was chosen last")
        at = build.pickers(build.first, choices[0][1])
        build.at = gr.Textbox(at, elem_id="build-at", elem_classes="hidden-field", label="What the lists show")
        build.link = gr.Textbox(elem_id="build-link", elem_classes="hidden-field", label="The recipe in the address")
        with gr.Column(elem_classes="start"):
            build.start = gr.Dropdown(choices, value=choices[0][1], label="Start from", elem_id="build-start", interactive=True)
            build.edited = gr.HTML(elem_id="build-edited", apply_default_css=False)
        build.notice = gr.HTML(elem_id="build-notice", apply_default_css=False)
        with gr.Column(elem_classes="pick"):
            build.task = gr.Dropdown(
                [(task.title, name) for name, task in build.tasks.items()],
                value=build.first.task,
                label="Task",
                elem_id="build-task",
                interactive=True,
            )
            build.task_card = gr.HTML(elem_id="build-task-facts")
        build.teacher, build.teacher_card = _draw_model(
            build, "teacher", build.teacher_choices(build.first.task), short(build.first.teacher)
        )
        students = build.workbench.students(build.first.task, short(build.first.teacher))
        build.student, build.student_card = _draw_model(build, "student", as_choices(students), short(build.first.student))
        for slot in build.shared.knobs:
            if slot.name in APART:
                _draw_shared(build, slot)
        info = "Decides initial weights, order and dropout."
        build.seed = gr.Number(build.first.seed, label="Seed", info=info, elem_id="build-seed", elem_classes="inline")


def _draw_model(build: Build, role: str, choices: list[tuple[str, str]], ref: str | None) -> tuple[gr.Dropdown, gr.HTML]:
    with gr.Column(elem_classes=f"pick {role}"):
        picker = gr.Dropdown(
            choices,
            value=apart(ref)[0] if role == "student" else ref,
            label=role.capitalize(),
            allow_custom_value=True,
            elem_id=f"build-{role}",
            interactive=True,
        )
        facts = gr.HTML(elem_id=f"build-{role}-facts")
        if role == "student":
            build.options = draw_options(ref)
        return picker, facts


def draw_how(build: Build) -> None:
    task = build.tasks.get(build.first.task)
    with gr.Column(elem_classes="card how"):
        gr.HTML('<h2 class="label">How</h2>')
        for method in build.methods:
            suits = task is None or method.modality in ("", task.modality)
            with gr.Column(elem_classes="step", elem_id=f"step-{method.name}", visible=suits) as step:
                _draw_step(build, method, task.modality if task else None)
            if method.modality:
                build.steps[method.name] = step


def _draw_step(build: Build, method: Method, modality: str | None) -> None:
    """Its switch or name, then its knobs; the stylesheet hides the knobs of a step that is off, and their lenses live on."""
    settings = settings_of(build.first, build.distiller_of(build.first) if method.name == DISTILL else method.name)
    folded = all(knob.advanced for knob in knobs(method.spec))
    if method.name in build.optional:
        several = method.name == DISTILL
        build.switches[method.name] = gr.Checkbox(
            settings is not None,
            label="Distill" if several else method.title,
            info="Train the student under the teacher, in the way chosen here." if several else method.summary,
            elem_id=f"use-{method.name}",
            elem_classes="step-head",
            interactive=True,
        )
    elif not folded:
        gr.HTML(f'<div class="step-head"><b>{method.title}</b><span>{method.summary}</span></div>')
    pictured = has_lens(method)
    # A step without lenses is not even built in the browser while it is off: the page is up sooner.
    with gr.Column(elem_classes="step-body", visible=settings is not None or pictured or method.name == DISTILL) as body:
        if method.name == DISTILL:
            _draw_distillation(build)
            return
        build.forms[method.name] = draw_form(
            method.name,
            method.spec,
            settings or {},
            modality=modality,
            shows=build.model_shows(build.first, "teacher") if method.name == "teach" else None,
            lens=partial(_draw_lens, build, settings=settings or {}) if pictured else None,
            fold=method.title if folded else "More settings",
        )
    if method.name in build.optional and not pictured:
        switch = build.switches[method.name]
        switch.input(lambda on: gr.update(visible=on), switch, body, **READ)
        build.bodies[method.name] = body


def _draw_distillation(build: Build) -> None:
    """The choice of a method, and the form that all of them share."""
    first = build.distiller_of(build.first)
    build.chooser = draw_chooser(build.distillers, first, build.workbench.unfit_methods(build.first))
    build.distiller = gr.Textbox(first, elem_id="build-distiller", elem_classes="hidden-field", label="Shown method")
    lens = partial(_draw_lens, build, settings=settings_of(build.first, first) or {})
    build.shared.draw(partial(_draw_shared, build), build.distiller, lens, "More settings")


def _draw_shared(build: Build, slot: Knob) -> Any:
    task, first = build.tasks.get(build.first.task), build.distiller_of(build.first)
    settings, shows = settings_of(build.first, first) or {}, build.model_shows(build.first, "student")
    return build.shared.drawer(first, settings, task.modality if task else None, shows)(slot)


def _draw_lens(build: Build, knob: Knob, settings: Mapping[str, Any]) -> None:
    """The picture beside a knob; it begins where the first recipe has the knob."""
    shown = knob.shown(settings.get(knob.name, knob.default))
    gr.HTML(
        f'<div class="lens" data-lens="{knob.lens}" data-value="{shown}"></div>',
        elem_classes="knob-lens",
        js_on_load="kdui.load('lenses.js').then(() => kdui.lenses.mount(element.querySelector('.lens')))",
    )


def draw_cost(build: Build) -> None:
    with gr.Column(elem_classes="card cost-card"):
        gr.HTML('<h2 class="label">What it will cost <span class="prov">● measured ○ estimated</span></h2>')
        build.cost = gr.HTML(build_facts.ESTIMATING, elem_id="build-cost")
        build.actions = draw_actions(build)
        gr.HTML('<a class="to-what-if" href="#whatif-panel">What if it were compressed after training?</a>')
