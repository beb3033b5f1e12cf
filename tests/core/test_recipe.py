"""Recipes: read and written, named by what they intend, changed by dotted settings."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kdui.catalogue.recipe_files import BUILT_IN, dump_recipe, parse_recipe, read_recipe, recipe_files, save_recipe
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.recipe import ModelRef, Recipe

PLAIN = {
    "task": "digits",
    "teacher": "cnn-medium",
    "student": "cnn-small?width=4",
    "seed": 3,
    "stages": ["teach", {"distill": {"temperature": 4.0}}, "quantize"],
}


def recipe(**changes) -> Recipe:
    return Recipe.model_validate({**PLAIN, **changes})


# --- models and stages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "name", "options"),
    [
        ("resnet-20", "preset", "resnet-20", {}),
        ("preset:resnet-20", "preset", "resnet-20", {}),
        ("hub:owner/name@v1", "hub", "owner/name@v1", {}),
        ("folder:/a/b c", "folder", "/a/b c", {}),
        ("lstm?size=96&dropout=0.5&deep=true&kind=x", "preset", "lstm", {"size": 96, "dropout": 0.5, "deep": True, "kind": "x"}),
    ],
)
def test_model_references_in_short(text, kind, name, options):
    ref = ModelRef.parse(text)
    assert (ref.kind, ref.name, ref.options) == (kind, name, options)
    assert ModelRef.parse(str(ref)) == ref


@pytest.mark.parametrize("text", ["", "hub:", "?width=3"])
def test_a_reference_without_a_name_is_refused(text):
    with pytest.raises(RecipeError, match="names no model"):
        ModelRef.parse(text)


def test_stages_get_names_of_their_own():
    stages = recipe(stages=["teach", "quantize", {"quantize": {"bits": 4}}, {"method": "quantize", "name": "quantize"}]).stages
    assert [stage.name for stage in stages] == ["teach", "quantize", "quantize-2", "quantize-3"]


# --- round trip ---------------------------------------------------------------------------------------------------


def test_json_round_trip_and_schema():
    built = recipe(name="x", summary="y")
    assert Recipe.model_validate_json(built.model_dump_json()) == built
    schema = Recipe.model_json_schema()
    assert {"task", "teacher", "student", "seed", "stages"} <= set(schema["properties"])
    assert schema["required"] == ["task", "stages"]
    assert schema["properties"]["seed"]["maximum"] == 2**31 - 1


PRINTABLE = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=40)


@given(
    PRINTABLE,
    st.integers(0, 2**31 - 1),
    st.floats(1, 20, allow_subnormal=False),
    st.booleans(),
    st.lists(st.integers(2, 8), max_size=3),
)
def test_yaml_round_trip(name, seed, temperature, control, widths):
    built = recipe(
        name=name,
        seed=seed,
        stages=[
            "teach",
            {"distill": {"temperature": temperature, "control": control}},
            *({"quantize": {"bits": bits}} for bits in widths),
        ],
    )
    again = parse_recipe(dump_recipe(built))
    assert again == built
    assert again.digest == built.digest


def test_yaml_is_the_short_form_that_a_person_writes():
    assert dump_recipe(recipe()) == (
        "kdui: 1\ntask: digits\nteacher: cnn-medium\nstudent: cnn-small?width=4\nseed: 3\nstages:\n"
        "  - teach\n  - distill: {temperature: 4.0}\n  - quantize\n"
    )


@pytest.mark.parametrize("name", [path.stem for path in BUILT_IN.glob("*.yaml")])
def test_every_built_in_recipe_comes_back(name, settings):
    built = read_recipe(name, settings)
    assert parse_recipe(dump_recipe(built)) == built
    assert built.name and built.summary
    assert next(iter(recipe_files(settings))) == "quickstart"


def test_saved_recipes_are_found_again(settings):
    assert save_recipe(recipe(), "  My Grid: 2! ", settings) == "my-grid-2"
    assert read_recipe("my-grid-2", settings) == recipe()
    assert list(settings.recipes.glob("*.part")) == []
    with pytest.raises(RecipeError, match="built-in"):
        save_recipe(recipe(), "Quickstart", settings)
    with pytest.raises(UnknownName, match="Did you mean 'my-grid-2'"):
        read_recipe("my-grid-3", settings)


# --- digest -------------------------------------------------------------------------------------------------------


def test_digest_is_the_same_on_every_machine():
    assert recipe().digest == "0586498d6ac6f3a1183dc5f11b13ee24eeccc1ebc72900de32dcf2595ef083f5"


def test_digest_names_the_intent():
    assert recipe(name="a", summary="b").digest == recipe().digest
    assert recipe(stages=["teach", {"distill": {"temperature": 4}}, "quantize"]).digest == recipe().digest
    others = [
        recipe(seed=4),
        recipe(student="cnn-small"),
        recipe(task="fashion-mnist"),
        recipe(stages=["teach", "distill", "quantize"]),
    ]
    assert len({item.digest for item in [recipe(), *others]}) == 5


# --- changes ------------------------------------------------------------------------------------------------------


def test_dotted_settings_make_a_new_recipe():
    changed = recipe().with_values({"distill.temperature": 2, "quantize.bits": 4, "seed": 9, "student": "cnn-tiny"})
    assert changed.stage("distill").settings == {"temperature": 2}
    assert changed.stage("quantize").settings == {"bits": 4}
    assert (changed.seed, str(changed.student)) == (9, "cnn-tiny")
    assert recipe().stage("quantize").settings == {}


@pytest.mark.parametrize(("path", "hint"), [("distil.temperature", "Did you mean 'distill'"), ("sed", "Did you mean 'seed'")])
def test_unknown_settings_suggest_the_nearest(path, hint):
    with pytest.raises(UnknownName, match=hint):
        recipe().with_values({path: 1})


# --- what is wrong, in words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("task: digits\nstages: [teach\nseed: 1\n", "lesson.yaml is not valid YAML in line 3"),
        ("task: digits\n  seed: 1\n", "in line 2"),
        ("just words", "must be a mapping with task, teacher, student and stages, but it is a str"),
        ("", "but it is empty"),
        ("task: digits\n", "stages is missing"),
        ("task: digits\nstages: []\n", "line 2: stages: Stages must be a list of 1 to 100 entries"),
        ("task: digits\nseed: -1\nstages: [teach]\n", "line 2: seed: Seed must be 0 to 2147483647 (got -1)"),
        ("task: digits\nstudnt: x\nstages: [teach]\n", "line 2: studnt: there is no such field. Did you mean 'student'?"),
        ("kdui: 2\ntask: digits\nstages: [teach]\n", "line 1: kdui: Kdui must be 1 (got 2)"),
    ],
)
def test_malformed_recipes_name_the_place(text, words):
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "lesson.yaml")
    assert words in str(caught.value)


def test_all_faults_stand_in_one_message():
    with pytest.raises(RecipeError, match=r"seed: .*; .*stages: "):
        parse_recipe(json.dumps({"task": "digits", "seed": "many", "stages": []}))


def test_a_yaml_alias_cannot_run_code():
    with pytest.raises(RecipeError, match=r"line 1: the tag .* is not used here"):
        parse_recipe("task: !!python/object/apply:os.getcwd []\nstages: [teach]")
    assert yaml.safe_load(dump_recipe(recipe()))["task"] == "digits"
