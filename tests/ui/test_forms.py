"""Forms: what is drawn from a spec, and what is read back."""

from typing import Literal

import gradio as gr
import pytest
from pydantic import Field

from kdui.catalogue.methods import METHODS
from kdui.core.contracts import StageSpec
from kdui.core.errors import RecipeError
from kdui.ui.forms import applies, differences, draw_form, knobs


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


@pytest.fixture
def form():
    with gr.Blocks():
        return draw_form("example", ExampleSpec, {"share": 0.6, "kind": "two"})


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


def test_only_differences_from_the_defaults_are_kept():
    assert differences(knobs(ExampleSpec), {"share": 0.5, "bits": 4, "kind": "one"}) == {"bits": 4}


def test_knobs_apply_beside_their_setting_and_modality():
    form = by_name(ExampleSpec)
    assert not applies(form["views"], {"kind": "one"}, None)
    assert applies(form["views"], {"kind": "two"}, None)
    assert not applies(form["pictures"], {}, "text")
    assert applies(form["pictures"], {}, "image")


def test_drawn_controls_show_the_settings_under_known_ids(form):
    share = form.controls["share"]
    assert (share.value, share.maximum, share.elem_id) == (60, 95, "knob-example-share")
    assert form.controls["views"].visible is True
    assert form.controls["kind"].value == "two"


def test_what_the_controls_show_reads_back_as_the_settings(form):
    shown = [control.value for control in form.components]
    assert form.changed(shown) == {"share": 0.6, "kind": "two"}


def test_updates_show_other_settings_and_hide_what_does_not_apply(form):
    updates = dict(zip(form.controls, form.updates({"share": 0.2}, "text"), strict=True))
    assert updates["share"]["value"] == 20
    assert updates["views"]["visible"] is False
    assert updates["pictures"]["visible"] is False


@pytest.mark.parametrize("method", list(METHODS.values()), ids=lambda method: method.name)
def test_every_method_draws_a_form_that_reads_back_as_its_defaults(method):
    with gr.Blocks():
        form = draw_form(method.name, method.spec, {})
    shown = [control.value for control in form.components]
    assert form.changed(shown) == {}
    assert method.spec.model_validate(form.settings(shown)) == method.spec()
