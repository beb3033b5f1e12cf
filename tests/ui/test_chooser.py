"""The choice of a distillation method in Build: what all of them share, and words for what does not fit."""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from html import escape

import pytest

from kdui.catalogue.methods import METHODS, trains_student
from kdui.core.errors import RecipeError
from kdui.settings import Settings
from kdui.ui.build import BuildCalls
from kdui.ui.build_actions import Sweep, counted, grid, sweep_choices
from kdui.ui.build_changes import recipe_of, shown
from kdui.ui.chooser import UNFIT, method_html, method_options
from kdui.ui.diagrams import DRAWINGS, GROUPS, diagram, flow_of, group_of, picture_of
from kdui.ui.recipe_form import student_forms, with_distiller
from kdui.workbench.workbench import Workbench

DISTILLERS = [method for method in METHODS.values() if trains_student(method)]
every_method = pytest.mark.parametrize("method", DISTILLERS, ids=lambda method: method.name)


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    bench = Workbench(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def calls(workbench):
    return BuildCalls(workbench)


def plan(calls, recipe, *changes):
    return calls.build_plan({"state": shown(recipe, None).model_dump(), "changes": list(changes)})


def after(calls, recipe, *changes):
    return recipe_of(shown(recipe, None).model_copy(update={"recipe": plan(calls, recipe, *changes)["state"]["recipe"]}))


def taught_by(calls, method):
    return after(calls, calls.bench.recipe("quickstart"), {"role": "method", "value": method})


# --- one form for all ------------------------------------------------------------------------------------------------


@every_method
def test_a_recipe_with_any_method_survives_the_form(calls, method):
    recipe = taught_by(calls, method.name)
    (stage,) = [stage for stage in recipe.stages if stage.method in student_forms()]
    assert (stage.method, stage.name) == (method.name, method.name)
    assert re.search(rf"^  - {method.name}(:|$)", calls.bench.recipe_yaml(recipe), re.MULTILINE)
    view = plan(calls, recipe)
    assert (view["state"]["open"], view["values"]["build-method"]) == (method.name, method.name)
    fields = {name.removeprefix(f"knob-{method.name}-") for name in view["values"] if name.startswith("knob-")}
    assert {name for name in fields if not name.endswith("-beside")} <= set(method.spec.model_fields) and "epochs" in fields


def test_another_method_keeps_what_was_decided_and_takes_its_own_defaults(calls):
    decided = taught_by(calls, "dkd")
    assert decided.stage("dkd").settings["epochs"] == 20 and decided.stage("dkd").settings["temperature"] == 4
    plain = calls.bench.recipe("quickstart").with_values({"distill.divergence": "reverse"})
    assert "divergence" not in with_distiller(plain, "dkd").stage("dkd").settings
    free = calls.bench.parse_recipe("{task: digits, teacher: cnn-medium, student: cnn-small, stages: [teach, distill, measure]}")
    view = plan(calls, free, {"role": "method", "value": "dist"})
    assert view["values"]["knob-dist-temperature"] == METHODS["dist"].spec().temperature == 1.0


def test_a_custom_name_of_the_stage_stays(calls):
    recipe = calls.bench.parse_recipe(
        "{task: digits, teacher: cnn-medium, student: cnn-small, stages: [teach, {method: distill, name: lesson}, measure]}"
    )
    assert with_distiller(recipe, "dkd").stage("lesson").method == "dkd"


def test_the_controls_of_the_gain_are_settings_of_the_method(calls):
    switches = [
        {"role": "knob", "stage": "dkd", "name": name, "value": on} for name, on in (("control", False), ("smooth_control", True))
    ]
    settings = after(calls, taught_by(calls, "dkd"), *switches).stage("dkd").settings
    assert (settings["control"], settings["smooth_control"]) == (False, True)


def test_an_optional_step_before_the_student_is_added_and_stands_before_it(calls):
    quickstart = calls.bench.recipe("quickstart")
    assert 'id="add-assistant"' in plan(calls, quickstart)["html"]["build-strip"]
    recipe = after(calls, quickstart, {"role": "add", "value": "assistant"})
    assert [stage.method for stage in recipe.stages][:3] == ["teach", "assistant", "distill"]


def test_without_distillation_no_method_and_no_student_is_left(calls):
    recipe = after(calls, taught_by(calls, "hints"), {"role": "remove", "value": "hints"})
    assert recipe.student is None and not {stage.method for stage in recipe.stages} & set(student_forms())
    view = plan(calls, recipe)
    assert (view["values"]["build-method"], view["values"]["build-student"]) == ("", "")
    assert 'id="add-distill"' in view["html"]["build-strip"]


# --- what does not fit -----------------------------------------------------------------------------------------------


def test_what_does_not_suit_the_models_is_reported_with_its_reason(calls):
    bench = calls.bench
    unfit = bench.unfit_methods(bench.recipe("quickstart"))
    assert "distill" not in unfit and "hints" not in unfit
    assert "self-attention" in unfit["minilm_relations"] and "Choose another pair" in unfit["minilm_relations"]
    view = plan(calls, bench.recipe("quickstart"), {"role": "method", "value": "minilm_relations"})
    assert escape(unfit["minilm_relations"]) in view["html"]["build-step"]
    assert view["problem"]["text"] == unfit["minilm_relations"]
    with pytest.raises(RecipeError) as refused:
        calls.build_queue({"state": view["state"]})
    assert str(refused.value) == unfit["minilm_relations"]
    assert bench.runs().total == 0


def test_what_stands_in_the_way_of_all_methods_is_no_fault_of_one(calls):
    recipe = calls.bench.recipe("quickstart").with_values({"student": "minilm-l3"})
    assert calls.bench.unfit_methods(recipe) == {}


def test_the_list_is_grouped_marks_what_does_not_fit_and_escapes():
    methods = [METHODS[name] for name in student_forms()]
    html = method_options(methods, {"hints": "No <maps> here."})
    titles = re.findall(r'<optgroup label="([^"]+)"', html)
    assert titles == [GROUPS[group][0] for group in GROUPS if any(group_of(method) == group for method in DISTILLERS)]
    assert f">{METHODS['hints'].title}{UNFIT}</option>" in html and html.count("<option ") == len(DISTILLERS)
    about = method_html(METHODS["hints"], "No <maps> here.")
    assert "No &lt;maps&gt; here." in about
    assert escape(METHODS["hints"].summary) in about and escape(METHODS["hints"].source) in about


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


def test_a_sweep_offers_the_settings_of_the_shown_method_and_makes_grids(calls):
    recipe = taught_by(calls, "dkd")
    names = [name for name, _ in sweep_choices(recipe)]
    assert names[0] == "dkd.temperature" and "dkd.others_weight" in names and "dkd.divergence" not in names
    assert not [name for name in names if name.startswith(("export.", "measure."))]
    with pytest.raises(RecipeError, match="no setting 'divergence'"):
        grid(calls.bench, recipe, Sweep(knob="dkd.divergence", values="reverse"))


def test_a_grid_over_two_settings_and_seeds_is_queued_whole(calls):
    bench, recipe = calls.bench, taught_by(calls, "dkd")
    wish = Sweep(knob="dkd.temperature", values="1, 4", second="dkd.soft_weight", second_values="0.3; 0.9", seeds=3)
    _, values = grid(bench, recipe, wish)
    assert values == {"dkd.temperature": [1, 4], "dkd.soft_weight": [0.3, 0.9], "seed": [0, 1, 2]}
    assert "12 runs</b> · 2 × <span>temperature</span> · 2 × <span>soft weight</span> · 3 seeds each" in counted(values)
    state = shown(recipe, None).model_dump()
    assert "12 runs queued" in calls.build_sweep({"state": state, "sweep": wish.model_dump(), "queue": True})["said"]
    assert bench.runs().total == 12
    for wrong, words in (
        ({"second": "dkd.temperature"}, "two different settings"),
        ({"second_values": ""}, "Soft weight α: write the values"),
        ({"values": "1, 99"}, "Temperature must be 1 to 20"),
    ):
        with pytest.raises(RecipeError, match=words):
            grid(bench, recipe, wish.model_copy(update=wrong))


def test_a_grid_of_twelve_costs_twelve_students_one_control_and_one_pass_of_the_teacher(calls):
    wish = Sweep(knob="distill.temperature", values="1, 2, 4, 8", second="distill.soft_weight", second_values="0.3; 0.6; 0.9")
    runs = calls.bench.submit_sweep(*grid(calls.bench, taught_by(calls, "distill"), wish))
    assert len(runs) == 12
    made = {step.digest: (step.stage, step.name.removeprefix("distill")) for run in runs for step in run.steps}
    counted_steps = Counter(name for stage, name in made.values() if stage in ("teach", "distill"))
    assert counted_steps == {"teach": 1, ".outputs": 1, "": 12, ".control": 1}
