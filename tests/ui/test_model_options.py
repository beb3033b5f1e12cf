"""A model's options as fields: what is shown, what is read back, what stays out of the name."""

import pytest

from kdui.catalogue.models import presets
from kdui.core.errors import RecipeError
from kdui.ui.model_options import apart, with_option


def values(ref: str) -> dict:
    return {option.knob.name: option.value for option in apart(ref)[1]}


def typed(ref: str, **given) -> str | None:
    """What the reference says after somebody typed into its fields."""
    for name, value in given.items():
        ref = with_option(ref, name, value)
    return ref


def test_the_fields_are_those_of_the_family_with_the_presets_own_values():
    assert values("bilstm-64-trim") == {"embedding": 64, "hidden": 64, "dropout": 0.3, "vocabulary": 6000}
    assert values("minilm-l3").keys() == {"layers", "heads", "intermediate", "embedding_rank", "vocabulary", "fresh"}
    assert values("cnn-small") == {"width": 8, "stages": 2, "depth": 1}
    assert "vocabulary" not in values("minilm-l6")  # it has no teacher's words to trim


def test_each_field_has_its_words_and_bounds():
    width = apart("resnet-8")[1][0].knob
    assert (width.title, width.minimum, width.maximum, width.whole, width.kind) == ("Width", 1, 512, True, "integer")
    assert width.help.lower().startswith("channels of the first stage")
    dropout = next(option.knob for option in apart("bilstm-64")[1] if option.knob.name == "dropout")
    assert (dropout.whole, dropout.kind) == (False, "decimal")


@pytest.mark.parametrize("name", sorted(presets()))
def test_an_untouched_model_keeps_its_plain_name(name):
    result, fields = apart(name)
    assert result == name == typed(name, **{option.knob.name: option.value for option in fields})


@pytest.mark.parametrize(
    "ref", ["bilstm-64?vocabulary=6000", "minilm-l3?layers=2&heads=6", "bilstm-128?dropout=0.1&hidden=96", "cnn-small?width=0"]
)
def test_a_typed_name_loads_into_the_fields_and_reads_back(ref):
    name, fields = apart(ref)
    assert name == ref.partition("?")[0]
    read = typed(name, **{option.knob.name: option.value for option in fields})
    assert sorted(read.partition("?")[2].split("&")) == sorted(ref.partition("?")[2].split("&"))


def test_what_was_typed_goes_into_the_name_and_the_own_value_stays_out():
    assert typed("bilstm-64", hidden=96) == "bilstm-64?hidden=96"
    assert typed("bilstm-64", hidden=96.0, dropout=0.25) == "bilstm-64?hidden=96&dropout=0.25"
    assert typed("bilstm-64?hidden=96", hidden=64) == "bilstm-64"
    assert typed("bilstm-64?hidden=96", hidden="") == "bilstm-64"
    assert typed("bilstm-64?hidden=64", dropout=0.3) == "bilstm-64"


def test_a_model_from_outside_has_fields_for_how_it_is_to_be_read():
    assert values("onnx:/a/b.onnx?scale=255&mean=0.4,0.5,0.6") == {
        **{"labels": "", "scale": 255, "mean": "0.4,0.5,0.6", "std": "", "probabilities": False, "output": ""}
    }
    assert typed("onnx:/a/b.onnx", mean="0.4,0.5,0.6", probabilities=True) == "onnx:/a/b.onnx?mean=0.4,0.5,0.6&probabilities=True"
    assert values("csv:/a/b.csv") == {"labels": ""}
    assert list(values("hub:owner/name")) == ["labels", "scale", "mean", "std"]


@pytest.mark.parametrize("ref", ["bilstm-64?hiden=96", "cnn-small?width=lots", "no-such-model", "artifact:123", "?width=3", None])
def test_what_no_field_can_show_stays_as_it_is(ref):
    assert apart(ref) == (ref, [])


def test_an_empty_reference_is_refused_in_words():
    with pytest.raises(RecipeError, match="names no model"):
        with_option("?width=3", "width", 4)
