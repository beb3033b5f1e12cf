"""Teachers of which only the answers are known: ONNX files from elsewhere and tables of probabilities, and every wrong one."""

import csv
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from kdui.catalogue.pairs import students
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.errors import RecipeError, StageFailed
from kdui.core.recipe import Recipe
from kdui.core.run import RunState
from kdui.estimating import Estimator
from kdui.methods.teach.apply import take_graph
from kdui.runtime.foreign_graph import adopted, count_weights, read_graph
from kdui.training.context import QuietReporter, StepContext, TaskData
from tests.engine.digits import digest_of, states
from tests.methods.taught import STUDENT, digits_recipe
from tests.models.small import random_tokens, word_pieces

DIGITS = TASKS["digits"]
KNOBS = {**STUDENT, "epochs": 6}


@pytest.fixture(scope="module")
def splits(bench):
    return load_task("digits", bench.settings)[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("teachers")


class Elsewhere(nn.Module):
    """Softmax regression on pixels, with whatever shape of input and output a test wants."""

    def __init__(self, layout: str = "first", answer: str = "logits", outputs: int = 10):
        super().__init__()
        self.linear, self.layout, self.answer = nn.Linear(64, outputs), layout, answer

    def forward(self, image):
        if self.layout == "last":
            image = image.permute(0, 3, 1, 2)
        logits = self.linear(image.flatten(1))
        match self.answer:
            case "probabilities":
                return logits.softmax(-1)
            case "two":
                return logits, logits.argmax(-1)
            case "label":
                return logits.argmax(-1)
            case "nan":
                return logits / (logits - logits)
        return logits


def write(path: Path, module: nn.Module, shape=(1, 8, 8), free: bool = True) -> Path:
    """An ONNX file with an input named otherwise than kdui's own."""
    axes = {"image": {0: "n"}} if free else None
    torch.onnx.export(
        module.eval(), (torch.rand(2, *shape),), path, input_names=["image"], dynamic_axes=axes, dynamo=False, opset_version=13
    )
    return path


def taught(module: nn.Module, splits) -> nn.Module:
    """The regression fitted to the digits by full-batch Adam."""
    pixels = torch.from_numpy(splits["train"].inputs).permute(0, 3, 1, 2).float() / 255
    targets = torch.from_numpy(splits["train"].targets)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(module.linear(pixels.flatten(1)), targets).backward()
        optimizer.step()
    return module


@pytest.fixture(scope="module")
def regression(splits):
    torch.manual_seed(0)
    return taught(Elsewhere(), splits)


def recipe(teacher: str, method: str = "distill", measure: bool = False, **settings):
    plain = digits_recipe(method, teacher=teacher, **{**KNOBS, **settings})
    plain["stages"] = [plain["stages"][1], *([{"measure": {"latency_runs": 20}}] if measure else [])]
    return plain


def test_an_onnx_file_teaches_and_is_measured(bench, folder, splits, regression):
    path = write(folder / "regression.onnx", regression)
    run = bench.run(recipe(f"onnx:{path}", measure=True))
    assert run.state is RunState.SUCCEEDED, run.error
    assert list(states(run))[:1] == ["teacher"] and "export.teacher" not in states(run)
    pixels = torch.from_numpy(splits["train"].inputs).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        expected = regression(pixels).numpy()
    kept = np.load(bench.folder(run, "distill.outputs") / "outputs.npy")
    np.testing.assert_allclose(kept[0].astype(np.float32), expected, atol=0.02)
    found = bench.measured(run)
    with torch.no_grad():
        test = torch.from_numpy(splits["test"].inputs).permute(0, 3, 1, 2).float() / 255
        right = (regression(test).argmax(-1).numpy() == splits["test"].targets).mean()
    assert found["teacher"]["accuracy"].value == pytest.approx(100 * right, abs=0.01)
    assert found["teacher"]["parameters"].value == 650 and "macs" not in found["teacher"]
    assert found["distill"]["accuracy"].value > 85
    assert "against regression.onnx, answering in turn" in found["distill"]["speedup"].provenance.note


@pytest.mark.parametrize("layout", ["first", "last"])
def test_the_same_answers_in_another_form_are_the_same_teacher(bench, folder, regression, layout):
    other = Elsewhere(layout, "probabilities")
    other.load_state_dict(regression.state_dict())
    path = write(folder / f"{layout}.onnx", other, (1, 8, 8) if layout == "first" else (8, 8, 1))
    run = bench.run(recipe(f"onnx:{path}?probabilities=true", epochs=1))
    assert run.state is RunState.SUCCEEDED, run.error
    kept = np.load(bench.folder(run, "distill.outputs") / "outputs.npy")[0].astype(np.float64)
    np.testing.assert_allclose(np.exp(kept).sum(-1), 1, atol=2e-2)
    session = onnxruntime.InferenceSession(bench.folder(run, "teacher") / "model.onnx")
    assert [item.name for item in session.get_inputs()] == ["pixels"] and session.get_inputs()[0].shape[1:] == [1, 8, 8]
    pixels = np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32)
    with torch.no_grad():
        expected = regression(torch.from_numpy(pixels)).log_softmax(-1).numpy()
    np.testing.assert_allclose(session.run(None, {"pixels": pixels})[0], np.maximum(expected, np.log(1e-7)), atol=1e-4)


def test_augmented_views_are_asked_of_the_graph(bench, folder, regression):
    path = write(folder / "views.onnx", regression)
    run = bench.run(recipe(f"onnx:{path}", epochs=1, augment=True, views=2))
    assert run.state is RunState.SUCCEEDED, run.error
    kept = np.load(bench.folder(run, "distill.outputs") / "outputs.npy")
    assert kept.shape == (2, DIGITS.splits["train"], 10) and np.abs(kept[0] - kept[1]).max() > 0.5


def test_what_the_store_knows_follows_the_content_of_the_file(bench, folder, regression):
    path = write(folder / "one.onnx", regression)
    before = digest_plan(bench, f"onnx:{path}")
    moved = path.rename(folder / "moved.onnx")
    assert digest_plan(bench, f"onnx:{moved}") == before
    assert digest_plan(bench, f"onnx:{moved}?probabilities=true") != before
    write(moved, Elsewhere())
    assert digest_plan(bench, f"onnx:{moved}") != before


def digest_plan(bench, teacher: str) -> str:
    return bench.plan(recipe(teacher))[0].digest


def test_a_file_that_changes_under_a_run_is_refused(bench, folder, splits, tmp_path):
    path = write(folder / "changing.onnx", Elsewhere())
    step = bench.plan(recipe(f"onnx:{path}"))[0]
    write(path, Elsewhere())
    context = StepContext(
        step=step,
        data=TaskData(DIGITS, splits),
        device=torch.device("cpu"),
        inputs={},
        out=tmp_path,
        checkpoint=tmp_path,
        report=QuietReporter(),
        app=bench.settings,
    )
    with pytest.raises(StageFailed, match="has changed since the run was queued"):
        take_graph(context)


@pytest.mark.parametrize(
    ("module", "shape", "free", "words"),
    [
        (Elsewhere(outputs=7), (1, 8, 8), True, r"gives .* float32 \[n, 7\], but Digits has 10 labels"),
        (Elsewhere(answer="two"), (1, 8, 8), True, "gives 2 outputs"),
        (Elsewhere(answer="label"), (1, 8, 8), True, "Export it with the logits instead of the chosen label"),
        (Elsewhere(answer="nan"), (1, 8, 8), True, "NaN or infinity"),
        (Elsewhere(answer="probabilities"), (1, 8, 8), True, r"Add \?probabilities=true"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(192, 10)),
            (3, 8, 8),
            True,
            r"takes image float32 \[n, 3, 8, 8\], but Digits wants",
        ),
        (nn.Sequential(nn.Linear(64, 10)), (64,), True, "but Digits wants one input of float pixels"),
    ],
)
def test_a_graph_of_another_kind_is_refused_in_words(bench, folder, module, shape, free, words):
    path = write(folder / "wrong.onnx", module, shape, free)
    refused(bench, f"onnx:{path}", words)


def refused(bench, teacher: str, words: str) -> None:
    run = bench.run(recipe(teacher))
    assert run.state is RunState.FAILED
    assert re.search(words, run.error), run.error


def test_a_graph_for_one_example_at_a_time_is_refused(bench, folder):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 10)

        def forward(self, image):
            return self.linear(image.reshape(2, 64))

    refused(bench, f"onnx:{write(folder / 'fixed.onnx', Fixed(), free=False)}", "cannot take 1 example.*free batch axis")


def test_logits_are_no_probabilities(bench, folder, regression):
    path = write(folder / "logits.onnx", regression)
    refused(bench, f"onnx:{path}?probabilities=true", "must sum to 1, but one sums to")


def test_a_file_that_is_no_graph_or_another_tasks_is_refused(bench, folder, regression):
    (folder / "text.onnx").write_text("not a graph", encoding="utf-8")
    refused(bench, f"onnx:{folder / 'text.onnx'}", "cannot be read as an ONNX file")
    model = onnx.load(write(folder / "fashion.onnx", regression))
    entry = model.metadata_props.add()
    entry.key, entry.value = "kdui.labels", '["Coat", "Bag"]'
    onnx.save(model, folder / "fashion.onnx")
    refused(bench, f"onnx:{folder / 'fashion.onnx'}", "not with those of Digits")


# --- tables -----------------------------------------------------------------------------------------------------------------


def table(path: Path, rows, labels=DIGITS.labels) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([labels, *rows])
    return path


@pytest.fixture(scope="module")
def answers(splits, regression):
    pixels = torch.from_numpy(splits["train"].inputs).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        return np.round(regression(pixels).double().softmax(-1).numpy(), 5)


def test_a_table_teaches_and_nothing_is_measured_against_it(bench, folder, splits, answers):
    order = list(reversed(range(10)))
    path = table(folder / "answers.csv", answers[:, order], [DIGITS.labels[column] for column in order])
    run = bench.run(recipe(f"csv:{path}", measure=True, control=True, epochs=8))
    assert run.state is RunState.SUCCEEDED, run.error
    kept = np.load(bench.folder(run, "teacher") / "outputs.npy")
    np.testing.assert_allclose(np.exp(kept[0].astype(np.float64)), answers, atol=2e-3)
    right = (answers.argmax(-1) == splits["train"].targets).mean()
    assert bench.summary(run, "teacher")["train_accuracy"] == pytest.approx(right)
    found = bench.measured(run)
    assert found.keys() == {"distill", "distill.control"}
    assert found["distill"]["accuracy"].value > 85
    assert "against CNN small, answering in turn" in found["distill.control"]["speedup"].provenance.note
    rows = bench.store.results.rows_of_run(run.id)
    assert len(rows) == 2 and {(row["retained"], row["speedup"]) for row in rows} == {(None, None)}
    assert digest_of(run, "teacher") == bench.plan(recipe(f"csv:{path}"))[0].digest


def test_a_table_with_other_columns_is_refused_before_queueing(bench, folder, answers):
    with pytest.raises(RecipeError, match=r"must name the labels of Digits.*missing '9'.*not among them 'nine'"):
        bench.plan(recipe(f"csv:{table(folder / 'a.csv', answers, [*DIGITS.labels[:9], 'nine'])}"))
    with pytest.raises(RecipeError, match="a label is named twice"):
        bench.plan(recipe(f"csv:{table(folder / 'b.csv', answers, [*DIGITS.labels, '9'])}"))
    (folder / "c.csv").write_bytes(b"\xff\xfe0,1")
    with pytest.raises(RecipeError, match="cannot be read as a CSV file in UTF-8"):
        bench.plan(recipe(f"csv:{folder / 'c.csv'}"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[:-1], r"1,\d{3} rows below its first line, but Digits has 1,\d{3} training examples"),
        (lambda rows: [[0.5] * 10, *rows[1:]], "Line 2 of .* sums to 5"),
        (lambda rows: [rows[0], [-0.1, 1.1, *[0] * 8], *rows[2:]], "Line 3 of .* no probability"),
        (lambda rows: [[*rows[0][:9]], *rows[1:]], "Line 2 of .* has 9 values"),
        (lambda rows: [["nan", *[0] * 9], *rows[1:]], "Line 2 of .* no probability"),
        (lambda rows: [["much", *[0] * 9], *rows[1:]], "Line 2 of .*could not convert string to float: 'much'"),
    ],
)
def test_a_malformed_table_names_its_line(bench, folder, answers, change, words):
    refused(bench, f"csv:{table(folder / 'wrong.csv', change(answers.tolist()))}", words)


# --- what a black box cannot do ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def boxes(folder, regression, answers):
    return f"onnx:{write(folder / 'box.onnx', regression)}", f"csv:{table(folder / 'box.csv', answers)}"


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize(
    ("method", "settings", "words"),
    [
        ("hints", {}, "shows none of its inner values"),
        ("relational", {}, "matches inner values, but of .* only the answers are known"),
        ("distill", {"cache_teacher": False}, "asks its teacher in every epoch"),
        ("born_again", {"cache_teacher": False}, "asks its teacher in every epoch"),
    ],
)
def test_methods_that_look_inside_are_refused(bench, boxes, kind, method, settings, words):
    with pytest.raises(RecipeError, match=words):
        bench.plan(recipe(boxes[kind], method, **settings))


def test_a_table_cannot_answer_to_augmented_pictures(bench, boxes):
    with pytest.raises(RecipeError, match="answers to the pictures as they are"):
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
    found = Estimator(bench.store, lambda task, ref: {"cnn-small": size}[ref]).estimate(
        wanted, plan_recipe(wanted, bench.settings)
    )
    parameters = next(row for row in found.rows if row.quantity == "Parameters")
    assert (parameters.teacher, parameters.result, parameters.ratio) == (None, 1442, None)
    assert any("taken as it is" in text for text in found.warnings)


def test_the_graph_of_a_black_box_can_be_quantized(bench, boxes):
    run = bench.run({"task": "digits", "teacher": boxes[0], "stages": [{"quantize": {"bits": 4}}]})
    assert run.state is RunState.SUCCEEDED, run.error
    assert (bench.folder(run, "quantize") / "model.onnx").is_file()


# --- texts ------------------------------------------------------------------------------------------------------------------


class Texts(nn.Module):
    """The mean of word vectors, with the inputs that a BERT exported elsewhere has: 32-bit ids and token types."""

    def __init__(self):
        super().__init__()
        self.words, self.types, self.head = nn.Embedding(16, 6), nn.Embedding(2, 6), nn.Linear(6, 2)

    def forward(self, input_ids, attention_mask, token_type_ids):
        mask = attention_mask.float().unsqueeze(-1)
        found = (self.words(input_ids) + self.types(token_type_ids)) * mask
        return self.head(found.sum(1) / mask.sum(1))


@pytest.fixture(scope="module")
def text_graph(folder):
    torch.manual_seed(0)
    module = Texts().eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones((2, 5), dtype=torch.int32) for _ in names)
    path = folder / "texts.onnx"
    axes = {name: {0: "n", 1: "length"} for name in names}
    torch.onnx.export(module, example, path, input_names=names, dynamic_axes=axes, dynamo=False, opset_version=13)
    return module, path


def test_a_text_graph_takes_kduis_own_inputs(text_graph, folder):
    module, path = text_graph
    task = TASKS["sentiment"]
    onnx.save(adopted(read_graph(path, task), task, False), folder / "adopted.onnx")
    session = onnxruntime.InferenceSession(folder / "adopted.onnx")
    assert [(item.name, item.type) for item in session.get_inputs()] == [
        ("input_ids", "tensor(int64)"),
        ("attention_mask", "tensor(int64)"),
    ]
    tokens = random_tokens(3, 9)
    tokens["attention_mask"][1, 4:] = 0
    with torch.no_grad():
        expected = module(**tokens, token_type_ids=torch.zeros_like(tokens["input_ids"])).numpy()
    found = session.run(None, {name: tensor.numpy() for name, tensor in tokens.items()})[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert count_weights(read_graph(path, task)) == (16 * 6 + 2 * 6 + 6 * 2 + 2,) * 2


def test_a_text_teacher_needs_its_tokenizer_and_a_student_with_words_of_its_own(bench, text_graph):
    path = text_graph[1]
    plain = {"task": "sentiment", "teacher": f"onnx:{path}", "student": "bilstm-64", "stages": ["distill"]}
    with pytest.raises(RecipeError, match=r"no tokenizer\.json beside"):
        bench.plan(plain)
    word_pieces().save(str(path.with_name("tokenizer.json")))
    with pytest.raises(RecipeError, match=r"word embeddings, but texts\.onnx shows none"):
        bench.plan(plain)
    steps = bench.plan({**plain, "student": "minilm-l6?layers=1"})
    assert [step.operation for step in steps[:2]] == ["take_graph", "teacher_outputs"]
    assert students(TASKS["sentiment"], f"onnx:{path}") == ("minilm-l6",)
    assert students(DIGITS, "csv:answers.csv") == students(DIGITS, "cnn-medium")


def test_a_text_graph_with_other_inputs_is_refused(folder):
    path = write(folder / "picture.onnx", Elsewhere())
    with pytest.raises(StageFailed, match=r"wants whole numbers .* named input_ids and attention_mask"):
        adopted(read_graph(path, TASKS["sentiment"]), TASKS["sentiment"], False)
