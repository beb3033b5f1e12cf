"""Build: a recipe shown reads back as the same recipe, and what a person changes is what was meant."""

import base64
import re
import shlex
import subprocess
import sys
import zlib
from types import SimpleNamespace

import gradio as gr
import pytest

from kdui.actions.offered import ACTIONS
from kdui.catalogue.methods import METHODS
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.reach import ASSETS
from kdui.catalogue.recipe_files import BUILT_IN
from kdui.cli.terminal import parse_values
from kdui.core.errors import KduiError, RecipeError, UnknownName
from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.core.numbers import number
from kdui.core.page_rows import Estimate, EstimateRow, ModelCard, PlannedStep
from kdui.core.recipe import ModelRef, Recipe
from kdui.settings import Settings
from kdui.ui import build_facts
from kdui.ui.build import BuildCalls
from kdui.ui.build_actions import needed
from kdui.ui.build_address import packed, unpacked
from kdui.ui.build_changes import changed, recipe_named, recipe_of, shown
from kdui.ui.carry_over import with_models
from kdui.ui.forms import knobs
from kdui.ui.page import assets_version, create_page, head, plotly_script, serve_module
from kdui.ui.panel import answered
from kdui.ui.recipe_form import sweep_seeds, sweep_values, with_distiller
from kdui.workbench.workbench import Workbench

BASE = Recipe.model_validate(
    {
        "name": "Base",
        "task": "digits",
        "teacher": "cnn-medium",
        "student": "cnn-small",
        "seed": 3,
        "stages": [{"teach": {"epochs": 2}}, "distill", {"quantize": {"bits": 4}}, {"quantize": {"bits": 2}}, "measure"],
    }
)


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def calls(workbench):
    return BuildCalls(workbench)


def plan(calls, recipe, *changes, start=None):
    """The view after these changes of a recipe; the browser sends and gets plain data."""
    return calls.build_plan({"state": shown(recipe, start).model_dump(), "changes": list(changes), "seen": {}})


def after(calls, recipe, *changes):
    """The recipe after these changes."""
    return recipe_of(shown(recipe, None).model_copy(update={"recipe": plan(calls, recipe, *changes)["state"]["recipe"]}))


def knob(stage, name, value):
    return {"role": "knob", "stage": stage, "name": name, "value": value}


def digests(workbench, recipe):
    return [step.digest for step in plan_recipe(recipe, workbench.settings)]


# --- the state and the recipe ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.stem for path in BUILT_IN.glob("*.yaml")))
def test_every_built_in_recipe_survives_the_form(calls, workbench, name):
    recipe = workbench.recipe(name)
    view = plan(calls, recipe, start=name)
    read = recipe_of(shown(recipe, name))
    assert (view["command"], view["link"], view["problem"]) == (f"python app.py run {name}", {"from": name}, None)
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


def test_what_every_control_shows_sent_back_changes_nothing(calls, workbench):
    recipe = workbench.recipe("quickstart")
    for stage in recipe.stages:
        view = plan(calls, recipe, {"role": "open", "value": stage.name})
        prefix = f"knob-{stage.name}-"
        held = {name.removeprefix(prefix): value for name, value in view["values"].items() if name.startswith(prefix)}
        sent = [knob(stage.name, name, value) for name, value in held.items() if not name.endswith("-beside")]
        assert sent and digests(workbench, after(calls, recipe, *sent)) == digests(workbench, recipe), stage.name


# --- without a teacher, and with one that is already trained -------------------------------------------------------------------


ALONE = {
    "name": "Alone",
    "task": "digits",
    "student": "cnn-small",
    "stages": [{"mutual": {"peers": 3}}, {"prune": {"sparsity": 0.4}}, "measure"],
}


def test_a_recipe_without_a_teacher_survives_the_form_and_is_queued(calls, workbench):
    recipe = workbench.parse_recipe(workbench.recipe_yaml(Recipe.model_validate(ALONE)))
    view = plan(calls, recipe)
    assert after(calls, recipe) == recipe and recipe.teacher is None
    assert view["values"]["build-teacher"] == "" and "No teacher</option>" in view["html"]["build-teacher"]
    run = workbench.submit(recipe)
    assert [step.role for step in run.steps if step.produces == "model"] == ["student", "control", "compressed"]
    estimate = workbench.estimate(workbench.plan(recipe))
    assert {row.teacher for row in estimate.rows} == {None} and estimate.rows[0].result is not None
    assert "need none" in view["html"]["build-teacher-facts"]
    assert workbench.lenses(workbench.plan(recipe))["temperature"]["origin"] == "none"
    saved = workbench.save_recipe(recipe, "Alone")
    named = recipe.with_values({"teacher": "cnn-medium"})
    assert workbench.command(recipe) == f"python app.py run {saved}"
    assert workbench.command(named) == f"python app.py run {saved} --set teacher=cnn-medium"


@pytest.mark.parametrize(("task", "student"), [("digits", "cnn-small"), ("reuters-r8", "minilm-l6")])
def test_no_teacher_offers_students_that_start_by_themselves(workbench, task, student):
    recipe = workbench.default_recipe(task, "")
    assert (recipe.teacher, str(recipe.student)) == (None, student)
    assert "teach" not in [stage.method for stage in recipe.stages]
    with pytest.raises(RecipeError, match="needs a teacher"):
        workbench.check(recipe)
    workbench.check(with_distiller(recipe, "mutual"))
    offered = [ref for ref, _ in workbench.model_titles(task, "student", "")]
    assert offered[0] == student and "bilstm-128" not in offered


def test_a_teacher_that_comes_trained_is_not_taught_again(calls, workbench, tmp_path):
    labels = next(task.labels for task in workbench.tasks() if task.name == "digits")
    table = tmp_path / "answers.csv"
    table.write_text(",".join(labels) + "\n")
    recipe = workbench.default_recipe("digits", f"csv:{table}")
    assert [stage.method for stage in recipe.stages] == ["distill", "prune", "quantize", "export", "measure"]
    read = after(calls, recipe)
    assert digests(workbench, read) == digests(workbench, recipe)
    assert [stage.name for stage in read.stages] == [stage.name for stage in recipe.stages]
    assert "teach" in [stage.method for stage in workbench.default_recipe("digits", "hub:owner/name").stages]


def test_teach_is_removed_and_an_untrained_teacher_is_refused_before_queueing(calls, workbench):
    queued = workbench.runs().total
    view = plan(calls, workbench.recipe("quickstart"), {"role": "remove", "value": "teach"})
    assert "CNN medium is not trained yet. Put a 'teach' stage before it" in view["problem"]["text"]
    assert view["state"]["recipe"]["stages"][0]["method"] == "distill"
    with pytest.raises(RecipeError, match=r"CNN medium is not trained yet\. Put a 'teach' stage before it"):
        calls.build_queue({"state": view["state"]})
    assert workbench.runs().total == queued


# --- options and conditions ---------------------------------------------------------------------------------------------


def test_a_students_options_are_read_from_their_fields(calls, workbench):
    recipe = workbench.recipe("reuters-bilstm").with_values({"student": "bilstm-128?vocabulary=6000&hidden=96"})
    view = plan(calls, recipe)
    assert (view["values"]["build-student"], view["values"]["option-student-hidden"]) == ("bilstm-128", 96)
    read = after(calls, recipe, {"role": "option", "of": "student", "name": "hidden", "value": 96})
    assert digests(workbench, read) == digests(workbench, recipe)
    command = workbench.command(read)
    assert parse_values(shlex.split(command)[-1:]) == {"student": str(read.student)}
    bad = plan(
        calls,
        recipe,
        {"role": "option", "of": "student", "name": "vocabulary", "value": ""},
        {"role": "option", "of": "student", "name": "hidden", "value": 0},
    )
    assert bad["state"]["recipe"]["student"] == "bilstm-128?hidden=0"
    assert "option hidden is 0, but: input should be greater than or equal to 1" in bad["problem"]["text"]
    assert bad["problem"]["field"] == "option-student-hidden"
    with pytest.raises(RecipeError, match="option hidden is 0"):
        calls.build_queue({"state": bad["state"]})


def is_shown(calls, recipe, field, stage=""):
    return field in plan(calls, recipe, *([{"role": "open", "value": stage}] if stage else []))["values"]


def test_adapters_are_offered_where_the_trained_model_takes_them(calls, workbench):
    bilstm, minilm = workbench.recipe("reuters-bilstm"), workbench.recipe("reuters-minilm3")
    assert [is_shown(calls, recipe, "knob-distill-adapter_rank") for recipe in (bilstm, minilm)] == [False, True]
    assert [is_shown(calls, recipe, "knob-teach-adapter_rank", "teach") for recipe in (bilstm, minilm)] == [True, True]
    decoder = minilm.model_copy(update={"student": ModelRef.parse("decoder-4")})
    assert is_shown(calls, decoder, "knob-distill-adapter_rank")
    turned = bilstm.with_values({"distill.adapter_rank": 8})
    assert is_shown(calls, turned, "knob-distill-adapter_rank")  # or nobody could turn it back
    with pytest.raises(RecipeError, match="trains adapters beside attention, but BiLSTM-128 has none"):
        workbench.check(turned)


def test_an_assistant_left_open_says_which_one_it_will_be(calls, workbench):
    for name, usual in (("quickstart", "cnn-medium"), ("reuters-bilstm", "minilm-l3")):
        view = plan(calls, workbench.recipe(name), {"role": "add", "value": "assistant"})
        assert view["values"]["knob-assistant-model"] == ""
        assert re.search(rf'id="knob-assistant-model"[^>]*placeholder="{usual}"', view["html"]["build-step"])


def test_the_shift_of_a_transfer_set_is_named_after_whom_it_concerns(calls, workbench):
    view = plan(calls, workbench.recipe("quickstart"), {"role": "method", "value": "transfer_set"})
    assert 'for="knob-transfer_set-augment">Augment the control&#x27;s images<' in view["html"]["build-step"]
    assert ">Data augmentation<" in plan(calls, workbench.recipe("quickstart"))["html"]["build-step"]


def test_a_turned_knob_and_a_removed_step_are_in_the_recipe(calls, workbench):
    recipe = after(
        calls,
        workbench.recipe("quickstart"),
        knob("distill", "temperature", 9),
        knob("distill", "control", False),
        {"role": "remove", "value": "prune"},
    )
    assert recipe.stage("distill").settings["temperature"] == 9
    assert recipe.stage("distill").settings["control"] is False
    assert "prune" not in [stage.method for stage in recipe.stages]


def test_stages_that_deliver_are_steps_like_any_other(calls, workbench):
    recipe = after(calls, workbench.recipe("deep-compression"), {"role": "add", "value": "export"}, knob("export", "opset", 19))
    assert recipe.stage("export").settings == {"opset": 19}


def test_each_stage_of_a_method_is_turned_by_itself_and_the_rest_stays(calls):
    recipe = after(calls, BASE, knob("quantize-2", "bits", 3))
    assert [(stage.method, stage.settings) for stage in recipe.stages] == [
        ("teach", {"epochs": 2}),
        ("distill", {}),
        ("quantize", {"bits": 4}),
        ("quantize", {"bits": 3}),
        ("measure", {}),
    ]
    assert (recipe.name, recipe.seed) == ("Base", 3)


def test_a_new_step_is_put_where_it_belongs_and_compression_is_one_choice(calls):
    recipe = after(calls, BASE, {"role": "add", "value": "prune"})
    assert [stage.method for stage in recipe.stages] == ["teach", "distill", "prune", "quantize", "quantize", "measure"]
    plain = after(calls, recipe, {"role": "compression", "value": "prune"})
    assert [stage.method for stage in plain.stages] == ["teach", "distill", "prune", "measure"]
    none = after(calls, plain, {"role": "compression", "value": ""})
    assert [stage.method for stage in none.stages] == ["teach", "distill", "measure"]


def test_without_distillation_there_is_no_student_and_a_student_brings_it_back(calls):
    alone = after(calls, BASE, {"role": "remove", "value": "distill"})
    assert alone.student is None
    back = after(calls, alone, {"role": "model", "of": "student", "value": "cnn-tiny"})
    assert (str(back.student), [stage.method for stage in back.stages][1]) == ("cnn-tiny", "distill")
    refused = plan(calls, BASE, *({"role": "remove", "value": stage.name} for stage in BASE.stages))
    assert "keep at least one step" in refused["refused"] and len(refused["state"]["recipe"]["stages"]) == 1


def test_a_model_from_elsewhere_may_be_typed(calls):
    typed = plan(calls, BASE, {"role": "model", "of": "teacher", "value": "folder:/nowhere"})
    assert typed["state"]["recipe"]["teacher"] == "folder:/nowhere"
    assert (typed["values"]["build-teacher"], typed["values"]["build-teacher-name"]) == ("…", "folder:/nowhere")
    assert typed["problem"]["field"] == "build-teacher"


def test_a_missing_student_is_refused_in_words(calls):
    view = plan(calls, BASE, {"role": "model", "of": "student", "value": ""})
    assert view["problem"]["text"] == "Pick a student, or write hub:OWNER/NAME or folder:PATH."
    assert view["problem"]["field"] == "build-student"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"role": "seed", "value": -1}, "build-seed", "Seed"),
        (knob("distill", "temperature", 99), "knob-distill-temperature", "Temperature must be 1 to 20 (got 99)"),
        (knob("distill", "epochs", -3), "knob-distill-epochs", "Epochs must be 0 to 1000 (got -3)"),
        (knob("quantize", "bits", 2.5), "knob-quantize-bits", "quantize.bits"),
        (knob("distill", "epochs", "?"), "knob-distill-epochs", "Epochs"),
    ],
)
def test_numbers_out_of_bounds_are_refused_in_words_at_their_field(calls, workbench, change, field, words):
    view = plan(calls, workbench.recipe("quickstart"), change)
    assert words in view["problem"]["text"] and view["problem"]["field"] == field
    assert view["values"].get(field, change["value"]) == change["value"]  # what was typed stays
    with pytest.raises(KduiError):
        calls.build_queue({"state": view["state"]})


@pytest.mark.parametrize(
    "sent",
    [
        {"state": {"recipe": {}}},
        {"state": {"recipe": {"stages": 3}}},
        {"state": {"recipe": {"stages": [{"method": "nothing", "name": "x", "settings": {}}]}}},
        {"state": {"recipe": "digits"}},
        {"changes": [{"role": "nothing"}, 3]},
        {"changes": [{"role": "knob", "stage": ["x"], "name": {}, "value": []}]},
        {"changes": [{"role": "yaml"}, {"role": "recipe", "value": 5}, {"role": "option", "of": "nobody"}]},
    ],
)
def test_a_state_that_no_page_sends_is_answered_in_words(workbench, sent):
    answer = answered(BuildCalls(workbench).build_plan)(sent)
    assert answer.get("error") or answer["refused"]


# --- scale, training, sweep -----------------------------------------------------------------------------------------------


def settings_of(view):
    return {each["name"]: each["settings"] for each in view["state"]["recipe"]["stages"]}


def test_a_scale_changes_what_its_knobs_say_and_leads_back(calls, workbench):
    recipe = workbench.recipe("quickstart").with_values({"distill.temperature": 7.0})
    demo, full = (plan(calls, recipe, {"role": "scale", "value": name}, start="quickstart") for name in ("demo", "full"))
    small, large = settings_of(demo)["distill"], settings_of(full)["distill"]
    assert (small["epochs"], large["epochs"]) == (3, 40)
    assert small["train_examples"] == 2000 and "train_examples" not in large
    assert small["temperature"] == large["temperature"] == 7.0
    back = calls.build_plan({"state": demo["state"], "changes": [{"role": "scale", "value": "standard"}]})
    assert back["state"]["recipe"] == shown(recipe, None).recipe


def test_a_setting_of_the_training_is_set_in_every_step_that_trains(calls, workbench):
    recipe = workbench.recipe("quickstart")
    all_of_them = {"role": "training", "name": "batch_size", "title": "Batch size", "value": 32}
    values = {stage.name: stage.settings.get("batch_size") for stage in after(calls, recipe, all_of_them).stages}
    assert {name for name, value in values.items() if value == 32} >= {"teach", "distill", "prune"}
    assert values["export"] is None and values["measure"] is None
    one = after(calls, recipe, all_of_them, knob("prune", "batch_size", 16))
    assert (one.stage("prune").settings["batch_size"], one.stage("teach").settings["batch_size"]) == (16, 32)


def test_a_sweep_covers_values_and_seeds():
    stage = BASE.stage("quantize")
    bits = next(each for each in knobs(METHODS["quantize"].spec) if each.name == "bits")
    assert sweep_values(stage, bits, "2, 4,4; 8") == {"quantize.bits": [2, 4, 8]}
    assert sweep_seeds(BASE, 2) == {"seed": [3, 4]} and sweep_seeds(BASE, 1) == {}
    with pytest.raises(RecipeError, match="1 to 20 repeats"):
        sweep_seeds(BASE, 21)
    with pytest.raises(RecipeError, match="write the values"):
        sweep_values(stage, bits, " , ")


def test_a_sweep_over_a_step_that_is_not_there_is_refused_in_words(calls):
    with pytest.raises(RecipeError, match="no 'prune' step"):
        calls.build_sweep({"state": shown(BASE, None).model_dump(), "sweep": {"knob": "prune.sparsity", "values": "10, 20"}})


def test_an_address_names_a_recipe_or_a_run(workbench):
    assert recipe_named(workbench, "fashion-cnn").task == "fashion-mnist"
    run = workbench.submit(workbench.recipe("quickstart").with_values({"seed": 7}))
    assert recipe_named(workbench, run.id).seed == 7
    with pytest.raises(UnknownName):
        recipe_named(workbench, "no-such-run")


# --- words and tables -----------------------------------------------------------------------------------------------


def test_model_facts_give_figures_with_their_marks_and_escape_what_others_wrote():
    known = Measurement(metric="accuracy", value=97.6, unit="%", provenance=Provenance(origin=Origin.MEASURED, n=2189))
    card = ModelCard(ref="x", title="X", family="f", summary="<b>bold</b>", licence="MIT", known=known, parameters=22_700_000)
    html = build_facts.model_facts(card, "x", "accuracy")
    assert "22.7\u202fM parameters" in html and "○" in html and "MIT" in html
    assert "97.6\u202f%</b> accuracy" in html and "● measured, n = 2,189" in html
    assert "<b>bold</b>" not in html


def test_a_model_that_is_not_listed_has_no_invented_figures():
    assert "Details of hub:owner/name are read when the run starts." in build_facts.model_facts(None, "hub:owner/name")


def test_an_onnx_teacher_shows_its_figures_before_any_run(calls, workbench):
    path = ASSETS / "teachers" / "fashion-keras.onnx"
    recipe = workbench.default_recipe("fashion-mnist", f"onnx:{path}?probabilities=true")
    teacher = plan(calls, recipe)["html"]["build-teacher-facts"]
    assert f"{number(path.stat().st_size, 'bytes')}" in teacher and "weights" in teacher and "looked up" not in teacher
    missing = recipe.model_copy(update={"teacher": ModelRef.parse(f"onnx:{path}x")})
    assert "There is no file" in plan(calls, missing)["html"]["build-teacher-facts"]


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
        "1 of 2 steps cached",
    ):
        assert part in html
    assert html.count("<td>–</td>") == 3


def test_all_cached_means_nothing_to_compute():
    steps = (PlannedStep(name="teach", label="MiniLM", method="teach", cached=True, seconds=0),)
    assert "Nothing to compute" in build_facts.cost_html(Estimate(rows=(), steps=steps, seconds=0))


# --- other models and the address ---------------------------------------------------------------------------------------


def test_what_another_model_cannot_take_is_reset_by_name_and_the_rest_stays(workbench):
    edited = workbench.recipe("reuters-minilm3").with_values({"distill.adapter_rank": 8, "distill.temperature": 7.0})
    carried = with_models(workbench, edited, "minilm-l6", "bilstm-128")
    settings = carried.recipe.stage("distill").settings
    assert "adapter_rank" not in settings and settings["temperature"] == 7.0
    assert carried.words("BiLSTM-128") == ["1 setting reset to suit BiLSTM-128: Adapter rank."]
    workbench.check(carried.recipe)
    kept = with_models(workbench, edited, "minilm-l6", "minilm-l2")
    assert (kept.reset, kept.told, kept.recipe.stage("distill").settings) == ((), (), edited.stage("distill").settings)


def test_a_student_that_cannot_start_from_another_teacher_gives_way(workbench):
    edited = workbench.recipe("reuters-bilstm").with_values({"student": "minilm-l3", "distill.temperature": 7.0})
    carried = with_models(workbench, edited, "decoder-4", "minilm-l3")
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


def test_a_change_tells_what_it_puts_aside(workbench):
    edited = shown(workbench.recipe("quickstart").with_values({"distill.temperature": 7.0}), "quickstart")
    other = changed(workbench, edited, {"role": "task", "value": "fashion-mnist"})
    assert (other.state.start, other.told) == ("fashion-cnn", ("Your changes to “Soft targets on digits” were put aside.",))
    same = changed(workbench, shown(workbench.recipe("quickstart"), "quickstart"), {"role": "start", "value": "fashion-cnn"})
    assert same.told == ()


# --- its speed: what a change may cost, counted, since a stopwatch tells how busy the machine is -----------------------


def test_a_change_plans_the_recipe_once_and_a_known_pair_tries_no_other_method(calls, monkeypatch):
    counts = {"planned": 0, "tried": 0}

    def counting(name, work):
        def counted(*given):
            counts[name] += 1
            return work(*given)

        return counted

    recipe = calls.bench.recipe("quickstart")
    plan(calls, recipe)
    monkeypatch.setattr("kdui.workbench.recipe_actions.plan_recipe", counting("planned", plan_recipe))
    monkeypatch.setattr("kdui.catalogue.compatibility.plan_recipe", counting("tried", plan_recipe))
    for temperature in (5, 6, 7):
        view = plan(calls, recipe, knob("distill", "temperature", temperature), start="quickstart")
        assert f"distill.temperature={temperature}" in view["command"] and "<table" in view["html"]["build-cost"]
    assert counts == {"planned": 3, "tried": 0}


def test_the_first_visit_of_a_task_answers_with_its_cost_at_once(workbench):
    calls = BuildCalls(workbench)
    for task in workbench.tasks():
        view = calls.build_plan({"changes": [{"role": "task", "value": task.name}], "seen": {}})
        assert view["values"]["build-task"] == task.name and not view["pending"] and not view["refused"]
        assert "<table" in view["html"]["build-cost"], task.name


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_has_its_tabs_and_no_fields_of_gradio(workbench):
    page = create_page(workbench)
    blocks = list(page.blocks.values())
    tabs = [block.id for block in blocks if isinstance(block, gr.Tab)]
    assert tabs == ["home", "build", "runs", "explore", "compare", "learn", "present"]
    inputs = [block for block in blocks if isinstance(block, (gr.Slider, gr.Dropdown, gr.Number, gr.Checkbox, gr.Textbox))]
    assert inputs == []


def test_the_page_looks_seldom_at_a_queue_that_it_does_not_use(workbench):
    page = create_page(workbench)
    own = [handler for handler in page.fns.values() if handler.fn is not None and handler.api_name not in ACTIONS]
    assert own and not any(handler.queue for handler in own)  # the endpoints for programs have it
    assert vars(gr.Blocks()._queue).keys() >= {"sleep_when_free", "progress_update_sleep_when_free"}  # Gradio's own names
    assert min(page._queue.sleep_when_free, page._queue.progress_update_sleep_when_free) >= 0.1


def test_every_control_of_every_step_has_a_label(calls, workbench):
    recipe = workbench.recipe("reuters-minilm3")
    for stage in ["*training", *(stage.name for stage in recipe.stages)]:
        markup = plan(calls, recipe, {"role": "open", "value": stage})["html"]["build-step"]
        fields = set(re.findall(r'<(?:input type="(?:number|text|checkbox)"|select) id="([^"]+)"', markup))
        assert fields == set(re.findall(r'<label for="([^"]+)"', markup)), stage
        assert markup.count("<input") + markup.count("<select") == len(fields) + markup.count('type="range"')


@pytest.mark.parametrize(
    ("name", "status"), [("build.js", 200), ("none.js", 404), ("../shell.js", 404), ("../../app.py", 404), ("build.css", 404)]
)
def test_modules_are_served_by_their_plain_names_and_kept_as_long_as_their_version(name, status):
    for version, kept in ((assets_version(), "immutable"), ("older", "no-cache")):
        answer = serve_module(SimpleNamespace(path_params={"version": version, "name": name}))
        assert answer.status_code == status
        assert status != 200 or (kept in answer.headers["cache-control"] and "javascript" in answer.headers["content-type"])


def test_nothing_is_fetched_from_outside():
    assert "http://" not in head() and "https://" not in head()
    assert plotly_script().is_file()
    assert assets_version() == assets_version()


def test_the_page_imports_no_machine_learning_library_and_no_second_mcp_server():
    code = (
        "import sys, kdui.ui.page, kdui.ui.build, kdui.workbench.workbench\n"
        "print([name for name in ('torch', 'transformers', 'onnxruntime', 'onnx', 'sklearn', 'mcp') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert answer.stdout.strip() == "[]"


def test_gradios_import_leaves_inspect_as_it_was():
    import inspect

    assert inspect.getfile(gr.Slider).endswith("slider.py")
    assert knobs is not None and inspect.getfile(knobs).endswith("forms.py")


def test_a_wished_difference_says_how_many_seeds_it_takes(workbench):
    assert needed(workbench, None, "digits") == ""
    assert "To see 1 point takes 5 seeds (○ estimated" in needed(workbench, 1.0, "digits")
    with pytest.raises(RecipeError, match="above 0"):
        needed(workbench, -1.0, "digits")
