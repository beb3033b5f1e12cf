"""Layer norms of an exported encoder stay on their own: ONNX Runtime's fused kernel is slower."""

import numpy as np
import pytest

from kdui.catalogue.tasks import TASKS
from kdui.methods.deliver.export.to_onnx import to_onnx, write_onnx
from kdui.modalities.text.prepare import AXES
from kdui.models.transformer import TextClassifier
from kdui.runtime.kernels import kernel_truth
from kdui.runtime.sessions import run_graph
from tests.models.small import random_tokens, small_bert

FUSED = "SkipLayerNormalization"


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """The same small BERT as the exporter writes it, and as kdui keeps it."""
    folder = tmp_path_factory.mktemp("graphs")
    module = TextClassifier(small_bert(TASKS["sentiment"].labels)).eval()
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


def test_answers_stay_the_same(graphs):
    for batch, length in ((1, 5), (3, 11)):
        given = arrays(batch, length)
        exported, kept = (run_graph(path, given)[0] for path in graphs)
        assert np.allclose(exported, kept, atol=1e-5)
