"""A model's options as fields: ``bilstm-64?hidden=96`` in a recipe is BiLSTM-64 in the list and 96 beside Hidden."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from kdui.catalogue.models import asked_options
from kdui.core.errors import RecipeError
from kdui.core.page_rows import ModelCard
from kdui.core.recipe import ModelRef
from kdui.ui.forms import Knob, knobs


class Option(NamedTuple):
    """One option as a person turns it: its knob, what the model has by itself, and what the reference says."""

    knob: Knob
    own: Any
    value: Any


def apart(ref: str | None) -> tuple[str | None, list[Option]]:
    """A reference as what the list shows and what the fields show; one whose options no field can show stays whole."""
    try:
        model = ModelRef.parse(ref) if ref else None
    except RecipeError:
        return ref, []
    form = asked_options(model) if model is not None else None
    if model is None or form is None:
        return ref, []
    spec, own = form
    form_knobs = [knob for knob in knobs(spec) if knob.name in own]
    if not all(any(knob.name == name and _fits(knob, value) for knob in form_knobs) for name, value in model.options.items()):
        return ref, []
    plain = {name: _text(value) for name, value in own.items()}
    fields = [Option(knob, plain[knob.name], _text(model.options.get(knob.name, plain[knob.name]))) for knob in form_knobs]
    return str(model.model_copy(update={"options": {}})), fields


def with_option(ref: str, name: str, value: Any) -> str:
    """The reference with one option turned; the model's own value, or none, stays out of it."""
    model = ModelRef.parse(ref)
    form = asked_options(model)
    own = {key: _text(each) for key, each in form[1].items()} if form else {}
    options = {key: each for key, each in model.options.items() if key != name}
    if value not in ("", None) and _whole(value) != own.get(name):
        options[name] = _whole(value)
    options = {key: each for key, each in options.items() if _text(each) != own.get(key)}
    return str(model.model_copy(update={"options": options}))


def as_choices(cards: Sequence[ModelCard]) -> list[tuple[str, str]]:
    """Reference and title of each, for a list."""
    return [(card.ref, card.title) for card in cards]


def short(model: Any) -> str | None:
    """A reference as it is written, None for no model."""
    return str(model) if model is not None else None


def _fits(knob: Knob, value: Any) -> bool:
    """Whether the field can show the value at all; a number out of its bounds is shown, and refused in words."""
    if knob.kind == "switch":
        return isinstance(value, bool)
    if knob.kind == "choice":
        return value in knob.choices
    return knob.kind == "text" or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _text(value: Any) -> Any:
    """A list as it is written behind the question mark."""
    if not isinstance(value, (list, tuple)):
        return value
    return ",".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)


def _whole(value: Any) -> Any:
    """96.0 as 96: a browser knows one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
