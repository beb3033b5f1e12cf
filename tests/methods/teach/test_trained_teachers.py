"""Teachers that are already trained: without a ``teach`` stage they are used unchanged, or refused before queueing."""

import numpy as np
import pytest

from kdui.catalogue.tasks import TASKS
from kdui.catalogue.trained import require_labels
from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from tests.engine.digits import digest_of
from tests.methods.taught import STUDENT, TEACH
from tests.models.small import facts_of, image_checkpoint, text_checkpoint

DIGITS, SENTIMENT = TASKS["digits"], TASKS["sentiment"]


def untaught(teacher: str, *stages, **changes) -> dict:
    """A recipe without a ``teach`` stage."""
    given = list(stages) or [{"distill": {**STUDENT, "epochs": 2}}]
    return {"task": "digits", "teacher": teacher, "student": "cnn-tiny", "stages": given, **changes}


@pytest.fixture(scope="module")
def earlier(bench):
    """A run that taught a teacher."""
    return bench.run({"task": "digits", "teacher": "cnn-medium", "stages": [{"teach": TEACH}, {"measure": {"latency_runs": 20}}]})


def test_an_earlier_result_teaches_as_it_is_and_is_measured_as_it_was(bench, earlier):
    run = bench.run(
        untaught(f"artifact:{digest_of(earlier, 'teach')}", {"distill": {**STUDENT, "epochs": 2}}, {"measure": {"speed": False}})
    )
    assert run.state is RunState.SUCCEEDED, run.error
    kept, training = bench.summary(earlier, "teach"), bench.summary(run, "teacher")["training"]
    assert (training["epochs"], training["steps"]) == (0, 0)
    assert training["validation"] == pytest.approx(kept["training"]["validation"])
    before, after = bench.measured(earlier)["teach"]["accuracy"], bench.measured(run)["teacher"]["accuracy"]
    assert after.value == before.value
    inputs = bench.store.artifacts.manifest(digest_of(run, "distill")).inputs
    assert inputs["teacher"] == digest_of(run, "teacher")


def test_an_earlier_result_may_be_compressed_at_once(bench, earlier):
    recipe = untaught(f"artifact:{digest_of(earlier, 'teach')}", {"prune": {"sparsity": 0.5, "epochs": 0}}, student=None)
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    summary = bench.summary(run, "prune")
    assert summary["nonzero"] < 0.6 * summary["parameters"]


def test_a_checkpoint_that_tells_the_labels_is_taken_and_another_is_refused(bench, tmp_path):
    fitting = image_checkpoint(tmp_path / "fitting", tuple(reversed(DIGITS.labels)))
    steps = {step.name: step for step in bench.plan(untaught(f"folder:{fitting}"))}
    assert (steps["teacher"].operation, steps["teacher"].settings["epochs"]) == ("take_trained", 0)
    other = image_checkpoint(tmp_path / "other", ("cat", "dog"))
    with pytest.raises(RecipeError, match=r"has no head for the labels of Digits: its config.json names cat, dog"):
        bench.plan(untaught(f"folder:{other}"))
    assert "teach" in {step.name for step in bench.plan(untaught(f"folder:{other}", "teach", "distill"))}


def test_unnamed_labels_need_their_owners_word(bench, tmp_path):
    folder = image_checkpoint(tmp_path, tuple(f"LABEL_{index}" for index in range(10)), channels=1)
    with pytest.raises(
        RecipeError, match=rf"does not name its labels.*Write 'folder:{folder}\?labels=0,1,2,.*or put a 'teach' stage"
    ):
        bench.plan(untaught(f"folder:{folder}"))
    steps = {step.name: step for step in bench.plan(untaught(f"folder:{folder}?labels=9,8,7,6,5,4,3,2,1,0"))}
    assert steps["teacher"].settings["model"]["options"] == {"labels": list("9876543210")}
    assert "teach" in {step.name for step in bench.plan(untaught(f"folder:{folder}", "teach", "distill"))}


def test_a_teacher_of_ours_that_learned_nothing_is_reported_and_as_an_earlier_result_does_not_teach(bench):
    first = bench.run({"task": "digits", "teacher": "cnn-tiny", "stages": [{"teach": {**TEACH, "epochs": 0}}]})
    assert first.state is RunState.SUCCEEDED, first.error
    warnings = [line for line in bench.said(first) if line.startswith("Warning: this teacher gets")]
    assert len(warnings) == 1 and "always giving the most frequent label gets" in warnings[0]
    run = bench.run(untaught(f"artifact:{digest_of(first, 'teach')}"))
    assert run.state is RunState.FAILED
    assert "no better than chance" in run.error


def test_labels_are_compared_whatever_their_order_and_case(bench, tmp_path):
    def facts(folder):
        return facts_of(f"folder:{folder}", SENTIMENT, bench.settings)

    one = text_checkpoint(tmp_path / "one", tuple(label.upper() for label in reversed(SENTIMENT.labels)))
    require_labels(one, facts(one), SENTIMENT)
    two = text_checkpoint(tmp_path / "two", ("fun", "dull"))
    with pytest.raises(RecipeError, match="fine-tuned on them"):
        require_labels(two, facts(two), SENTIMENT)


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        (["distill"], "needs a trained teacher, but CNN medium is not trained yet. Put a 'teach' stage before it"),
        (["pretrain", "distill"], "A 'pretrain' stage is for a teacher that is taught after it"),
        (["mutual", "prune"], None),
    ],
)
def test_what_is_not_trained_cannot_teach(bench, stages, words):
    if words is None:  # these students need no teacher
        assert [step.role for step in bench.plan(untaught("cnn-medium", *stages))][:1] == ["student"]
        return
    with pytest.raises(RecipeError, match=words):
        bench.plan(untaught("cnn-medium", *stages))


def test_further_teachers_still_need_the_settings_of_teach(bench, earlier):
    with pytest.raises(RecipeError, match=r"trains more teachers with the settings of the 'teach' stage\. Put one before it"):
        bench.plan(untaught(f"artifact:{digest_of(earlier, 'teach')}", "ensemble"))


def test_adapters_of_an_assistant_are_checked_on_the_assistant(bench):
    plain = {"task": "reuters-r8", "teacher": "minilm-l6", "student": "bilstm-64"}
    adapted = {"adapter_rank": 4}
    plan = bench.plan({**plain, "stages": ["teach", {"assistant": adapted}, "distill"]})
    assert next(step.model for step in plan if step.role == "assistant") == "minilm-l3"
    with pytest.raises(RecipeError, match="trains adapters beside attention, but BiLSTM-128 has none"):
        bench.plan({**plain, "stages": ["teach", {"assistant": {**adapted, "model": "bilstm-128"}}, "distill"]})


def test_the_usual_assistant_is_that_of_the_modality(bench):
    def assistant(**named) -> tuple[str, str]:
        stages = ["teach", {"assistant": named} if named else "assistant", "distill"]
        plan = bench.plan({"task": "digits", "teacher": "cnn-medium", "student": "cnn-tiny", "stages": stages})
        return next((step.model, step.digest) for step in plan if step.role == "assistant")

    assert assistant() == assistant(model="cnn-medium") == assistant(model=" ")
    assert assistant(model="cnn-small")[0] == "cnn-small"


def test_the_control_of_a_transfer_set_sees_shifted_images_where_requested(bench):
    """``augment`` says nothing about the student, whose images change anyway."""
    histories = {}
    for augment in (False, True):
        settings = {**STUDENT, "epochs": 2, "control": True, "augment": augment}
        run = bench.run({**untaught("cnn-medium", {"teach": TEACH}, {"transfer_set": settings}), "student": "cnn-small"})
        assert run.state is RunState.SUCCEEDED, run.error
        histories[augment] = [
            [row["loss"] for row in bench.summary(run, name)["training"]["history"]]
            for name in ("transfer_set", "transfer_set.control")
        ]
    student, control = zip(histories[False], histories[True], strict=True)
    np.testing.assert_allclose(student[0], student[1], rtol=1e-5)
    assert abs(control[0][-1] - control[1][-1]) > 0.01
