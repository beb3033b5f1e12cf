"""A student's options as fields: ``bilstm-64?hidden=96`` in a recipe is BiLSTM-64 in the list and 96 beside Hidden.

One component holds the fields of whatever family the chosen student has; ``assets/options.js`` draws them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from kdui.catalogue.models import own_options, preset, presets
from kdui.core.page_rows import ModelCard
from kdui.core.recipe import ModelRef
from kdui.ui.forms import Knob, knobs

MOUNT = "kdui.load('options.js').then(() => kdui.options.mount(element, props, trigger, watch))"
NOTHING: dict[str, Any] = {"model": "", "fields": []}


def draw_options(ref: str | None) -> gr.HTML:
    """Draw the fields here. Their value is ``{"model": name, "fields": [{name, value, own, …}]}``."""
    return gr.HTML(
        apart(ref)[1],
        html_template='<div class="model-options"></div>',
        elem_id="build-options",
        apply_default_css=False,
        js_on_load=MOUNT,
    )


def apart(ref: str | None) -> tuple[str | None, dict[str, Any]]:
    """A reference as what the list shows and what the fields show; one whose options no field can show stays whole."""
    model = ModelRef.parse(ref) if ref else None
    if model is None or model.kind != "preset" or model.name not in presets():
        return ref, NOTHING
    own = own_options(model.name)
    asked = [knob for knob in knobs(preset(model.name)[0].options) if knob.name in own]
    if not all(any(knob.name == name and _fits(knob, value) for knob in asked) for name, value in model.options.items()):
        return ref, NOTHING
    fields = [_field(knob, own[knob.name], model.options.get(knob.name, own[knob.name])) for knob in asked]
    return model.name, {"model": model.name, "fields": fields}


def as_choices(cards: Sequence[ModelCard]) -> list[tuple[str, str]]:
    """Title and reference of each, for a list."""
    return [(card.title, card.ref) for card in cards]


def short(model: Any) -> str | None:
    """A reference as it is written, None for no model."""
    return str(model) if model is not None else None


def joined(name: str | None, shown: Mapping[str, Any] | None) -> str | None:
    """The reference that list and fields say together; a value that is the model's own stays out of it."""
    if not name or not shown or shown.get("model") != name:
        return name  # the fields are still those of another model
    given = {field["name"]: field["value"] for field in shown["fields"] if field["value"] not in ("", None)}
    own = {field["name"]: field["own"] for field in shown["fields"]}
    options = {key: _whole(value) for key, value in given.items() if value != own[key]}
    return str(ModelRef(name=name, options=options))


def _field(knob: Knob, own: Any, value: Any) -> dict[str, Any]:
    return {
        "name": knob.name,
        "title": knob.title,
        "help": f"{knob.help[:1].upper()}{knob.help[1:]}.",
        "kind": knob.kind,
        "whole": knob.whole,
        "low": knob.minimum,
        "high": knob.maximum,
        "choices": list(knob.choices),
        "own": own,
        "value": value,
    }


def _fits(knob: Knob, value: Any) -> bool:
    """Whether the field can show the value at all; a number out of its bounds is shown, and refused in words."""
    if knob.kind == "switch":
        return isinstance(value, bool)
    if knob.kind == "choice":
        return value in knob.choices
    return knob.kind == "text" or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _whole(value: Any) -> Any:
    """96.0 as 96: a browser knows one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
