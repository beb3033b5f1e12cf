"""Log-mel features against their definition, computed in another way, in PyTorch and inside an exported graph."""

import numpy as np
import onnx
import pytest
import torch
from scipy.fft import fft
from scipy.signal.windows import hann

from kdui.catalogue.tasks import TASKS
from kdui.methods.compress.sensitivity.weights import weights_of
from kdui.methods.deliver.export.to_onnx import write_onnx
from kdui.modalities.audio.prepare import AXES
from kdui.models.log_mel import DECADES, HOP, LOWEST, MELS, WINDOW, LogMel, masked
from kdui.models.size import example_inputs
from kdui.runtime.graph_counts import graph_counts
from kdui.runtime.graph_nodes import nodes_left_in_float
from kdui.runtime.sessions import open_session
from tests.models.small import built

RATE = 8000
FACTS = TASKS["spoken-digits"]
PRESETS = ("audio-cnn-slim", "ds-cnn", "ds-cnn-slim", "bc-resnet-1", "gru-56")


def by_definition(wave: np.ndarray) -> np.ndarray:
    """[mels, frames]: frame by frame, filter by filter, in double precision."""
    window, mel = hann(WINDOW, sym=False), lambda hertz: 2595 * np.log10(1 + hertz / 700)
    edges = 700 * (10 ** (np.linspace(mel(LOWEST), mel(RATE / 2), MELS + 2) / 2595) - 1)
    frames = [
        np.abs(fft(window * wave[start : start + WINDOW])[: WINDOW // 2 + 1]) ** 2
        for start in range(0, len(wave) - WINDOW + 1, HOP)
    ]
    levels = np.empty((MELS, len(frames)))
    for band in range(MELS):
        corners = [mel(edge) for edge in edges[band : band + 3]]
        weights = [np.interp(mel(place * RATE / WINDOW), corners, [0, 1, 0], 0, 0) for place in range(WINDOW // 2 + 1)]
        levels[band] = [np.log10(max(np.dot(weights, frame), 1e-10)) for frame in frames]
    return np.maximum(levels - levels.max(), -DECADES) * (2 / DECADES) + 1


@pytest.fixture(scope="module")
def waves() -> np.ndarray:
    random = np.random.default_rng(0)
    tones = np.sin(2 * np.pi * np.array([[300], [1800]]) / RATE * np.arange(RATE)) * np.linspace(0, 1, RATE)
    return (0.3 * tones + 0.001 * random.standard_normal((2, RATE))).astype(np.float32)


def test_features_are_those_of_the_definition(waves):
    made = LogMel(RATE).eval()(torch.from_numpy(waves)).numpy()
    expected = np.stack([by_definition(wave) for wave in waves.astype(np.float64)])
    assert made.shape == (2, 1, MELS, 61)
    assert np.abs(made[:, 0] - expected).max() < 2e-3  # of a range of 2


def test_gain_changes_nothing(waves):
    features = LogMel(RATE).eval()
    loud, quiet = features(torch.from_numpy(waves)), features(torch.from_numpy(waves) * 0.03)
    assert torch.allclose(loud, quiet, atol=1e-3)


def test_training_hides_bands_and_frames_of_each_example_and_nothing_else():
    torch.manual_seed(0)
    hidden = masked(torch.ones(50, 61, MELS), 8, axis=2)
    widths = (hidden[:, 0] == -1).sum(1)
    assert torch.equal(hidden, hidden[:, :1].expand_as(hidden)) and 5 < widths.max() <= 9


@pytest.mark.parametrize("name", PRESETS)
def test_every_student_is_small_and_gives_a_logit_a_label(name, settings):
    module = built(name, FACTS, settings)
    assert sum(parameter.numel() for parameter in module.parameters()) < 20_000
    logits = module(**example_inputs(FACTS, 3))
    assert logits.shape == (3, 10) and torch.isfinite(logits).all()


@pytest.fixture(scope="module")
def graph(tmp_path_factory, waves):
    """One exported student: a waveform goes in."""
    from kdui.settings import Settings

    folder = tmp_path_factory.mktemp("graph")
    module = built("ds-cnn-slim", FACTS, Settings(home=folder))
    write_onnx(module, {"samples": waves}, AXES, 18, folder / "model.onnx")
    return module, folder / "model.onnx"


def test_the_exported_graph_takes_the_waveform_and_computes_the_same(graph, waves):
    module, path = graph
    more = np.concatenate([waves, waves[:1] * 0.5, np.zeros((1, RATE), np.float32)])
    with torch.no_grad():
        expected = module(torch.from_numpy(more)).numpy()
    assert np.abs(open_session(path).run(None, {"samples": more})[0] - expected).max() < 1e-4


def test_what_the_logarithm_is_taken_of_is_neither_rounded_nor_counted(graph):
    module, path = graph
    model = onnx.load(path)
    kinds = {node.op_type for node in model.graph.node if node.name in nodes_left_in_float(model)}
    assert {"STFT", "MatMul", "Log"} <= kinds and "Conv" not in kinds
    trained = sum(parameter.numel() for parameter in module.parameters() if parameter.ndim > 1)
    assert sum(weight.values.size for weight in weights_of(model)) == trained
    assert graph_counts(path, {"samples": (1, RATE)})["weights"] == trained
