"""Build: a recipe shown in the form reads back as the same recipe, and what it says is what was meant."""

import base64
import re
import shlex
import subprocess
import sys
import zlib

import gradio as gr
import pytest

from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.reach import ASSETS
from kdui.catalogue.recipe_files import BUILT_IN
from kdui.cli.terminal import parse_values
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.core.numbers import number
from kdui.core.page_rows import Estimate, EstimateRow, ModelCard, PlannedStep
from kdui.core.recipe import ModelRef, Recipe
from kdui.ui import build_facts
from kdui.ui.build import Build
from kdui.ui.build_actions import _needed
from kdui.ui.build_address import packed, unpacked
from kdui.ui.build_choices import named_recipe
from kdui.ui.build_columns import draw_how, draw_what
from kdui.ui.carry_over import with_models
from kdui.ui.forms import knobs
from kdui.ui.page import assets_version, create_page, head, plotly_script
from kdui.ui.recipe_form import Choices, compose, pack, sweep_seeds, sweep_values, unpack, with_distiller
from kdui.workbench.workbench import Workbench

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
        draw_what(build)
        draw_how(build)
    return build


def shown(updates):
    """What a visitor's browser would hold after these updates."""
    return [update.get("value") if isinstance(update, dict) else update for update in updates]


def digests(workbench, recipe):
    return [step.digest for step in plan_recipe(recipe, workbench.settings)]


def choices(**changed):
    given = {"task": "digits", "teacher": "big", "student": "small", "seed": 3, "stages": {}}
    return Choices(**{**given, **changed})


# --- the form and the recipe --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.stem for path in BUILT_IN.glob("*.yaml")))
def test_every_built_in_recipe_survives_the_form(build, workbench, name):
    recipe = workbench.recipe(name)
    read = build.recipe(*shown(build.show(recipe)))
    assert workbench.command(read) == f"python app.py run {name}"
    assert (read.name, read.task, read.seed) == (recipe.name, recipe.task, recipe.seed)
    assert digests(workbench, read) == digests(workbench, recipe)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("two-tasks", "specialists.weights", "2, 1"),
        ("quickstart", "distill.control", False),
        ("quickstart", "student", None),
        ("deep-compression", "teach.dropout", None),
    ],
)
def test_the_command_gives_a_shell_what_it_reads_back(workbench, name, key, value):
    command = workbench.command(workbench.recipe(name).with_values({key: value}))
    words = shlex.split(command)
    assert words[:-1] == ["python", "app.py", "run", name, "--set"]
    assert parse_values(words[-1:]) == {key: value}


def test_stages_that_deliver_are_there_where_the_recipe_has_them_or_somebody_turns_them(build, workbench):
    values = shown(build.show(workbench.recipe("deep-compression")))
    position = {component.elem_id: index for index, component in enumerate(build.inputs)}
    values[position["knob-export-opset"]] = 19
    assert build.recipe(*values).stage("export").settings == {"opset": 19}


# --- without a teacher, and with one that is already trained -------------------------------------------------------------------


ALONE = {
    "name": "Alone",
    "task": "digits",
    "student": "cnn-small",
    "stages": [{"mutual": {"peers": 3}}, {"prune": {"sparsity": 0.4}}, "measure"],
}


def test_a_recipe_without_a_teacher_survives_the_form_and_is_queued(build, workbench):
    recipe = workbench.parse_recipe(workbench.recipe_yaml(Recipe.model_validate(ALONE)))
    filled = build.show(recipe)
    read = build.recipe(*shown(filled))
    assert (read, read.teacher) == (recipe, None)
    assert (filled[3]["value"], filled[3]["choices"][-1]) == ("", ("No teacher", ""))
    run = workbench.submit(read)
    assert [step.role for step in run.steps if step.produces == "model"] == ["student", "control", "compressed"]
    estimate = workbench.estimate(read)
    assert {row.teacher for row in estimate.rows} == {None} and estimate.rows[0].result is not None
    assert "need none" in build.facts(read)[1]
    assert workbench.lenses(read)["temperature"]["origin"] == "none"
    saved = workbench.save_recipe(read, "Alone")
    named = read.with_values({"teacher": "cnn-medium"})
    assert workbench.command(read) == f"python app.py run {saved}"
    assert workbench.command(named) == f"python app.py run {saved} --set teacher=cnn-medium"


@pytest.mark.parametrize(("task", "student"), [("digits", "cnn-small"), ("reuters-r8", "minilm-l6")])
def test_no_teacher_offers_students_that_start_by_themselves(build, workbench, task, student):
    recipe = workbench.default_recipe(task, "")
    assert (recipe.teacher, str(recipe.student)) == (None, student)
    assert "teach" not in [stage.method for stage in recipe.stages]
    with pytest.raises(RecipeError, match="needs a teacher"):
        workbench.check(recipe)
    workbench.check(with_distiller(recipe, "mutual", build.shared.knobs_of))
    offered = [card.ref for card in workbench.students(task, "")]
    assert offered[0] == student and "bilstm-128" not in offered


def test_a_teacher_that_comes_trained_is_not_taught_again(build, workbench, tmp_path):
    labels = workbench.tasks()[0].labels
    table = tmp_path / "answers.csv"
    table.write_text(",".join(labels) + "\n")
    recipe = workbench.default_recipe("digits", f"csv:{table}")
    assert [stage.method for stage in recipe.stages] == ["distill", "prune", "quantize", "export", "measure"]
    read = build.recipe(*shown(build.show(recipe)))
    assert digests(workbench, read) == digests(workbench, recipe)
    assert [stage.name for stage in read.stages] == [stage.name for stage in recipe.stages]
    assert "teach" in [stage.method for stage in workbench.default_recipe("digits", "hub:owner/name").stages]


def test_teach_is_switched_off_and_an_untrained_teacher_is_refused_before_queueing(build, workbench):
    values = shown(build.show(workbench.recipe("quickstart")))
    position = {component.elem_id: index for index, component in enumerate(build.inputs)}
    values[position["use-teach"]] = False
    recipe = build.recipe(*values)
    assert recipe.stages[0].method == "distill"
    with pytest.raises(RecipeError, match=r"CNN medium is not trained yet\. Put a 'teach' stage before it"):
        workbench.submit(recipe)
    assert workbench.runs().total == 0


# --- options and conditions ---------------------------------------------------------------------------------------------


def test_a_students_options_are_read_from_their_fields(build, workbench):
    recipe = workbench.recipe("reuters-bilstm").with_values({"student": "bilstm-128?vocabulary=6000&hidden=96"})
    values = shown(build.show(recipe))
    place = build.inputs.index(build.options)
    assert values[build.inputs.index(build.student)] == "bilstm-128"
    read = build.recipe(*values)
    assert digests(workbench, read) == digests(workbench, recipe)
    command = workbench.command(read)
    assert command == "python app.py run reuters-bilstm --set 'student=bilstm-128?hidden=96&vocabulary=6000'"
    assert parse_values(shlex.split(command)[-1:]) == {"student": str(read.student)}
    for field in values[place]["fields"]:
        field["value"] = {"hidden": 0, "vocabulary": 0}.get(field["name"], field["value"])
    bad = build.recipe(*values)
    assert str(bad.student) == "bilstm-128?hidden=0"
    with pytest.raises(RecipeError, match="option hidden is 0, but: input should be greater than or equal to 1"):
        workbench.submit(bad)


def visible(build, recipe, elem_id):
    place = next(index for index, component in enumerate(build.inputs) if component.elem_id == elem_id)
    return build.show(recipe)[place]["visible"]


def test_adapters_are_offered_where_the_trained_model_takes_them(build, workbench):
    bilstm, minilm = workbench.recipe("reuters-bilstm"), workbench.recipe("reuters-minilm3")
    assert [visible(build, recipe, "knob-distill-adapter_rank") for recipe in (bilstm, minilm)] == [False, True]
    assert [visible(build, recipe, "knob-teach-adapter_rank") for recipe in (bilstm, minilm)] == [True, True]
    decoder = minilm.model_copy(update={"student": ModelRef.parse("decoder-4")})
    assert visible(build, decoder, "knob-distill-adapter_rank") is True
    turned = bilstm.with_values({"distill.adapter_rank": 8})
    assert visible(build, turned, "knob-distill-adapter_rank") is True  # or nobody could turn it back
    with pytest.raises(RecipeError, match="trains adapters beside attention, but BiLSTM-128 has none"):
        workbench.check(turned)


def test_an_assistant_left_open_says_which_one_it_will_be(build, workbench):
    place = next(index for index, component in enumerate(build.inputs) if component.elem_id == "knob-assistant-model")
    shown_as = {name: build.show(workbench.recipe(name))[place] for name in ("quickstart", "reuters-bilstm")}
    assert {name: (update["value"], update["placeholder"]) for name, update in shown_as.items()} == {
        "quickstart": ("", "cnn-medium"),
        "reuters-bilstm": ("", "minilm-l3"),
    }


def test_the_shift_of_a_transfer_set_is_named_after_whom_it_concerns(build, workbench):
    recipe = with_distiller(workbench.recipe("quickstart"), "transfer_set", build.shared.knobs_of)
    place = next(index for index, component in enumerate(build.inputs) if component.elem_id == "knob-distill-augment")
    assert build.show(recipe)[place]["label"] == "Augment the control's images"
    assert build.show(workbench.recipe("quickstart"))[place]["label"] == "Data augmentation"


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
        ("knob-distill-temperature", 99, r"distill.temperature: Temperature must be 1 to 20 \(got 99\)"),
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


def test_an_onnx_teacher_shows_its_figures_before_any_run(build, workbench):
    path = ASSETS / "teachers" / "fashion-keras.onnx"
    recipe = workbench.default_recipe("fashion-mnist", f"onnx:{path}?probabilities=true")
    _, teacher, _ = build.facts(recipe)
    assert f"{number(path.stat().st_size, 'bytes')}" in teacher and "weights" in teacher and "looked up" not in teacher
    missing = recipe.model_copy(update={"teacher": ModelRef.parse(f"onnx:{path}x")})
    assert "There is no file" in build.facts(missing)[1]


def test_a_model_that_cannot_be_is_not_said_to_be_looked_up():
    assert build_facts.model_facts(None, "bilstm-64?hidden=0") == ""


def test_the_card_of_a_model_with_options_names_them(workbench):
    card = workbench.card("reuters-r8", "bilstm-64?hidden=96", "student")
    assert (card.summary, card.parameters) == ("BiLSTM-64 (hidden 96)", None)


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
            percent=True,
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
        "295×",
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


# --- other models and the address ---------------------------------------------------------------------------------------


def test_what_another_model_cannot_take_is_reset_by_name_and_the_rest_stays(build, workbench):
    edited = workbench.recipe("reuters-minilm3").with_values({"distill.adapter_rank": 8, "distill.temperature": 7.0})
    forms = build.shared.knobs_of
    carried = with_models(workbench, edited, "minilm-l6", "bilstm-128", forms)
    settings = carried.recipe.stage("distill").settings
    assert "adapter_rank" not in settings and settings["temperature"] == 7.0
    assert carried.words("BiLSTM-128") == ["1 setting reset to suit BiLSTM-128: Adapter rank."]
    workbench.check(carried.recipe)
    kept = with_models(workbench, edited, "minilm-l6", "minilm-l2", forms)
    assert (kept.reset, kept.told, kept.recipe.stage("distill").settings) == ((), (), edited.stage("distill").settings)


def test_a_student_that_cannot_start_from_another_teacher_gives_way(build, workbench):
    edited = workbench.recipe("reuters-bilstm").with_values({"student": "minilm-l3", "distill.temperature": 7.0})
    carried = with_models(workbench, edited, "decoder-4", "minilm-l3", build.shared.knobs_of)
    workbench.check(carried.recipe)
    assert carried.recipe.student != edited.student and carried.recipe.stage("distill").settings["temperature"] == 7.0
    assert carried.told[0].startswith("The student is now BiLSTM-128")


@pytest.mark.parametrize("name", sorted(path.stem for path in BUILT_IN.glob("*.yaml")))
def test_a_recipe_in_the_address_is_short_and_reads_back(workbench, name):
    recipe = workbench.recipe(name)
    text = packed(name, recipe)
    assert unpacked(text) == (name, recipe) and len(text) < 1200 and re.fullmatch(r"[\w~=-]+", text)


@pytest.mark.parametrize("text", ["", "~", "quickstart~", "quickstart~eNp", "~!!!", "quickstart~" + "A" * 50, None])
def test_a_broken_or_swollen_address_is_refused_in_words(text):
    if text is None:
        text = "~" + base64.urlsafe_b64encode(zlib.compress(b'"' + b" " * 50_000_000 + b'"', 9)).decode()
    with pytest.raises(RecipeError, match="cannot be read"):
        unpacked(text)


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
        "import sys, kdui.ui.page, kdui.ui.build, kdui.workbench.workbench\n"
        "print([name for name in ('torch', 'transformers', 'onnxruntime', 'onnx', 'sklearn') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert answer.stdout.strip() == "[]"


def test_gradios_import_leaves_inspect_as_it_was():
    import inspect

    assert inspect.getfile(gr.Slider).endswith("slider.py")
    assert knobs is not None and inspect.getfile(knobs).endswith("forms.py")


def test_a_wished_difference_says_how_many_seeds_it_takes(build):
    assert _needed(build, None, "digits") == ""
    assert "To see 1 point takes 5 seeds (○ estimated" in _needed(build, 1.0, "digits")
    with pytest.raises(RecipeError, match="above 0"):
        _needed(build, -1.0, "digits")
