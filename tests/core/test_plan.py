"""Plans: which steps a recipe becomes, which digests a knob changes, and recipes that cannot work."""

import pytest

from kdui.catalogue.planner import plan_recipe
from kdui.core.errors import RecipeError, UnknownName
from kdui.core.plan import Step
from kdui.core.recipe import Recipe

STAGES = [
    {"teach": {"epochs": 2}},
    {"distill": {"epochs": 2}},
    {"prune": {"sparsity": 0.5}},
    {"quantize": {"bits": 4}},
    "export",
    "measure",
]
PLAIN = {"task": "digits", "teacher": "cnn-medium", "student": "cnn-small", "stages": STAGES}


@pytest.fixture
def plan(settings):
    def plan_of(values: dict | None = None, **changes) -> dict[str, Step]:
        recipe = Recipe.model_validate({**PLAIN, **changes}).with_values(values or {})
        return {step.name: step for step in plan_recipe(recipe, settings)}

    return plan_of


def changed(before: dict[str, Step], after: dict[str, Step]) -> set[str]:
    """Names of the steps whose digests differ."""
    assert before.keys() == after.keys()
    return {name for name, step in before.items() if after[name].digest != step.digest}


def test_the_number_of_cached_logits_makes_other_outputs_where_it_is_not_the_usual(plan):
    books = {"task": "books", "teacher": "lm-small", "student": "lm-tiny", "stages": ["teach", "distill", "prune"]}
    before = plan(**books)
    usual = {"distill.kept_logits": 64, "prune.kept_logits": 64, "teach.validation_examples": 0}
    assert changed(before, plan(usual, **books)) == set()
    more = {"distill.kept_logits": 256, "prune.kept_logits": 256}
    assert changed(before, plan(more, **books)) == {"distill.outputs", "distill", "prune"}


def test_a_student_of_fewer_tokens_needs_a_method_that_bridges_tokenizers(plan):
    books = {"task": "books", "teacher": "lm-small", "student": "lm-small-l3?vocabulary=1000"}
    with pytest.raises(RecipeError, match=r"keeps 1,000 of its teacher's\. .* 'sequence' or 'universal'"):
        plan(**books, stages=["teach", "distill"])
    assert plan(**books, stages=["teach", "universal"])


def test_steps_and_their_order(plan):
    steps = plan()
    assert list(steps) == [
        "teach",
        "export.teach",
        "measure.teach",
        "distill.outputs",
        "distill",
        "export.distill",
        "measure.distill",
        "distill.control",
        "export.distill.control",
        "measure.distill.control",
        "prune",
        "export.prune",
        "measure.prune",
        "quantize",
        "measure.quantize",
    ]
    roles = {
        "teach": "teacher",
        "distill": "student",
        "distill.control": "control",
        "prune": "compressed",
        "quantize": "compressed",
        "measure.quantize": "compressed",
    }
    assert {name: steps[name].role for name in roles} == roles
    assert steps["prune"].inputs == {"model": "distill", "outputs": "distill.outputs"}
    assert steps["quantize"].inputs == {"model": "export.prune"}
    assert steps["measure.quantize"].inputs == {"model": "quantize", "baseline": "export.teach"}
    seen: set[str] = set()
    for step in steps.values():
        assert set(step.inputs.values()) <= seen
        seen.add(step.name)


def test_turning_a_late_knob_changes_only_what_follows(plan):
    assert changed(plan(), plan({"quantize.bits": 3})) == {"quantize", "measure.quantize"}
    assert changed(plan(), plan({"prune.sparsity": 0.7})) == {
        "prune",
        "export.prune",
        "measure.prune",
        "quantize",
        "measure.quantize",
    }
    assert changed(plan(), plan({"measure.latency_runs": 50})) == {name for name in plan() if name.startswith("measure")}


@pytest.mark.parametrize("knob", [{"distill.temperature": 2}, {"distill.soft_weight": 0.3}])
def test_the_teachers_knobs_leave_control_teacher_and_its_outputs_alone(plan, knob):
    different = changed(plan(), plan(knob))
    assert {"distill", "prune", "quantize"} <= different
    assert not different & {"teach", "distill.outputs", "distill.control", "measure.distill.control", "measure.teach"}


def test_repeats_over_seeds_share_the_teacher(plan):
    different = changed(plan(), plan({"seed": 1}))
    assert {"distill", "distill.control", "prune", "quantize"} <= different
    assert not different & {"teach", "export.teach", "measure.teach", "distill.outputs"}
    assert "teach" in changed(plan(), plan({"teach.seed": 1}))


def test_equal_training_knobs_reach_student_and_control_alike(plan):
    steps = plan({"distill.epochs": 7, "distill.learning_rate": 0.02})
    ours, control = steps["distill"].settings, steps["distill.control"].settings
    assert {key: ours[key] for key in control} == control
    own = {"temperature", "soft_weight", "divergence", "standardize", "temperature_schedule", "soft_weight_schedule"}
    assert set(ours) - set(control) == own


def test_defaults_spelled_out_are_the_same_steps(plan):
    spelled = plan({"distill.temperature": 4.0, "distill.soft_weight": 0.7, "quantize.scheme": "auto"})
    assert changed(plan(), spelled) == set()


def test_a_knob_that_came_later_leaves_no_trace_at_its_default(plan):
    assert "erase" not in plan()["teach"].settings
    assert plan({"teach.augment": True, "teach.erase": 0.5})["teach"].settings["erase"] == 0.5


def test_a_last_value_counts_only_where_there_is_a_schedule(plan):
    assert changed(plan(), plan({"distill.last_temperature": 3.0})) == set()
    cooled = plan({"distill.temperature_schedule": "linear", "distill.last_temperature": 3.0})
    assert "distill" in changed(plan({"distill.temperature_schedule": "linear"}), cooled)


def test_every_bit_width_rounds_the_float_model(plan):
    steps = plan(stages=["teach", "distill", "quantize", {"quantize": {"bits": 3}}, "measure"])
    assert steps["quantize"].inputs == steps["quantize-2"].inputs == {"model": "export.distill"}
    assert (steps["quantize"].settings["scheme"], steps["quantize-2"].settings["scheme"]) == ("static", "simulated")
    assert steps["quantize-2"].label == "CNN small · 3-bit"


def test_a_teacher_alone_can_be_compressed(plan):
    steps = plan(student=None, stages=["teach", "quantize", "measure"])
    assert list(steps) == ["teach", "export.teach", "measure.teach", "quantize", "measure.quantize"]


def test_without_control_and_without_kept_outputs(plan):
    steps = plan({"distill.control": False, "distill.cache_teacher": False}, stages=["teach", "distill"])
    assert list(steps) == ["teach", "distill"]
    assert steps["distill"].inputs == {"teacher": "teach"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"stages": ["distill", "teach"]},
            "Stage 'teach' must come before 'distill': the order is ",
        ),
        ({"stages": ["teach", "quantize", "prune"]}, "Stage 'prune' must come before 'quantize'"),
        (
            {"teacher": None, "stages": ["distill"]},
            "Stage 'distill' needs a teacher. Name one in 'teacher:' and put a 'teach' stage before it.",
        ),
        (
            {"stages": ["distill"]},
            "Stage 'distill' needs a trained teacher, but CNN medium is not trained yet. Put a 'teach' stage",
        ),
        ({"stages": ["pretrain", "distill"]}, "A 'pretrain' stage is for a teacher that is taught after it. Add a 'teach' stage"),
        ({"teacher": None}, "Stage 'teach' has no teacher to train. Name one in 'teacher:'."),
        ({"student": None}, "Stage 'distill' has no student. Name one in 'student:'."),
        ({"student": None, "teacher": None, "stages": ["quantize"]}, "Stage 'quantize' has no model to work on"),
        ({"stages": ["teach", "measure"]}, "no stage trains it. Add a 'distill' stage or leave 'student:' out."),
        ({"student": None, "stages": [{"teach": {"erase": 0.5}}]}, "uses random erasing, but data augmentation is off"),
        ({"student": "bilstm-128"}, "takes text, but Digits is made of image examples"),
        (
            {"stages": ["teach", {"distill": {"temperature": 0.5}}]},
            "distill.temperature: Temperature must be 1 to 20 (got 0.5)",
        ),
        (
            {"stages": ["teach", {"distill": {"soft_weight": 1.5, "epochs": -1}}]},
            "distill.epochs: Epochs must be 0 to 1000 (got -1); distill.soft_weight: Soft weight α must be 0 to 1 (got 1.5)",
        ),
        (
            {"stages": ["teach", "distill", {"quantize": {"bits": 9}}]},
            "quantize.bits: Bit-width must be 2 to 8 (got 9)",
        ),
        (
            {"stages": ["teach", "distill", {"prune": {"kind": "structural"}}]},
            "prune.kind: Criterion must be magnitude, random, taylor, movement, wanda, 2:4, wanda-2:4, sparsegpt or "
            "sparsegpt-2:4 (got 'structural')",
        ),
        (
            {"stages": ["teach", "distill", {"prune": {"kind": "structured"}}]},
            "write 'prune_structured' instead of 'prune'",
        ),
    ],
)
def test_recipes_that_cannot_work_state_why(plan, changes, words):
    with pytest.raises(RecipeError) as caught:
        plan(**changes)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "nearest"),
    [
        ({"task": "digit"}, "digits"),
        ({"teacher": "cnn-mediun"}, "cnn-medium"),
        ({"stages": ["teach", "distil"]}, "distill"),
        ({"stages": ["teach", {"distill": {"temprature": 2}}]}, "temperature"),
    ],
)
def test_unknown_names_suggest_the_nearest(plan, changes, nearest):
    with pytest.raises(UnknownName) as caught:
        plan(**changes)
    assert caught.value.nearest == nearest
