"""One model of each kind as an ONNX graph with dynamic batch and length: the same answers to 1e-5.

A transformer as it comes stands in ``tests/methods/deliver/test_plain_norms.py``.
"""

from pathlib import Path

import numpy as np
import onnxruntime
import torch

from kdui.catalogue.models import FAMILIES
from kdui.catalogue.tasks import TASKS
from kdui.methods.deliver.export.to_onnx import Axes, write_onnx
from kdui.modalities.image import prepare as image
from kdui.modalities.text import prepare as text
from kdui.models.size import example_inputs
from tests.models.small import built, random_tokens, small_teacher


def session(module: torch.nn.Module, inputs: dict[str, torch.Tensor], axes: Axes, folder: Path) -> onnxruntime.InferenceSession:
    write_onnx(module.eval(), {name: tensor.numpy() for name, tensor in inputs.items()}, axes, 20, folder / "model.onnx")
    return onnxruntime.InferenceSession(folder / "model.onnx")


def worst(runner: onnxruntime.InferenceSession, module: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> float:
    with torch.no_grad():
        expected = module(**inputs).numpy()
    return float(np.abs(runner.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})[0] - expected).max())


def test_image_models(settings, tmp_path):
    task = TASKS["digits"]
    module = built("squeeze-excite-tiny", task, settings)
    runner = session(module, example_inputs(task, 2), image.AXES, tmp_path)
    assert max(worst(runner, module, {"pixels": torch.rand(n, 1, 8, 8)}) for n in (1, 5)) < 1e-5


def test_text_models(settings, tmp_path):
    module = built("pooled-32?embedding=16", TASKS["sentiment"], settings, small_teacher())
    runner = session(module, random_tokens(2, 8), text.AXES, tmp_path)
    ragged = random_tokens(4, 13)
    ragged["attention_mask"][1:, 6:] = 0
    assert max(worst(runner, module, inputs) for inputs in (random_tokens(1, 5), ragged)) < 1e-5


def test_a_narrowed_transformer_with_factorized_embeddings(settings, tmp_path):
    options = {"layers": 1, "heads": 4, "intermediate": 128, "embedding_rank": 16, "vocabulary": 0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = FAMILIES.module("minilm", "build").build(options, TASKS["sentiment"], None).eval()
    runner = session(module, random_tokens(2, 8), text.AXES, tmp_path)
    assert max(worst(runner, module, random_tokens(n, length)) for n, length in ((1, 5), (3, 12))) < 1e-4
