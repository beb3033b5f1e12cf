"""A student's options as fields: what is shown, what is read back, what stays out of the name."""

import pytest

from kdui.catalogue.models import presets
from kdui.core.errors import RecipeError
from kdui.ui.model_options import NOTHING, apart, joined


def values(ref: str) -> dict:
    return {field["name"]: field["value"] for field in apart(ref)[1]["fields"]}


def typed(ref: str, **given) -> str | None:
    """What the fields of a model say after somebody typed into them."""
    name, shown = apart(ref)
    fields = [{**field, "value": given.get(field["name"], field["value"])} for field in shown["fields"]]
    return joined(name, {**shown, "fields": fields})


def test_the_fields_are_those_of_the_family_with_the_presets_own_values():
    assert values("bilstm-64-trim") == {"embedding": 64, "hidden": 64, "dropout": 0.3, "vocabulary": 6000}
    assert values("minilm-l3").keys() == {"layers", "heads", "intermediate", "embedding_rank", "vocabulary", "fresh"}
    assert values("cnn-small") == {"width": 8, "stages": 2, "depth": 1}
    assert "vocabulary" not in values("minilm-l6")  # it has no teacher's words to trim


def test_each_field_has_its_words_and_bounds():
    width = apart("resnet-8")[1]["fields"][0]
    assert (width["title"], width["low"], width["high"], width["whole"], width["kind"]) == ("Width", 1, 512, True, "integer")
    assert width["help"].startswith("Channels of the first stage")
    dropout = next(field for field in apart("bilstm-64")[1]["fields"] if field["name"] == "dropout")
    assert (dropout["whole"], dropout["kind"]) == (False, "decimal")


@pytest.mark.parametrize("name", sorted(presets()))
def test_an_untouched_model_keeps_its_plain_name(name):
    assert joined(*apart(name)) == name


@pytest.mark.parametrize(
    "ref", ["bilstm-64?vocabulary=6000", "minilm-l3?layers=2&heads=6", "bilstm-128?dropout=0.1&hidden=96", "cnn-small?width=0"]
)
def test_a_typed_name_loads_into_the_fields_and_reads_back(ref):
    name, shown = apart(ref)
    assert name == ref.partition("?")[0] == shown["model"]
    assert sorted(joined(name, shown).partition("?")[2].split("&")) == sorted(ref.partition("?")[2].split("&"))


def test_what_was_typed_goes_into_the_name_and_the_own_value_stays_out():
    assert typed("bilstm-64", hidden=96) == "bilstm-64?hidden=96"
    assert typed("bilstm-64", hidden=96.0, dropout=0.25) == "bilstm-64?hidden=96&dropout=0.25"
    assert typed("bilstm-64?hidden=96", hidden=64) == "bilstm-64"
    assert typed("bilstm-64?hidden=96", hidden="") == "bilstm-64"
    assert apart("bilstm-64?hidden=64")[0] == "bilstm-64" == joined(*apart("bilstm-64?hidden=64"))


@pytest.mark.parametrize(
    "ref", ["bilstm-64?hiden=96", "cnn-small?width=lots", "hub:owner/name", "no-such-model", "artifact:123", None]
)
def test_what_no_field_can_show_stays_as_it_is(ref):
    assert apart(ref) == (ref, NOTHING)
    assert joined(ref, NOTHING) == ref


def test_the_fields_of_another_model_state_nothing():
    assert joined("cnn-small", apart("bilstm-64?hidden=96")[1]) == "cnn-small"
    assert joined("cnn-small", {}) == "cnn-small"
    assert joined("", apart("bilstm-64")[1]) == ""


def test_an_empty_reference_is_refused_in_words():
    with pytest.raises(RecipeError, match="names no model"):
        apart("?width=3")
