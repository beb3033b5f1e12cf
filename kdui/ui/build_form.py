"""Build's form as HTML: the strip of steps, and the settings of the one that is open, drawn from the facts of their knobs.

The markup holds no value, so turning a knob changes none of it and a slider stays under the hand; values go apart, by the
control's id. What a control changes stands in its ``data-change`` (see ``build_changes``).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from kdui.catalogue.methods import METHODS, trains_student
from kdui.core.method import Group, Method
from kdui.ui.build_changes import State, form_of, stages_of
from kdui.ui.chooser import method_html
from kdui.ui.forms import Knob, applies, arrow_step
from kdui.ui.shared_training import SHARED, is_training, shared_knobs


@dataclass
class Drawn:
    """Markup by the id of the element that it fills, and values by the id of the control or text that shows them."""

    html: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """What decides which knobs mean anything: the kind of task, and what the models in training show of themselves."""

    modality: str | None
    shows: Mapping[str, Collection[str] | None]  # by role
    gives: Collection[str] | None = None  # what the task's problem has for methods

    def visible(self, method: Method, knob: Knob, settings: Mapping[str, Any]) -> bool:
        role = {Group.TEACH: "teacher", Group.DISTILL: "student"}.get(method.group, "")
        return applies(knob, settings, self.modality, self.shows.get(role), self.gives)


def change(role: str, **facts: Any) -> str:
    """The attribute that says what a control changes."""
    return f"data-change='{escape(json.dumps({'role': role, **facts}), quote=True)}'"


def control_id(stage: str, knob: Knob) -> str:
    return f"knob-{stage}-{knob.name}"


# --- the strip ----------------------------------------------------------------------------------------------------------


def strip_html(state: State, modality: str | None) -> str:
    """The recipe's steps in their order, the settings of all trainings, and what can be added."""
    stages = stages_of(state)
    items = "".join(_strip_item(stage, state.open) for stage in stages)
    shared = (
        f'<button type="button" class="act small" id="open-training" aria-expanded="{str(state.open == SHARED).lower()}" '
        f"{change('open', value=SHARED)}>Training of all steps</button>"
    )
    return f'<ol class="pipeline">{items}</ol><div class="buttons">{shared}{_add_menu(stages, modality)}</div>'


def _strip_item(stage: Mapping[str, Any], open_: str) -> str:
    method, name = METHODS[stage["method"]], escape(stage["name"])
    title, below = (method.group.capitalize(), method.title) if trains_student(method) else (method.title, _lens_value(stage))
    return (
        f'<li><button type="button" class="stage {method.group}" id="open-{name}" aria-controls="build-step" '
        f'aria-expanded="{str(stage["name"] == open_).lower()}" {change("open", value=stage["name"])}>'
        f"<b>{escape(title)}</b><span>{escape(below)}</span></button></li>"
    )


def _lens_value(stage: Mapping[str, Any]) -> str:
    """The setting that a step is known by: the one with a picture."""
    knob = next((knob for knob in form_of(stage) if knob.lens), None)
    if knob is None:
        return ""
    value = knob.shown(stage["settings"].get(knob.name, knob.default))
    return f"{value:g}\u202f%" if knob.percent and isinstance(value, (int, float)) else f"{knob.title.lower()} {value}"


def _add_menu(stages: Sequence[Mapping[str, Any]], modality: str | None) -> str:
    there = {stage["method"] for stage in stages}
    trained = any(trains_student(METHODS[name]) for name in there)
    offered = [
        method
        for method in sorted(METHODS.values(), key=lambda method: method.order)
        if method.name not in there
        and method.modality in ("", modality or method.modality)
        and (not trains_student(method) or (not trained and method.plain))
    ]
    buttons = "".join(
        f'<button type="button" class="item" id="add-{method.name}" {change("add", value=method.name)}>'
        f"<b>{escape('Distill' if trains_student(method) else method.title)}</b><span>{escape(method.summary)}</span></button>"
        for method in offered
    )
    summary = '<summary class="act small">+ Add step</summary>'
    return f'<details class="menu" id="add-step">{summary}<div class="menu-items">{buttons}</div></details>'


# --- the open step ------------------------------------------------------------------------------------------------------


def step_html(state: State, subject: Subject, unfit: Mapping[str, str], drawn: Drawn) -> None:
    """Draw what is open: one step, or the settings that all trainings share."""
    stages = stages_of(state)
    if state.open == SHARED:
        _draw_shared(stages, subject, drawn)
        return
    stage = next((stage for stage in stages if stage["name"] == state.open), None)
    if stage is None:
        drawn.html["build-step"] = ""
        return
    method = METHODS[stage["method"]]
    settings = {knob.name: stage["settings"].get(knob.name, knob.default) for knob in form_of(stage)}
    seen = [knob for knob in form_of(stage) if subject.visible(method, knob, settings)]
    drawn.values.update({control_id(stage["name"], knob): knob.shown(settings[knob.name]) for knob in seen})
    drawn.values.update(_elsewhere(stages, stage))
    head = (
        f'<div class="step-head"><h3 class="title">{escape("Distill" if trains_student(method) else method.title)}</h3>'
        f"<span>{'' if trains_student(method) else escape(method.summary)}</span>"
        f'<button type="button" class="quiet" id="remove-step" {change("remove", value=stage["name"])}>Remove step</button></div>'
    )
    about = method_html(method, unfit.get(method.name, "")) if trains_student(method) else ""
    drawn.html["build-step"] = head + about + _laid_out(stage["name"], method, seen, subject.modality)


def _elsewhere(stages: Sequence[Mapping[str, Any]], stage: Mapping[str, Any]) -> dict[str, str]:
    """Beside each knob of the training, what other steps have in the place of this step's value where that differs."""
    beside = {}
    for shared in shared_knobs(stages):
        own = shared.values.get(stage["name"])
        others = {name: value for name, value in shared.values.items() if name != stage["name"] and value != own}
        if stage["name"] in shared.values:
            words = f"In other steps: {_by_step(shared.knob, others)}." if others else ""
            beside[f"{control_id(stage['name'], shared.knob)}-beside"] = words
    return beside


def _by_step(knob: Knob, values: Mapping[str, Any]) -> str:
    """teach: 15, distill: 20."""
    return ", ".join(f"{name}: {_value_words(knob, value)}" for name, value in values.items())


def _value_words(knob: Knob, value: Any) -> str:
    return "–" if value is None else ("on" if value else "off") if isinstance(value, bool) else str(knob.shown(value))


def _laid_out(stage: str, method: Method, form: Sequence[Knob], modality: str | None) -> str:
    """Each knob with a lens in a row, then the plain ones, then the rest folded: its own, and those of every training."""

    def control(knob: Knob) -> str:
        changes = change("knob", stage=stage, name=knob.name)
        return knob_html(control_id(stage, knob), knob, modality, changes, compared=is_training(method.name, knob))

    pictured = [knob for knob in form if knob.lens and not knob.advanced]
    plain = [knob for knob in form if not knob.advanced and knob not in pictured]
    training = [knob for knob in form if knob.advanced and is_training(method.name, knob)]
    own = [knob for knob in form if knob.advanced and knob not in training]
    rows = "".join(
        f'<div class="knob">{control(knob)}<div class="lens" data-lens="{knob.lens}"></div></div>' for knob in pictured
    )
    folds = "".join(
        f'<details class="more" id="more-{kind}"><summary>{title}</summary>'
        f'<div class="knobs">{"".join(map(control, inside))}</div></details>'
        for kind, title, inside in (("own", "More settings", own), ("training", "Training of this step alone", training))
        if inside
    )
    return rows + (f'<div class="knobs">{"".join(map(control, plain))}</div>' if plain else "") + folds


def _draw_shared(stages: Sequence[Mapping[str, Any]], subject: Subject, drawn: Drawn) -> None:
    controls, settings = list[str](), shared_knobs(stages)
    most = max((len(shared.values) for shared in settings), default=0)
    for shared in settings:
        knob = shared.knob
        if not applies(knob, {knob.name: knob.default}, subject.modality, gives=subject.gives) and not knob.only_when:
            continue
        place = f"training-{knob.name}-{len(controls)}"
        differing = shared.common is None and any(value is not None for value in shared.values.values())
        drawn.values[place] = "" if differing else knob.shown(shared.common)
        some = "" if len(shared.values) == most else ", ".join(shared.values)
        drawn.values[f"{place}-beside"] = _by_step(knob, shared.values) if differing else some
        changes = change("training", name=knob.name, title=knob.title)
        controls.append(knob_html(place, knob, subject.modality, changes, compared=True, shared=True))
    drawn.html["build-step"] = (
        '<div class="step-head"><h3 class="title">Training of all steps</h3><span>What is set here is set in every step that '
        f'trains; a step may have its own.</span></div><div class="knobs">{"".join(controls)}</div>'
    )


# --- one control --------------------------------------------------------------------------------------------------------


def knob_html(place: str, knob: Knob, modality: str | None, changes: str, *, compared: bool = False, shared: bool = False) -> str:
    """One control with its label and help; ``compared``: other steps' values stand beside it; ``shared``: it may show none."""
    name, described = escape(place), f'aria-describedby="{escape(place)}-help"'
    lens = (f' data-lens-value="{knob.lens}"' if knob.lens and not knob.advanced else "") + (
        f' data-lens-value="{knob.turns}"' if knob.turns else ""
    )
    facts = f'id="{name}" {changes} {described}{lens}'
    label = f'<label for="{name}">{escape(knob.title)}</label>'
    beside = f' <small class="beside" id="{name}-beside"></small>' if compared else ""
    help_ = f'<p class="help" id="{name}-help">{escape(knob.help)}{beside}</p>'
    if knob.kind == "switch":
        return f'<div class="turn switch"><input type="checkbox" {facts}>{label}{help_}</div>'
    if knob.kind == "choice":
        options = "".join(f'<option value="{escape(str(choice))}">{escape(str(choice))}</option>' for choice in knob.choices)
        unset = '<option value="" disabled>differs</option>' if shared else ""
        return f'<div class="turn">{label}<select {facts}>{unset}{options}</select>{help_}</div>'
    if knob.kind == "text":
        hint = knob.usual.get(modality or "", "")
        return f'<div class="turn wide">{label}<input type="text" {facts} placeholder="{escape(hint)}">{help_}</div>'
    unit = '<span class="unit" aria-hidden="true">%</span>' if knob.percent else ""
    if knob.kind == "slider" and not shared:
        bounds = f'min="{knob.minimum:g}" max="{knob.maximum:g}" step="{knob.step:g}"'
        return (
            f'<div class="turn slider">{label}<span class="amount"><input type="number" {facts} {bounds}>{unit}</span>'
            f'<input type="range" {bounds} tabindex="-1" aria-hidden="true" data-follows="{name}">{help_}</div>'
        )
    return (
        f'<div class="turn">{label}<span class="amount">'
        f'<input type="number" {facts} step="any" data-arrow="{arrow_step(knob):g}">{unit}</span>{help_}</div>'
    )
