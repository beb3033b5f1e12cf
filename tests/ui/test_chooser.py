"""The choice of a distillation method in Build: one form for all of them, and words for what does not fit."""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from html import escape

import gradio as gr
import pytest

from kdui.catalogue.methods import METHODS, trains_student
from kdui.core.errors import RecipeError
from kdui.ui.build import Build
from kdui.ui.build_actions import _count, _grid, sweep_choices
from kdui.ui.build_columns import draw_cost, draw_how, draw_what
from kdui.ui.chooser import UNFIT, chooser_html
from kdui.ui.diagrams import DRAWINGS, GROUPS, diagram, flow_of, group_of, picture_of
from kdui.ui.recipe_form import with_distiller
from kdui.workbench.workbench import Workbench

DISTILLERS = [method for method in METHODS.values() if trains_student(method)]
every_method = pytest.mark.parametrize("method", DISTILLERS, ids=lambda method: method.name)


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    from kdui.settings import Settings

    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def build(workbench):
    build = Build(workbench, workbench.recipe("quickstart"))
    with gr.Blocks():
        draw_what(build)
        draw_how(build)
        draw_cost(build)
    return build


def shown(updates):
    """What a visitor's browser would hold after these updates."""
    return [update.get("value") if isinstance(update, dict) else update for update in updates]


def taught_by(build, method, recipe="quickstart"):
    return with_distiller(build.workbench.recipe(recipe), method, build.shared.knobs_of)


def visible(build, recipe):
    """Fields of the shared form that a person sees for a recipe."""
    start = build.inputs.index(build.shared.components[0])
    updates = build.show(recipe)[start : start + len(build.shared.components)]
    return {slot for slot, update in zip(build.shared.controls, updates, strict=True) if update["visible"]}


# --- one form for all ------------------------------------------------------------------------------------------------


@every_method
def test_a_recipe_with_any_method_survives_the_form(build, method):
    recipe = taught_by(build, method.name)
    read = build.recipe(*shown(build.show(recipe)))
    (stage,) = [stage for stage in read.stages if stage.method in build.shared.knobs_of]
    assert (stage.method, stage.name) == (method.name, method.name)
    assert method.spec.model_validate(stage.settings) == method.spec.model_validate(recipe.stage(method.name).settings)
    assert re.search(rf"^  - {method.name}(:|$)", build.workbench.recipe_yaml(read), re.MULTILINE)


@every_method
def test_only_the_fields_of_the_method_are_shown(build, method):
    seen = {
        knob.name for slot, knob in build.shared.own(method.name).items() if slot in visible(build, taught_by(build, method.name))
    }
    drawn = visible(build, taught_by(build, method.name))
    assert seen <= set(method.spec.model_fields) and len(drawn) == len(seen)
    assert "epochs" in seen


def test_knobs_of_the_same_kind_are_drawn_once(build):
    wanted = sum(len(method.spec.model_fields) for method in DISTILLERS)
    assert len(build.shared.controls) < wanted / 2
    places = build.shared.places
    assert places["dkd"]["temperature"] == places["distill"]["temperature"] == "temperature"


def test_another_method_keeps_what_was_decided_and_takes_its_own_defaults(build):
    decided = taught_by(build, "dkd")
    assert decided.stage("dkd").settings["epochs"] == 20 and decided.stage("dkd").settings["temperature"] == 4
    plain = build.workbench.recipe("quickstart").with_values({"distill.divergence": "reverse"})
    assert "divergence" not in with_distiller(plain, "dkd", build.shared.knobs_of).stage("dkd").settings
    free = build.workbench.parse_recipe(
        "{task: digits, teacher: cnn-medium, student: cnn-small, stages: [teach, distill, measure]}"
    )
    values = dict(
        zip(
            (part.elem_id for part in build.inputs),
            shown(build.show(with_distiller(free, "dist", build.shared.knobs_of))),
            strict=True,
        )
    )
    assert values["knob-distill-temperature"] == METHODS["dist"].spec().temperature == 1.0


def test_a_custom_name_of_the_stage_stays(build):
    recipe = build.workbench.parse_recipe(
        "{task: digits, teacher: cnn-medium, student: cnn-small, stages: [teach, {method: distill, name: lesson}, measure]}"
    )
    assert with_distiller(recipe, "dkd", build.shared.knobs_of).stage("lesson").method == "dkd"


def test_the_control_switches_stand_beside_the_student(build):
    values = dict(zip((part.elem_id for part in build.inputs), shown(build.show(taught_by(build, "dkd"))), strict=True))
    values |= {"knob-distill-control": False, "knob-distill-smooth_control": True}
    settings = build.recipe(*values.values()).stage("dkd").settings
    assert (settings["control"], settings["smooth_control"]) == (False, True)


def test_an_optional_step_before_the_student_has_a_switch(build):
    assert "assistant" in build.switches and "born_again" not in build.switches
    values = dict(zip((part.elem_id for part in build.inputs), shown(build.show(taught_by(build, "distill"))), strict=True))
    assert values["use-assistant"] is False
    values["use-assistant"] = True
    recipe = build.recipe(*values.values())
    assert [stage.method for stage in recipe.stages][:3] == ["teach", "assistant", "distill"]


def test_without_distillation_no_method_and_no_student_is_left(build):
    values = dict(zip((part.elem_id for part in build.inputs), shown(build.show(taught_by(build, "hints"))), strict=True))
    values["use-distill"] = False
    recipe = build.recipe(*values.values())
    assert recipe.student is None and not {stage.method for stage in recipe.stages} & set(build.shared.knobs_of)


# --- what does not fit -----------------------------------------------------------------------------------------------


def test_what_does_not_suit_the_models_is_reported_with_its_reason(build):
    unfit = build.workbench.unfit_methods(build.workbench.recipe("quickstart"))
    assert "distill" not in unfit and "hints" not in unfit
    assert "self-attention" in unfit["minilm_relations"] and "Choose another pair" in unfit["minilm_relations"]
    with pytest.raises(RecipeError) as refused:
        build.workbench.submit(taught_by(build, "minilm_relations"))
    assert str(refused.value) == unfit["minilm_relations"]
    assert build.workbench.runs().total == 0


def test_what_stands_in_the_way_of_all_methods_is_no_fault_of_one(build):
    recipe = build.workbench.recipe("quickstart").with_values({"student": "minilm-l3"})
    assert build.workbench.unfit_methods(recipe) == {}


def test_the_list_is_grouped_marks_what_does_not_fit_and_escapes(build):
    html = chooser_html(build.distillers, "distill", {"hints": "No <maps> here."})
    titles = re.findall(r'<optgroup label="([^"]+)"', html)
    assert titles == [GROUPS[group][0] for group in GROUPS if any(group_of(method) == group for method in DISTILLERS)]
    assert f">{METHODS['hints'].title}{UNFIT}</option>" in html and "No &lt;maps&gt; here." in html
    assert html.count("<option ") == len(DISTILLERS) and html.count(" selected") == 1
    assert escape(METHODS["distill"].summary) in html and escape(METHODS["distill"].source) in html


# --- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("picture", DRAWINGS)
def test_each_image_is_whole_and_asks_for_nothing_from_outside(picture):
    drawn = ElementTree.fromstring(diagram(picture, "a & b"))
    assert drawn.find("title").text == "What is passed on: a & b"
    assert drawn.findall("text")[-1].text == "a & b" and "href" not in diagram(picture, "x")


@every_method
def test_every_method_has_an_image_and_words(method):
    assert picture_of(method) in DRAWINGS and flow_of(method)


# --- sweeps ----------------------------------------------------------------------------------------------------------


def test_a_sweep_offers_the_settings_of_the_shown_method_and_makes_grids(build):
    names = [name for _, name in sweep_choices(build.actions.sweep.forms, build.shared, "dkd")]
    assert names[0] == "distill.temperature" and "distill.others_weight" in names and "distill.divergence" not in names
    assert build.actions.sweep.find(build.shared, "dkd", "distill.temperature")[0] == "dkd"
    with pytest.raises(RecipeError, match="no setting 'divergence'"):
        build.actions.sweep.find(build.shared, "dkd", "distill.divergence")


def test_a_grid_over_two_settings_and_seeds_is_queued_whole(build):
    bench, sweep = build.workbench, build.actions.sweep
    values = shown(build.show(taught_by(build, "dkd")))
    wanted = ["distill.temperature", "1, 4", "distill.soft_weight", "0.3; 0.9", 3]
    recipe, grid = _grid(build, wanted, values)
    assert grid == {"dkd.temperature": [1, 4], "dkd.soft_weight": [0.3, 0.9], "seed": [0, 1, 2]}
    assert "12 runs</b>: 2 × temperature, 2 × soft weight, 3 seeds each" in _count(grid)
    assert len(bench.submit_sweep(recipe, grid)) == 12 == bench.runs().total
    with pytest.raises(RecipeError, match="two different settings"):
        _grid(build, ["distill.temperature", "1", "distill.temperature", "2", 1], values)
    with pytest.raises(RecipeError, match="Soft weight α: write the values"):
        _grid(build, ["distill.temperature", "1", "distill.soft_weight", "", 1], values)
    with pytest.raises(RecipeError, match="Temperature must be 1 to 20"):
        _grid(build, ["distill.temperature", "1, 99", "", "", 1], values)
    assert sweep.knob.value == "distill.temperature" and sweep.second.value == ""


def test_a_grid_of_twelve_costs_twelve_students_one_control_and_one_pass_of_the_teacher(build):
    values = shown(build.show(taught_by(build, "distill")))
    wanted = ["distill.temperature", "1, 2, 4, 8", "distill.soft_weight", "0.3; 0.6; 0.9", 1]
    runs = build.workbench.submit_sweep(*_grid(build, wanted, values))
    assert len(runs) == 12
    made = {step.digest: (step.stage, step.name.removeprefix("distill")) for run in runs for step in run.steps}
    counted = Counter(name for stage, name in made.values() if stage in ("teach", "distill"))
    assert counted == {"teach": 1, ".outputs": 1, "": 12, ".control": 1}
