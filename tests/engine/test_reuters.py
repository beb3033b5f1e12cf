"""Distillation on real newswire: a small BERT made on the spot teaches a classifier over its own word embeddings."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.run import RunState
from kdui.modalities.text import prepare as text
from kdui.models.module_store import load_model
from tests.engine.bert import checkpoint
from tests.engine.digits import Bench, read_json, states

EXAMPLES = 400
POSITIONS = 50  # fewer than the task's 96 tokens: what the checkpoint can read decides


@pytest.fixture(scope="module")
def bench(tmp_path_factory, shared_cache):
    bench = Bench(tmp_path_factory.mktemp("reuters"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    return bench


@pytest.fixture(scope="module")
def run(bench, tmp_path_factory):
    _, splits = load_task("reuters-r8", bench.settings)
    teacher = checkpoint(tmp_path_factory.mktemp("teacher"), splits["train"].inputs[:EXAMPLES], positions=POSITIONS)
    knobs = {"batch_size": 16, "train_examples": EXAMPLES}
    finished_run = bench.run(
        {
            "task": "reuters-r8",
            "teacher": f"folder:{teacher}",
            "student": "pooled-32",
            "stages": [
                {"teach": {**knobs, "epochs": 5, "learning_rate": 0.002}},
                {
                    "distill": {
                        **knobs,
                        "epochs": 6,
                        "learning_rate": 0.01,
                        "temperature": 2,
                        "soft_weight": 0.5,
                        "control": False,
                    }
                },
                {"quantize": {"bits": 8}},
                {"measure": {"latency_runs": 20}},
            ],
        }
    )
    assert finished_run.state is RunState.SUCCEEDED, finished_run.error
    return finished_run


def test_teacher_and_student_learn_the_topics(bench, run):
    measured = bench.measured(run)
    targets = load_task("reuters-r8", bench.settings)[1]["test"].targets
    majority = 100 * np.bincount(targets).max() / len(targets)
    assert majority == pytest.approx(49.5, abs=0.1)
    # Measured: 77 % and 80 %.
    assert measured["teach"]["accuracy"].value > majority + 15
    assert measured["distill"]["accuracy"].value > majority + 15
    assert measured["distill"]["accuracy"].provenance.n == 2189
    assert set(states(run).values()) == {"done"}


def test_the_student_starts_from_its_teachers_words(bench, run):
    teacher, student = (bench.folder(run, step) for step in ("teach", "distill"))
    assert (teacher / "tokenizer.json").read_bytes() == (student / "tokenizer.json").read_bytes()
    module, description, inputs = load_model(student)
    assert module.word_embedding.weight.shape == (load_model(teacher)[0].word_embedding.num_embeddings, 32)
    assert (description.family, inputs.files) == ("pooled", ("tokenizer.json",))
    assert read_json(teacher / "inputs.json")["settings"]["max_length"] == POSITIONS - 2
    kept = np.load(bench.folder(run, "distill.outputs") / "outputs.npy")
    assert kept.shape == (1, EXAMPLES, TASKS["reuters-r8"].outputs)


@pytest.mark.parametrize("step", ["teach", "distill"])
@pytest.mark.parametrize(("count", "words"), [(1, 3), (4, 200), (33, 12)])
def test_graphs_take_any_batch_and_any_length(bench, run, step, count, words):
    folder = bench.folder(run, f"export.{step}")
    module, _, inputs = load_model(bench.folder(run, step))
    texts = [" ".join(one.split()[:words]) for one in load_task("reuters-r8", bench.settings)[1]["test"].inputs[:count]]
    arrays = text.prepare(texts, inputs.settings, folder)
    outputs = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"]).run(None, arrays)[0]
    with torch.inference_mode():
        expected = module(**{name: torch.from_numpy(array) for name, array in arrays.items()}).numpy()
    assert outputs.shape == (count, 8)
    assert np.abs(outputs - expected).max() / max(1.0, np.abs(expected).max()) < 1e-3


def test_int8_is_smaller_and_about_as_good(bench, run):
    measured = bench.measured(run)
    assert measured["quantize"]["file_bytes"].value < 0.5 * measured["distill"]["file_bytes"].value
    assert measured["quantize"]["accuracy"].value == pytest.approx(measured["distill"]["accuracy"].value, abs=3)
    operators = {node.op_type for node in onnx.load(bench.folder(run, "quantize") / "model.onnx").graph.node}
    assert {"MatMulInteger", "DequantizeLinear"} & operators


def test_timed_texts_are_as_long_as_a_model_reads(bench, run):
    measured = bench.measured(run)
    assert f"{POSITIONS - 2} tokens" in measured["teach"]["latency_p50"].provenance.note
    assert "64 tokens" in measured["distill"]["latency_p50"].provenance.note
    assert measured["distill"]["speedup"].value > 1
