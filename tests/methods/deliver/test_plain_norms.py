"""Layer norms of an exported encoder stay on their own: ONNX Runtime's fused kernel is slower."""

import numpy as np
import pytest
import torch

from kdui.catalogue.tasks import TASKS
from kdui.methods.deliver.export.to_onnx import to_onnx, write_onnx
from kdui.modalities.text.prepare import AXES
from kdui.models.transformer import TextClassifier
from kdui.runtime.kernels import kernel_truth
from kdui.runtime.sessions import run_graph
from tests.models.small import random_tokens, small_bert

FUSED = "SkipLayerNormalization"


@pytest.fixture(scope="module")
def module():
    return TextClassifier(small_bert(TASKS["sentiment"].labels)).eval()


@pytest.fixture(scope="module")
def graphs(tmp_path_factory, module):
    """The same small BERT as the exporter writes it, and as kdui keeps it."""
    folder = tmp_path_factory.mktemp("graphs")
    sample = arrays(2, 8)
    to_onnx(module, sample, AXES, 20).save(folder / "exported.onnx")
    write_onnx(module, sample, AXES, 20, folder / "model.onnx")
    return folder / "exported.onnx", folder / "model.onnx"


def arrays(batch: int, length: int) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in random_tokens(batch, length).items()}


def test_nothing_is_fused_into_a_norm(graphs):
    exported, kept = (kernel_truth(path, arrays(1, 8), threads=1) for path in graphs)
    assert exported.fusions[FUSED] > 0
    assert FUSED not in kept.fusions
    norms = [kernel for kernel in kept.kernels if kernel.op == "LayerNormalization"]
    assert len(norms) == exported.fusions[FUSED] + sum(kernel.op == "LayerNormalization" for kernel in exported.kernels)


def test_answers_stay_those_of_the_module(graphs, module):
    ragged = random_tokens(4, 13)
    ragged["attention_mask"][1:, 6:] = 0
    for tokens in (random_tokens(1, 5), ragged):
        with torch.no_grad():
            expected = module(**tokens).numpy()
        for path in graphs:
            result = run_graph(path, {name: tensor.numpy() for name, tensor in tokens.items()})
            assert np.allclose(result, expected, atol=1e-5)
