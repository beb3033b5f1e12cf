"""Modules that differ in their weights only share one trace, and every other one gets its own."""

import numpy as np
import pytest
import torch
from torch import nn

from kdui.catalogue.tasks import TASKS
from kdui.methods.deliver.export import tracing
from kdui.methods.deliver.export.to_onnx import accepts_any_size, write_onnx
from kdui.modalities.text.prepare import AXES
from kdui.runtime.sessions import run_graph
from tests.models.small import built, random_tokens, small_teacher

PIXELS = {"pixels": ("batch", "")}
SAMPLE = {"pixels": np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)}


class Network(nn.Module):
    """A weight that two layers share, a buffer that no state holds, and a setting that changes what is computed."""

    def __init__(self, seed: int, negate: bool = False):
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.second, self.negate = nn.Linear(6, 6), nn.Linear(6, 6), negate
        self.second.weight = self.first.weight
        self.register_buffer("shift", torch.randn(6), persistent=False)

    def forward(self, pixels):
        outputs = self.second(torch.relu(self.first(pixels) + self.shift))
        return -outputs if self.negate else outputs


@pytest.fixture
def traces(monkeypatch):
    """None yet."""
    monkeypatch.setattr(tracing, "_traces", tracing.OrderedDict())
    return tracing._traces


def written(module, path):
    """The file's bytes; its answers are the module's."""
    write_onnx(module.eval(), SAMPLE, PIXELS, 20, path)
    wide = {"pixels": np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)}
    assert np.allclose(run_graph(path, wide), module(torch.from_numpy(wide["pixels"])).detach().numpy(), atol=1e-5)
    return path.read_bytes()


def test_other_weights_make_the_same_file_from_a_kept_trace_as_from_their_own(traces, tmp_path):
    own = written(Network(1), tmp_path / "own.onnx")
    traces.clear()
    other = written(Network(0), tmp_path / "other.onnx")
    assert len(traces) == 1
    assert written(Network(1), tmp_path / "kept.onnx") == own != other
    assert len(traces) == 1
    (trace,) = traces.values()
    assert not trace.state_dict and not trace.constants  # a kept trace holds no model's weights


def test_a_setting_or_a_weight_of_its_own_makes_another_trace(traces, tmp_path):
    apart = Network(0)
    apart.second.weight = nn.Parameter(apart.second.weight.detach().clone())
    files = {written(module, tmp_path / "model.onnx") for module in (Network(0), Network(0, negate=True), apart)}
    assert len(traces) == len(files) == 3


def test_what_cannot_be_written_down_is_traced_each_time(traces, tmp_path):
    module = Network(0)
    module.unused = lambda: None
    written(module, tmp_path / "model.onnx")
    assert not traces


class Reader(nn.Module):
    """An LSTM and nothing else."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 2, batch_first=True)

    def forward(self, states):
        return self.lstm(states)[0][:, -1]


def test_a_second_lstm_of_a_process_still_takes_texts_of_any_length(settings, tmp_path):
    path = tmp_path / "model.onnx"
    states = {"states": np.zeros((2, 4, 2), np.float32)}
    write_onnx(Reader().eval(), states, {"states": ("batch", "length", "")}, 20, path)
    module = built("bilstm-64?embedding=8&hidden=4", TASKS["sentiment"], settings, teacher=small_teacher())
    write_onnx(module, {name: tensor.numpy() for name, tensor in random_tokens(2, 12).items()}, AXES, 20, path)
    assert accepts_any_size(path, AXES)
    for batch, length in ((1, 5), (3, 20)):
        tokens = random_tokens(batch, length)
        tokens["attention_mask"][1:, 6:] = 0  # texts of several lengths in one batch
        result = run_graph(path, {name: tensor.numpy() for name, tensor in tokens.items()})
        assert np.allclose(result, module(**tokens).detach().numpy(), atol=1e-5)
