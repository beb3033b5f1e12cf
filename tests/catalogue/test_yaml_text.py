"""Recipes as text: one reading of each value, a line for each fault, and a bound on everything before it is built."""

import math
import time
import tracemalloc
from textwrap import indent

import pytest

from kdui.catalogue.recipe_files import BUILT_IN, dump_recipe, parse_recipe, read_recipe
from kdui.catalogue.studies import FOLDER, read_study
from kdui.catalogue.yaml_text import MOST_BYTES, read_value, read_yaml, write_yaml
from kdui.cli.listing import listing
from kdui.core.errors import RecipeError
from kdui.core.recipe import MOST_NAME, MOST_STAGES, ModelRef, Recipe
from kdui.workbench.sweep import MOST_IN_SWEEP
from kdui.workbench.workbench import Workbench

HEAD = "task: digits\nteacher: cnn-medium\nstudent: cnn-small\n"
STAGES = "stages: [teach, distill, export, measure]\n"

TEACH = HEAD + "stages:\n- teach\n"


def refused(text: str) -> str:
    """What is said of a recipe that cannot be used: short, at once, and without building what it describes."""
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "mine.yaml")
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert time.process_time() - started < 10
    assert len(str(caught.value)) < 3000
    return str(caught.value)


# --- one reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4), ("-3", -3), ("0", 0), ("1_000", 1000), ("0x10", 16), ("0o10", 8), ("0.5", 0.5), (".5", 0.5), ("5.", 5.0),
        ("1e-4", 1e-4), ("1E3", 1e3), ("1.5e+2", 150.0), ("true", True), ("False", False), ("off", False), ("null", None),
        ("~", None), ("'010'", "010"), ('"1e-4"', "1e-4"), ("2026-13-45", "2026-13-45"), ("2026-11-29T99:99:99Z",) * 2,
        ("12:30", "12:30"), ("2:4", "2:4"), ("nan", "nan"), ("[1, two]", [1, "two"]), ("{a: [b]}", {"a": ["b"]}), 
        ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_each_value_has_the_reading_that_a_person_expects(text, value):
    decoded = read_value(text, "The value")
    assert decoded == value and type(decoded) is type(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + STAGES + "task: sentiment\n", "line 5: 'task' appears twice (first in line 1)"),
        (
            HEAD + "stages:\n- distill:\n    epochs: 1\n    epochs: 2\n",
            "line 7: 'epochs' appears twice (first in line 6)",
        ),
        (HEAD + STAGES + "seed: 010\n", "line 5: 010 has two readings. Write 10 for the number, '010' for the text"),
        (HEAD + STAGES + "seed: -007\n", "line 5: -007 has two readings"),
        (HEAD + STAGES + "seed: .nan\n", "line 5: .nan is no number"),
        (HEAD + STAGES + "seed: -.inf\n", "line 5: -.inf is no number"),
        (HEAD + STAGES + "seed: 1e999\n", "line 5: 1e999 is too large a number"),
        (HEAD + STAGES + f"seed: {'9' * 5000}\n", "line 5: a number of 5,000 digits"),
        (HEAD + STAGES + "---\ntask: sentiment\n", "line 5: a second document begins here"),
        (HEAD + STAGES + "? [a, b]\n: 1\n", "line 5: a name must be plain text"),
        (HEAD + STAGES + "seed: !!int '3'\n", "line 5: the tag tag:yaml.org,2002:int is not used here"),
        (HEAD + STAGES + 'name: "\\ud800"\n', "line 5: it holds a control character or half a letter"),
        (HEAD + STAGES + 'name: "\\e]0;title\\a"\n', "line 5: it holds a control character"),
        (HEAD + STAGES + "name: a\x07b\n", "line 5: it holds a control character"),
        (HEAD + STAGES + 'name: "\\Uffffffff"\n', "is not valid YAML"),
    ],
)
def test_what_has_two_readings_or_none_is_refused_with_its_line(text, words):
    assert words in refused(text)


@pytest.mark.parametrize("text", ["0E0", "1e3", "1_0", "0o7", "010", ".5", "-.inf", "12", "no", "~", "a: b", "2026-11-30", ""])
def test_text_that_looks_like_something_else_is_written_as_text(text):
    assert read_yaml(write_yaml({"name": text, text or "none": [text]})).data == {"name": text, text or "none": [text]}


def test_a_date_is_a_name_like_any_other():
    assert parse_recipe(HEAD + STAGES + "name: 2026-13-45\n").name == "2026-13-45"
    assert parse_recipe(HEAD + "stages: [teach, {distill: {learning_rate: 1e-4}}]\n").stage("distill").settings == {
        "learning_rate": 1e-4
    }


# --- wrong shapes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[task, digits]", "but it is a list"),
        (HEAD + "stages: teach\n", "line 4: stages: Stages must be a list of 1 to 100 entries (got 'teach')"),
        (HEAD + "stages: {teach: {}, distill: {}}\n", "line 4: stages: Stages must be a list"),
        (TEACH + "- 5\n", "line 6: stages.1: a stage is a method's name"),
        (HEAD + "stages:\n- teach\n-\n", "line 6: stages.1: a stage is a method's name"),
        (HEAD + "stages:\n- teach:\n  epochs: 3\n", "line 5: stages.0: a stage has one method, but this one names 2"),
        (HEAD + "stages:\n- teach: [3]\n", "line 5: stages.0.settings: Settings must be a mapping of names to values"),
        ("task: [digits]\n" + STAGES, "line 1: task: Task must be text"),
        ("task: digits\nteacher: 5\n" + STAGES, "line 2: teacher: a model is written as a text"),
        ("task: digits\nteacher: 'onnx:'\n" + STAGES, "line 2: teacher: 'onnx:' names no model"),
        (HEAD + STAGES + "name: no\n", "line 5: name: Name must be text of at most 200 characters (got false)"),
        (HEAD + STAGES + "seed: many\n", "line 5: seed: Seed must be 0 to 2147483647 (got 'many')"),
        (HEAD + STAGES + "seeds: 3\n", "line 5: seeds: there is no such field. Did you mean 'seed'?"),
        (TEACH + "- distil\n", "line 6: There is no method called 'distil'. Did you mean 'distill'?"),
        (TEACH + "- distill:\n    temperature: 32\n", "line 7: distill.temperature: Temperature must be 1 to 20 (got 32)"),
        (TEACH + "- distill:\n    temprature: 3\n", "line 7: There is no setting of stage 'distill' called 'temprature'"),
        (TEACH + "- method: distill\n  settings:\n    epochs: x\n", "line 8: distill.epochs: Epochs must be 0 to 1000 (got 'x')"),
    ],
)
def test_a_wrong_shape_is_reported_with_its_line_its_title_and_what_it_may_be(text, words):
    assert words in refused(text)


def test_every_fault_has_its_line():
    words = refused("task: digits\nseed: -1\nstages:\n- {distill: {temperature: 99, epochs: -1}}\n")
    assert "line 2: seed: " in words
    words = refused("task: digits\nstages:\n- distill:\n    temperature: 99\n    epochs: -1\n")
    assert "line 4: distill.temperature" in words and "line 5: distill.epochs" in words


# --- bounds ------------------------------------------------------------------------------------------------------------

LAUGHS = "\n".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}' if level else 'lol'] * 10)}]" for level in range(10))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "line 1: aliases (&name, *name) are not used here"),
        (f"task: digits\nteacher:\n  name: x\n  options:\n{indent(LAUGHS, '    ')}\n{STAGES}", "aliases"),
        ("a: &a [*a]\n", "aliases"),
        ("name: " + "[" * 2000, "nested more than 20 levels"),
        ("{a: " * 2000, "nested more than 20 levels"),
        (HEAD + "stages: [" + "prune, " * 100_000 + "]\n", "bytes"),
        (HEAD + "stages: [" + "prune, " * 101 + "]\n", "a recipe has at most 100 stages, but this one has 101"),
        (HEAD + "stages: [" + "a, " * 6000 + "]\n", "more than 5,000 values"),
        (HEAD + STAGES + f"name: {'n' * 201}\n", "line 5: name: Name must be text of at most 200 characters"),
        (HEAD + STAGES + f"name: {'n' * 10_000_000}\n", f"{MOST_BYTES:,} are the most"),
        (HEAD + f"stages:\n- teach: {{x: {[0] * 1001}}}\n", "more than 1,000 values"),
        (HEAD + "stages: [" + "a, " * 50 + "{teach: {epochs: " + "[" * 8 + "]" * 8 + "}}]\n", "nested deeper than 6 levels"),
    ],
)
def test_a_bound_comes_before_the_work(text, words):
    assert words in refused(text)


def test_the_most_is_still_allowed():
    stages = ", ".join(f"{{method: export, name: {'x' * 190}{number}}}" for number in range(MOST_STAGES))
    recipe = parse_recipe(f"{HEAD}name: {'n' * MOST_NAME}\nstages: [{stages}]\n")
    assert len(recipe.stages) == MOST_STAGES and parse_recipe(dump_recipe(recipe)) == recipe


def test_many_stages_of_one_method_are_named_in_turn():
    recipe = Recipe.model_validate({"task": "digits", "stages": ["prune"] * 40 + [{"method": "prune", "name": "prune-7"}]})
    assert [stage.name for stage in recipe.stages[:3]] == ["prune", "prune-2", "prune-3"] and len(
        {s.name for s in recipe.stages}
    ) == 41


@pytest.mark.parametrize(
    ("query", "value"), [("nan", "nan"), ("inf", "inf"), ("1e999", "1e999"), ("9" * 5000, "9" * 5000), ("7", 7)]
)
def test_an_option_that_is_no_number_to_compute_with_is_text(query, value):
    ref = ModelRef.parse(f"cnn-small?width={query}")
    assert ref.options == {"width": value} and ModelRef.parse(str(ref)) == ref
    assert not isinstance(value, float) or math.isfinite(value)


def test_a_sweep_is_counted_before_it_is_built(settings):
    bench = Workbench(settings)
    values = {"distill.temperature": list(range(1, 1001)), "distill.soft_weight": list(range(1000)), "seed": list(range(20))}
    tracemalloc.start()
    with pytest.raises(RecipeError, match=f"1 to {MOST_IN_SWEEP} runs; this one has 20,000,000"):
        bench.submit_sweep(bench.recipe("quickstart"), values)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_a_sweep_of_a_long_name_tells_its_runs_apart(settings):
    bench = Workbench(settings)
    recipe = bench.recipe("quickstart").with_values({"name": "n" * MOST_NAME})
    names = [run.name for run in bench.submit_sweep(recipe, {"distill.temperature": [2, 3], "seed": [0, 1]})]
    assert len(set(names)) == 4 and max(map(len, names)) <= MOST_NAME and names[3].endswith("distill.temperature=3, seed=1")


# --- one broken file -------------------------------------------------------------------------------------------------------


def test_a_broken_file_among_the_own_recipes_is_listed_with_its_reason_and_stops_nothing(settings):
    settings.recipes.mkdir(parents=True)
    (settings.recipes / "fine.yaml").write_text(HEAD + STAGES)
    (settings.recipes / "torn.yaml").write_text("task: [digits\n")
    (settings.recipes / "latin.yaml").write_bytes(b"task: \xe4\n")
    (settings.recipes / "large.yaml").write_text("#" * (MOST_BYTES + 1))
    (settings.recipes / "folder.yaml").mkdir()
    bench = Workbench(settings)
    assert "fine" in bench.recipe_names() and len(bench.recipes()) == len(bench.recipe_names())
    assert set(bench.broken_recipes()) == {"torn", "latin", "large", "folder"}
    rows = {row["name"]: row["what"] for row in listing(bench, "recipes")}
    assert "torn.yaml is not valid YAML in line 2" in rows["torn"] and "not text in UTF-8" in rows["latin"]
    assert "bytes" in rows["large"] and "directory" in rows["folder"].lower()
    assert bench.command(bench.recipe("fine")) == "python app.py run fine"
    with pytest.raises(RecipeError, match=r"torn\.yaml is not valid YAML"):
        bench.recipe("torn")


def test_all_that_is_built_in_reads_as_before(settings):
    assert all(
        read_recipe(path.stem, settings) == parse_recipe(dump_recipe(read_recipe(path.stem, settings)))
        for path in BUILT_IN.glob("*")
    )
    assert all(read_study(path.stem).arms for path in FOLDER.glob("*.yaml"))


def test_lines_are_those_of_the_text():
    document = read_yaml("a:\n  - b\n  -\n    c: 1\n")
    assert document.data == {"a": ["b", {"c": 1}]}
    assert [document.line(place) for place in (("a",), ("a", 0), ("a", 1, "c"), ("a", 1, "d"))] == [1, 2, 4, 4]
