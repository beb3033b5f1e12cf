"""Forms: what is drawn from a spec, and what is read back."""

import re
from typing import Literal

import pytest
from pydantic import Field

from kdui.catalogue.methods import METHODS
from kdui.core.contracts import StageSpec
from kdui.core.errors import RecipeError
from kdui.ui import build_changes, build_form, shared_training
from kdui.ui.build_changes import State, changed, form_of, stages_of
from kdui.ui.build_form import Drawn, Subject, control_id, step_html
from kdui.ui.forms import applies, knobs


class ExampleSpec(StageSpec):
    """Every kind of field that a method may have."""

    share: float = Field(
        default=0.5,
        ge=0,
        le=0.95,
        title="Share",
        description="How much.",
        json_schema_extra={"lens": "sparsity", "step": 0.05, "percent": True},
    )
    bits: int = Field(default=8, ge=2, le=8, json_schema_extra={"step": 1})
    rate: float = Field(default=1e-3, gt=0, le=10, json_schema_extra={"advanced": True})
    kind: Literal["one", "two"] = "one"
    pictures: bool = Field(default=False, json_schema_extra={"modality": "image"})
    views: int = Field(default=4, ge=1, le=32, json_schema_extra={"only_when": {"kind": ["two"]}})
    note: str | None = None


def by_name(spec):
    return {knob.name: knob for knob in knobs(spec)}


def test_knobs_take_title_help_bounds_and_step_from_the_spec():
    share = by_name(ExampleSpec)["share"]
    assert (share.title, share.help, share.lens) == ("Share", "How much.", "sparsity")
    assert (share.kind, share.minimum, share.maximum, share.step) == ("slider", 0, 95, 5)


def test_kind_of_each_field():
    assert {name: knob.kind for name, knob in by_name(ExampleSpec).items()} == {
        "share": "slider",
        "bits": "slider",
        "rate": "decimal",
        "kind": "choice",
        "pictures": "switch",
        "views": "integer",
        "note": "text",
    }


def test_percent_knob_shows_60_for_0_6_and_reads_it_back():
    share = by_name(ExampleSpec)["share"]
    assert share.shown(0.6) == 60
    assert share.setting(60) == 0.6
    assert share.setting(share.shown(0.35)) == 0.35


def test_whole_numbers_stay_whole_and_an_empty_number_means_the_default():
    bits = by_name(ExampleSpec)["bits"]
    assert bits.setting(4.0) == 4 and isinstance(bits.setting(4.0), int)
    assert bits.setting(None) == 8


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("share", "60", 0.6),
        ("share", "0.6", 0.6),
        ("share", "60 %", 0.6),
        ("bits", "3", 3),
        ("rate", "1e-4", 1e-4),
        ("kind", " two ", "two"),
        ("pictures", "on", True),
    ],
)
def test_typed_values_of_a_sweep(name, text, value):
    assert by_name(ExampleSpec)[name].parse(text) == value


def test_a_typed_word_where_a_number_belongs_is_refused_in_words():
    with pytest.raises(RecipeError, match="Share: 'lots' is not a number"):
        by_name(ExampleSpec)["share"].parse("lots")


def test_only_differences_from_the_defaults_are_kept(example):
    turned = [("share", 60), ("bits", 4), ("kind", "one"), ("bits", None), ("rate", 1e-3)]
    after = state({})
    for name, value in turned:
        after = changed(None, after, {"role": "knob", "stage": "example", "name": name, "value": value}).state
    assert stages_of(after)[0]["settings"] == {"share": 0.6}


def test_knobs_apply_beside_their_setting_and_modality():
    form = by_name(ExampleSpec)
    assert not applies(form["views"], {"kind": "one"}, None)
    assert applies(form["views"], {"kind": "two"}, None)
    assert not applies(form["pictures"], {}, "text")
    assert applies(form["pictures"], {}, "image")


def state(settings):
    return State(
        recipe={"task": "digits", "stages": [{"method": "example", "name": "example", "settings": settings}]}, open="example"
    )


@pytest.fixture
def example(monkeypatch):
    """The methods that there are, and one more with every kind of field."""
    method = METHODS["prune"].model_copy(update={"name": "example", "spec": ExampleSpec, "modality": ""})
    known = {**{each.name: each for each in METHODS.values()}, "example": method}
    for module in (build_changes, build_form, shared_training):
        monkeypatch.setattr(module, "METHODS", known)


def drawn(settings, modality=None):
    result = Drawn()
    step_html(state(settings), Subject(modality, {}), {}, result)
    return result


def test_drawn_controls_show_the_settings_under_known_ids(example):
    result = drawn({"share": 0.6, "kind": "two"})
    values = {name: value for name, value in result.values.items() if not name.endswith("-beside")}
    assert (values["knob-example-share"], values["knob-example-kind"], values["knob-example-views"]) == (60, "two", 4)
    assert all(f'id="{name}"' in result.html["build-step"] for name in values)
    assert 'min="0" max="95" step="5"' in result.html["build-step"] and 'data-lens="sparsity"' in result.html["build-step"]
    assert not [label for label in re.findall(r'<label for="([^"]+)"', result.html["build-step"]) if label not in values]


def test_other_settings_change_no_markup_but_what_does_not_apply_goes(example):
    assert drawn({"share": 0.2}).html == drawn({"share": 0.6}).html  # or a slider would be drawn anew under the hand
    hidden = drawn({"share": 0.2}, "text").values
    assert "knob-example-views" not in hidden and "knob-example-pictures" not in hidden and hidden["knob-example-share"] == 20


@pytest.mark.parametrize("method", list(METHODS.values()), ids=lambda method: method.name)
def test_every_method_draws_a_form_that_reads_back_as_its_defaults(method):
    stage = {"method": method.name, "name": method.name, "settings": {}}
    shown = State(recipe={"task": "digits", "stages": [stage]}, open=method.name)
    result = Drawn()
    step_html(shown, Subject(None, {}), {}, result)
    after = shown
    for knob in form_of(stage):
        value = result.values.get(control_id(method.name, knob))
        if value is not None:
            change = {"role": "knob", "stage": method.name, "name": knob.name, "value": value}
            after = changed(None, after, change).state
    assert stages_of(after) == [stage]
