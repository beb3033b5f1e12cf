"""ONNX files from elsewhere as teachers, of images and texts, and every wrong one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from kdui.catalogue.pairs import students
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import RecipeError, StageFailed
from kdui.core.run import RunState
from kdui.methods.teach.teach.apply import take_graph
from kdui.runtime import latency
from kdui.runtime.foreign_graph import adopted, count_weights, read_graph
from kdui.runtime.json_process import RequestProcess
from kdui.training.context import QuietReporter, StepContext, TaskData
from tests.engine.digits import digest_of, states
from tests.methods.foreign_teachers import DIGITS, ForeignTeachers, recipe, refused, write
from tests.models.small import random_tokens, word_pieces
from tests.runtime.hostile import endless, swelling


class Watched(RequestProcess):
    """Notes which graphs each process runs that measures, and how much memory it may take."""

    requests: ClassVar[list[tuple[str, list[str], float | None]]] = []

    def __init__(self, module: str, arguments: Sequence[str], most_mb: float | None, **given: Any):
        with np.load(arguments[0]) as file:
            request = json.loads(str(file["request"]))
        graphs = [Path(request[name]).parent.name for name in ("candidate", "baseline") if name in request]
        self.requests.append((request["mode"], graphs, most_mb))
        super().__init__(module, arguments, most_mb=most_mb, **given)


def test_an_onnx_file_teaches_and_is_measured(bench, folder, splits, regression, monkeypatch):
    monkeypatch.setattr(latency, "RequestProcess", Watched)
    path = write(folder / "regression.onnx", regression)
    run = bench.run(recipe(f"onnx:{path}", measure=True))
    assert run.state is RunState.SUCCEEDED, run.error
    assert list(states(run))[:1] == ["teacher"] and "export.teacher" not in states(run)
    pixels = torch.from_numpy(splits["train"].inputs).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        expected = regression(pixels).numpy()
    kept = np.load(bench.folder(run, "distill.outputs") / "outputs.npy")
    np.testing.assert_allclose(kept[0].astype(np.float32), expected, atol=0.02)
    measured = bench.measured(run)
    with torch.no_grad():
        test = torch.from_numpy(splits["test"].inputs).permute(0, 3, 1, 2).float() / 255
        right = (regression(test).argmax(-1).numpy() == splits["test"].targets).mean()
    assert measured["teacher"]["accuracy"].value == pytest.approx(100 * right, abs=0.01)
    assert measured["teacher"]["parameters"].value == 650 and "macs" not in measured["teacher"]
    assert measured["distill"]["accuracy"].value > 85
    assert "against regression.onnx, timed alternately" in measured["distill"]["speedup"].provenance.note
    foreign = digest_of(run, "teacher")
    assert {mode for mode, graphs, _ in Watched.requests if foreign in graphs} == {"latency", "memory", "kernels"}
    for mode, graphs, most_mb in Watched.requests:
        allowed = bench.settings.graph_memory_mb
        assert (most_mb is not None and allowed < most_mb < allowed + 1) == (foreign in graphs), mode


@pytest.mark.parametrize("layout", ["first", "last"])
def test_the_same_answers_in_another_form_are_the_same_teacher(bench, folder, regression, layout):
    other = ForeignTeachers(layout, "probabilities")
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


def test_augmented_examples_are_run_through_the_graph(bench, folder, regression):
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
    write(moved, ForeignTeachers())
    assert digest_plan(bench, f"onnx:{moved}") != before


def digest_plan(bench, teacher: str) -> str:
    return bench.plan(recipe(teacher))[0].digest


def test_a_file_that_changes_under_a_run_is_refused(bench, folder, splits, tmp_path):
    path = write(folder / "changing.onnx", ForeignTeachers())
    step = bench.plan(recipe(f"onnx:{path}"))[0]
    write(path, ForeignTeachers())
    context = StepContext(
        step=step,
        data=TaskData(DIGITS, splits),
        device=torch.device("cpu"),
        inputs={},
        out=tmp_path,
        checkpoint=tmp_path,
        report=QuietReporter(),
        app_settings=bench.settings,
    )
    with pytest.raises(StageFailed, match="has changed since the run was queued"):
        take_graph(context)


@pytest.mark.parametrize(
    ("module", "shape", "free", "words"),
    [
        (ForeignTeachers(outputs=7), (1, 8, 8), True, r"gives .* float32 \[n, 7\], but Digits has 10 labels"),
        (ForeignTeachers(answer="label"), (1, 8, 8), True, "Export it with the logits instead of the chosen label"),
        (ForeignTeachers(answer="nan"), (1, 8, 8), True, "NaN or infinity"),
        (ForeignTeachers(answer="probabilities"), (1, 8, 8), True, r"Add \?probabilities=true"),
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


@pytest.mark.parametrize("written", ["not json", "5", '{"0": 1}'])
def test_labels_that_are_none_are_reported(folder, regression, written):
    model = onnx.load(write(folder / "labels.onnx", regression))
    entry = model.metadata_props.add()
    entry.key, entry.value = "kdui.labels", written
    onnx.save(model, folder / "labels.onnx")
    with pytest.raises(StageFailed, match="an invalid list of labels"):
        read_graph(folder / "labels.onnx", DIGITS)


@pytest.mark.parametrize(("graph", "words"), [(endless, "did not respond within 3 s"), (swelling, "more than 500 MB of memory")])
def test_a_hostile_graph_ends_as_a_sentence(bench, folder, splits, tmp_path, graph, words):
    """It runs in a process of its own, so the worker continues and can say what happened."""
    step = next(step for step in bench.plan(recipe(f"onnx:{graph(folder / 'hostile.onnx')}")) if step.operation == "take_graph")
    limited = bench.settings.model_copy(update={"graph_answer_s": 3.0, "graph_memory_mb": 500})
    context = StepContext(
        step=step,
        data=TaskData(DIGITS, splits),
        device=torch.device("cpu"),
        inputs={},
        out=tmp_path,
        checkpoint=tmp_path,
        report=QuietReporter(),
        app_settings=limited,
    )
    with pytest.raises(StageFailed, match=words):
        take_graph(context)


# --- texts ------------------------------------------------------------------------------------------------------------------


class Texts(nn.Module):
    """The mean of word vectors, with the inputs that a BERT exported elsewhere has: 32-bit ids and token types."""

    def __init__(self):
        super().__init__()
        self.words, self.types, self.head = nn.Embedding(16, 6), nn.Embedding(2, 6), nn.Linear(6, 2)

    def forward(self, input_ids, attention_mask, token_type_ids):
        mask = attention_mask.float().unsqueeze(-1)
        result = (self.words(input_ids) + self.types(token_type_ids)) * mask
        return self.head(result.sum(1) / mask.sum(1))


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
    outputs = session.run(None, {name: tensor.numpy() for name, tensor in tokens.items()})[0]
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert count_weights(read_graph(path, task)) == (16 * 6 + 2 * 6 + 6 * 2 + 2,) * 2


def test_a_text_teacher_needs_its_tokenizer(bench, text_graph):
    path = text_graph[1]
    plain = {"task": "sentiment", "teacher": f"onnx:{path}", "student": "bilstm-64", "stages": ["distill"]}
    with pytest.raises(RecipeError, match=r"no tokenizer\.json beside"):
        bench.plan(plain)
    word_pieces().save(str(path.with_name("tokenizer.json")))
    steps = bench.plan({**plain, "student": "minilm-l6?layers=1"})
    assert [step.operation for step in steps[:2]] == ["take_graph", "teacher_outputs"]
    assert students(TASKS["sentiment"], f"onnx:{path}") == students(TASKS["sentiment"], "minilm-l6")
    assert students(DIGITS, "csv:answers.csv") == students(DIGITS, "cnn-medium")


def test_a_text_graph_with_other_inputs_is_refused(folder):
    path = write(folder / "picture.onnx", ForeignTeachers())
    with pytest.raises(StageFailed, match=r"wants whole numbers .* named input_ids and attention_mask"):
        adopted(read_graph(path, TASKS["sentiment"]), TASKS["sentiment"], False)
