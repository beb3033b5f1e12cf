"""What a teacher of which provides predictions only can do, and what it cannot: tables of probabilities and all kinds."""

import numpy as np
import pytest

from kdui.catalogue.planner import plan_recipe
from kdui.core.errors import RecipeError
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.workbench.estimate import Estimator
from tests.engine.digits import digest_of
from tests.methods.foreign_teachers import DIGITS, recipe, refused, table

# --- tables -----------------------------------------------------------------------------------------------------------------


def test_a_table_teaches_and_nothing_is_measured_against_it(bench, folder, splits, answers):
    order = list(reversed(range(10)))
    path = table(folder / "answers.csv", answers[:, order], [DIGITS.labels[column] for column in order])
    run = bench.run(recipe(f"csv:{path}", measure=True, control=True, epochs=8))
    assert run.state is RunState.SUCCEEDED, run.error
    kept = np.load(bench.folder(run, "teacher") / "outputs.npy")
    np.testing.assert_allclose(np.exp(kept[0].astype(np.float64)), answers, atol=2e-3)
    right = (answers.argmax(-1) == splits["train"].targets).mean()
    assert bench.summary(run, "teacher")["train_accuracy"] == pytest.approx(right)
    measured = bench.measured(run)
    assert measured.keys() == {"distill", "distill.control"}
    assert measured["distill"]["accuracy"].value > 85
    assert "against CNN small, timed alternately" in measured["distill.control"]["speedup"].provenance.note
    rows = bench.store.results.rows_of_run(run.id)
    assert len(rows) == 2 and {(row["retained"], row["speedup"]) for row in rows} == {(None, None)}
    assert digest_of(run, "teacher") == bench.plan(recipe(f"csv:{path}"))[0].digest
    rows = (
        Estimator(bench.store, lambda task, ref: {"parameters": 1442, "macs": 23000})
        .estimate(run.recipe, bench.plan(run.recipe.model_dump()))
        .rows
    )
    (accuracy,) = [row for row in rows if row.quantity == "Accuracy"]
    assert accuracy.result == measured["distill"]["accuracy"].value != measured["distill.control"]["accuracy"].value


def test_a_table_with_other_columns_is_refused_before_queueing(bench, folder, answers):
    with pytest.raises(
        RecipeError, match=r"must name the labels of Digits.*1 of 10 are missing \(9.*1 of its 10 names are no labels"
    ):
        bench.plan(recipe(f"csv:{table(folder / 'a.csv', answers, [*DIGITS.labels[:9], 'nine'])}"))
    with pytest.raises(RecipeError, match="each once"):
        bench.plan(recipe(f"csv:{table(folder / 'b.csv', answers, [*DIGITS.labels, '9'])}"))
    (folder / "c.csv").write_bytes(b"\xff\xfe0,1")
    with pytest.raises(RecipeError, match="cannot be read as a CSV file in UTF-8"):
        bench.plan(recipe(f"csv:{folder / 'c.csv'}"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[:-1], r"1,\d{3} rows below its first line, but Digits has 1,\d{3} training examples"),
        (lambda rows: [*rows, rows[0]], "more rows below its first line"),
        (lambda rows: [[0.5] * 10, *rows[1:]], "Line 2 of .* sums to 5"),
        (lambda rows: [rows[0], [-0.1, 1.1, *[0] * 8], *rows[2:]], "Line 3 of .* no probability"),
        (lambda rows: [[*rows[0][:9]], *rows[1:]], "Line 2 of .* has 9 values"),
        (lambda rows: [["nan", *[0] * 9], *rows[1:]], "Line 2 of .* no probability"),
        (lambda rows: [["much", *[0] * 9], *rows[1:]], "Line 2 of .* holds no number"),
    ],
)
def test_a_malformed_table_names_its_line(bench, folder, answers, change, words):
    refused(bench, f"csv:{table(folder / 'wrong.csv', change(answers.tolist()))}", words)


# --- what a black box cannot do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("hints", {}, "shows no intermediate features"),
        ("relational", {}, "matches intermediate features, but .* provides predictions only"),
        ("distill", {"cache_teacher": False}, "runs its teacher in every epoch"),
        ("born_again", {"cache_teacher": False}, "runs its teacher in every epoch"),
    ],
)
def test_methods_that_look_inside_are_refused(bench, boxes, kind, method, settings, words):
    with pytest.raises(RecipeError, match=words):
        bench.plan(recipe(boxes[kind], method, **settings))


def test_a_table_cannot_answer_to_augmented_images(bench, boxes):
    with pytest.raises(RecipeError, match="predictions on the original images"):
        bench.plan(recipe(boxes[1], augment=True))


def test_a_black_box_is_neither_student_nor_pruned_nor_a_start(bench, boxes, folder, answers):
    with pytest.raises(RecipeError, match=r"cannot be trained\. Use it as the teacher"):
        bench.plan({**recipe("cnn-medium"), "student": boxes[0]})
    with pytest.raises(RecipeError, match="without weights that can be trained"):
        bench.plan({"task": "digits", "teacher": boxes[0], "stages": ["prune"]})
    with pytest.raises(RecipeError, match="There is no file"):
        bench.plan(recipe("onnx:/nowhere/model.onnx"))
    with pytest.raises(RecipeError, match="takes no options"):
        bench.plan(recipe(f"{boxes[1]}?probabilities=true"))
    with pytest.raises(RecipeError, match=r"has no option 'probability'\. Did you mean 'probabilities'"):
        bench.plan(recipe(f"{boxes[0]}?probability=true"))


def test_a_teach_stage_leaves_a_black_box_as_it_is(bench, boxes):
    with_teach = {**recipe(boxes[0]), "stages": [{"teach": {"epochs": 3}}, *recipe(boxes[0])["stages"]]}
    assert [step.digest for step in bench.plan(with_teach)] == [step.digest for step in bench.plan(recipe(boxes[0]))]


@pytest.mark.parametrize("kind", [0, 1])
def test_an_estimate_counts_nothing_of_a_black_box(bench, boxes, kind):
    wanted = Recipe.model_validate({**recipe(boxes[kind], measure=True), "stages": ["teach", "distill", "measure"]})
    size = {"parameters": 1442, "macs": 23200}
    result = Estimator(bench.store, lambda task, ref: {"cnn-small": size}[ref]).estimate(
        wanted, plan_recipe(wanted, bench.settings)
    )
    parameters = next(row for row in result.rows if row.quantity == "Parameters")
    assert (parameters.teacher, parameters.result, parameters.ratio) == (None, 1442, None)
    assert any("used as it is" in text for text in result.warnings)


def test_the_graph_of_a_black_box_can_be_quantized(bench, boxes):
    run = bench.run({"task": "digits", "teacher": boxes[0], "stages": [{"quantize": {"bits": 4}}]})
    assert run.state is RunState.SUCCEEDED, run.error
    assert (bench.folder(run, "quantize") / "model.onnx").is_file()
