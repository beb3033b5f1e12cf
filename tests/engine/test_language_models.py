"""A language model on real books from beginning to end: taught, distilled, exported."""

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import load_task
from kdui.core.layout import read_inputs
from kdui.core.run import RunState
from kdui.modalities.text.prepare import prepare
from kdui.models.module_store import load_model
from kdui.runtime.sessions import run_graph
from tests.engine.digits import Bench

pytestmark = pytest.mark.usefixtures("few_examples")
FEW = 24

TEACHER = "lm-small?layers=1&width=64&heads=4&kv_heads=2&units=96&vocabulary=512"
STUDENT = "lm-tiny?layers=1&width=32&heads=2&kv_heads=1&units=48"


def test_a_student_learns_tokens_under_its_teacher_and_its_file_predicts_alike(tmp_path_factory, shared_cache):
    bench = Bench(tmp_path_factory.mktemp("books"))
    (bench.settings.home / "cache").symlink_to(shared_cache, target_is_directory=True)
    _, splits = load_task("books", bench.settings)
    knobs = {"train_examples": 160, "batch_size": 8, "learning_rate": 0.01}
    stages = [
        {"teach": {**knobs, "epochs": 3}},
        {"distill": {**knobs, "epochs": 1, "control": False}},
        "export",
    ]
    run = bench.run({"task": "books", "teacher": TEACHER, "student": STUDENT, "stages": stages})
    assert run.state is RunState.SUCCEEDED, run.error
    assert bench.summary(run, "teach")["training"]["validation"] < 3.7  # bits per byte; 4.05 where all 512 tokens are as likely
    assert bench.summary(run, "export.distill")["parity_alike"] > 5000
    folder = bench.folder(run, "export.distill")
    arrays = prepare(splits["test"].inputs[:3], read_inputs(folder).settings, folder)
    module = load_model(bench.folder(run, "distill"))[0].eval()
    with torch.no_grad():
        ours = module(**{name: torch.from_numpy(array) for name, array in arrays.items()}).numpy()
    real = arrays["attention_mask"].astype(bool)
    assert np.allclose(run_graph(folder / "model.onnx", arrays)[real], ours[real], atol=1e-3)
