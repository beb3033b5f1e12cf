"""A second LSTM exported in one process must still take texts of any length."""

import numpy as np

from kdui.catalogue.tasks import TASKS
from kdui.methods.deliver.export.subprocess_export import accepts_any_size, export_alone
from kdui.modalities.text.prepare import AXES
from kdui.models.building import describe
from kdui.models.module_store import save_model
from kdui.runtime.sessions import run_graph
from tests.models.small import built, facts_of, random_tokens, small_teacher


def test_an_lstm_exported_alone_takes_any_batch_and_length(settings, tmp_path):
    task = TASKS["sentiment"]
    module = built("bilstm-64?embedding=8", task, settings, teacher=small_teacher())
    save_model(module, describe(facts_of("bilstm-64?embedding=8", task, settings), task, None), tmp_path)
    sample = {name: tensor.numpy() for name, tensor in random_tokens(2, 12).items()}
    export_alone(tmp_path, sample, AXES, 20, tmp_path / "model.onnx")
    assert accepts_any_size(tmp_path / "model.onnx", AXES)
    for batch, length in ((1, 5), (3, 20)):
        tokens = random_tokens(batch, length)
        tokens["attention_mask"][1:, 6:] = 0  # texts of several lengths in one batch
        found = run_graph(tmp_path / "model.onnx", {name: tensor.numpy() for name, tensor in tokens.items()})
        assert np.allclose(found, module(**tokens).detach().numpy(), atol=1e-5)
