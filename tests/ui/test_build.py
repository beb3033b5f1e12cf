"""Build: a recipe shown in the form reads back as the same recipe, and what it says is what was meant."""

import subprocess
import sys

import gradio as gr
import pytest

from kdui.core.errors import RecipeError, UnknownName
from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.core.recipe import Recipe
from kdui.core.views import Estimate, EstimateRow, ModelCard, PlannedStep
from kdui.ui import build_facts
from kdui.ui.build import Build
from kdui.ui.build_events import named_recipe
from kdui.ui.forms import knobs
from kdui.ui.page import assets_version, create_page, head, plotly_script
from kdui.ui.recipe_form import Choices, compose, pack, sweep_seeds, sweep_values, unpack
from kdui.workbench import Workbench

ORDER = {"teach": 10, "distill": 20, "prune": 30, "quantize": 50, "export": 80, "measure": 90}
BASE = Recipe.model_validate(
    {
        "name": "Base",
        "task": "digits",
        "teacher": "big",
        "student": "small",
        "seed": 3,
        "stages": [{"teach": {"epochs": 2}}, "distill", {"quantize": {"bits": 4}}, {"quantize": {"bits": 2}}, "measure"],
    }
)


@pytest.fixture
def workbench(settings):
    bench = Workbench(settings)
    yield bench
    bench.close()


@pytest.fixture
def build(workbench):
    build = Build(workbench, workbench.recipe("quickstart"))
    with gr.Blocks():
        build.draw_what()
        build.draw_how()
    return build


def shown(updates):
    """What a visitor's browser would hold after these updates."""
    return [update.get("value") if isinstance(update, dict) else update for update in updates]


def choices(**changed):
    given = {"task": "digits", "teacher": "big", "student": "small", "seed": 3, "stages": {}}
    return Choices(**{**given, **changed})


# --- the form and the recipe --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["quickstart", "fashion-cnn", "reuters-bilstm", "reuters-minilm3", "sentiment-bilstm", "two-tasks"]
)
def test_every_built_in_recipe_survives_the_form(build, workbench, name):
    recipe = workbench.recipe(name)
    read = build.recipe(*shown(build.show(recipe)))
    assert workbench.command(read) == f"python app.py run {name}"
    assert (read.name, read.task, read.seed) == (recipe.name, recipe.task, recipe.seed)


def test_a_turned_knob_and_a_switched_off_step_are_in_the_recipe(build, workbench):
    values = shown(build.show(workbench.recipe("quickstart")))
    position = {component.elem_id: index for index, component in enumerate(build.inputs)}
    values[position["knob-distill-temperature"]] = 9
    values[position["knob-distill-control"]] = False
    values[position["use-prune"]] = False
    recipe = build.recipe(*values)
    assert recipe.stage("distill").settings["temperature"] == 9
    assert recipe.stage("distill").settings["control"] is False
    assert "prune" not in [stage.method for stage in recipe.stages]


def test_compose_changes_the_first_stage_of_a_method_and_keeps_the_rest():
    recipe = compose(BASE, choices(stages={"teach": {"epochs": 2}, "distill": {}, "quantize": {"bits": 3}}), ORDER)
    assert [(stage.method, stage.settings) for stage in recipe.stages] == [
        ("teach", {"epochs": 2}),
        ("distill", {}),
        ("quantize", {"bits": 3}),
        ("quantize", {"bits": 2}),
        ("measure", {}),
    ]
    assert (recipe.name, recipe.seed) == ("Base", 3)


def test_compose_puts_a_new_step_where_it_belongs_and_removes_all_of_one_that_is_off():
    recipe = compose(BASE, choices(stages={"prune": {"sparsity": 0.6}, "quantize": None}), ORDER)
    assert [stage.method for stage in recipe.stages] == ["teach", "distill", "prune", "measure"]


def test_a_step_for_texts_is_drawn_for_texts_alone(build):
    method = next(method for method in build.methods if method.name == "pretrain")
    drawn = {task: build._suits(method, task)["visible"] for task in ("digits", "fashion-mnist", "reuters-r8", "sentiment")}
    assert drawn == {"digits": False, "fashion-mnist": False, "reuters-r8": True, "sentiment": True}


def test_without_distillation_there_is_no_student():
    recipe = compose(BASE, choices(stages={"distill": None}), ORDER)
    assert recipe.student is None


def test_a_hub_model_may_be_typed():
    recipe = compose(BASE, choices(teacher="hub:owner/name", stages={}), ORDER)
    assert (recipe.teacher.kind, recipe.teacher.name) == ("hub", "owner/name")


def test_a_missing_teacher_is_refused_in_words():
    with pytest.raises(RecipeError, match="Pick a teacher, or write hub:OWNER/NAME or folder:PATH"):
        compose(BASE, choices(teacher=None, stages={}), ORDER)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("build-seed", -1, "seed"),
        ("knob-distill-temperature", 99, "distill.temperature.*less than or equal to 20"),
        ("knob-distill-epochs", -3, "distill.epochs.*-3"),
        ("knob-quantize-bits", 2.5, "quantize.bits"),
    ],
)
def test_numbers_out_of_bounds_are_refused_in_words(build, workbench, field, value, words):
    position = {component.elem_id: index for index, component in enumerate(build.inputs)}
    values = shown(build.show(workbench.recipe("quickstart")))
    values[position[field]] = value
    with pytest.raises(RecipeError, match=words):
        workbench.check(build.recipe(*values))


def test_the_packed_recipe_is_the_recipe():
    assert unpack(pack(BASE)) == BASE


def test_a_sweep_covers_values_and_seeds(build):
    bits = next(knob for knob in build.forms["quantize"].knobs if knob.name == "bits")
    assert sweep_values(BASE, "quantize", bits, "2, 4,4; 8") == {"quantize.bits": [2, 4, 8]}
    assert sweep_seeds(BASE, 2) == {"seed": [3, 4]} and sweep_seeds(BASE, 1) == {}
    with pytest.raises(RecipeError, match="1 to 20 repeats"):
        sweep_seeds(BASE, 21)


def test_a_sweep_over_a_step_that_is_off_is_refused_in_words(build):
    sparsity = next(knob for knob in build.forms["prune"].knobs if knob.name == "sparsity")
    with pytest.raises(RecipeError, match="no 'prune' step"):
        sweep_values(BASE, "prune", sparsity, "10, 20")
    with pytest.raises(RecipeError, match="write the values"):
        sweep_values(compose(BASE, choices(stages={"prune": {}}), ORDER), "prune", sparsity, " , ")


def test_an_address_names_a_recipe_or_a_run(workbench):
    assert named_recipe(workbench, "fashion-cnn").task == "fashion-mnist"
    run = workbench.submit(workbench.recipe("quickstart").with_values({"seed": 7}))
    assert named_recipe(workbench, run.id).seed == 7
    assert named_recipe(workbench, "") is None
    with pytest.raises(UnknownName):
        named_recipe(workbench, "no-such-run")


# --- words and tables -----------------------------------------------------------------------------------------------


def test_model_facts_give_figures_with_their_marks_and_escape_what_others_wrote():
    known = Measurement(metric="accuracy", value=97.6, unit="%", provenance=Provenance(origin=Origin.MEASURED, n=2189))
    card = ModelCard(ref="x", title="X", family="f", summary="<b>bold</b>", licence="MIT", known=known, parameters=22_700_000)
    html = build_facts.model_facts(card, "x", "Accuracy")
    assert "22.7\u202fM parameters" in html and "○" in html and "MIT" in html
    assert "97.6\u202f%</b> accuracy" in html and "● measured, n = 2,189" in html
    assert "<b>bold</b>" not in html


def test_a_model_that_is_not_listed_has_no_invented_figures():
    assert "figures are not known yet" in build_facts.model_facts(None, "hub:owner/name")


def test_cost_shows_ranges_ratios_warnings_and_what_is_cached():
    rows = (
        EstimateRow(quantity="Download", unit="MB", teacher=91.6, result=0.31, ratio=295.5),
        EstimateRow(
            quantity="Accuracy",
            unit="%",
            teacher=97.6,
            result=None,
            result_low=96.2,
            result_high=97.1,
            ratio=0.99,
            teacher_origin=Origin.MEASURED,
        ),
        EstimateRow(quantity="Latency p50", unit="ms", teacher=None, result=None),
    )
    steps = (
        PlannedStep(name="teach", label="MiniLM", method="teach", cached=True, seconds=0),
        PlannedStep(name="distill", label="BiLSTM", method="distill", cached=False, seconds=170),
    )
    html = build_facts.cost_html(Estimate(rows=rows, warnings=("Slow & big",), steps=steps, seconds=170)).replace("\u202f", " ")
    for part in (
        "310 kB",
        "296×",
        "96.2 – 97.1 %",
        "99.0 %",
        "Slow &amp; big",
        "About <b>3 min</b>",
        "already trained (cache hit)",
        "1 of 2 steps already in the store",
    ):
        assert part in html
    assert html.count("<td>–</td>") == 3


def test_all_cached_means_nothing_to_compute():
    steps = (PlannedStep(name="teach", label="MiniLM", method="teach", cached=True, seconds=0),)
    assert "Nothing to compute" in build_facts.cost_html(Estimate(rows=(), steps=steps, seconds=0))


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_has_its_tabs_and_every_control_a_label(workbench):
    page = create_page(workbench)
    blocks = list(page.blocks.values())
    assert [block.id for block in blocks if isinstance(block, gr.Tab)] == ["build", "runs", "explore", "compare"]
    inputs = [block for block in blocks if isinstance(block, (gr.Slider, gr.Dropdown, gr.Number, gr.Checkbox, gr.Textbox))]
    assert len(inputs) > 30
    assert [block for block in inputs if not block.label] == []


def test_what_runs_bring_leaves_the_yaml_that_somebody_writes(workbench):
    """A run that starts or ends, and the page's load, draw facts and pictures anew, but no recipe: its texts stay."""
    config = create_page(workbench).get_config_file()
    ids = {item["props"].get("elem_id"): item["id"] for item in config["components"]}
    texts = {ids["build-yaml"], ids["build-command"]}
    writers = [event for event in config["dependencies"] if texts & set(event["outputs"])]
    by_runs = [event for event in config["dependencies"] if (ids["kdui-header"], "change") in map(tuple, event["targets"])]
    at_load = [event for event in config["dependencies"] if "load" in [name for _, name in event["targets"]]]
    assert writers and ids["build-cost"] in {output for event in by_runs for output in event["outputs"]}
    assert at_load and [event for event in writers if event in [*by_runs, *at_load]] == []


def test_nothing_is_fetched_from_outside():
    assert "http://" not in head() and "https://" not in head()
    assert plotly_script().is_file()
    assert assets_version() == assets_version()


def test_the_page_imports_no_machine_learning_library():
    code = (
        "import sys, kdui.ui.page, kdui.ui.build, kdui.workbench\n"
        "print([name for name in ('torch', 'transformers', 'onnxruntime', 'onnx', 'sklearn') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert answer.stdout.strip() == "[]"


def test_gradios_import_leaves_inspect_as_it_was():
    import inspect

    assert inspect.getfile(gr.Slider).endswith("slider.py")
    assert knobs is not None and inspect.getfile(knobs).endswith("forms.py")
