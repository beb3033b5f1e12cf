"""The timing process on a real graph: what comes back, never how fast it was."""

import numpy as np
import pytest

from kdui import machine
from kdui.core.errors import DeviceUnavailable, StageFailed
from kdui.runtime.latency import Setting, measure_latency, measure_memory
from kdui.runtime.sessions import providers
from tests.runtime.test_kernels import write_linear

SAMPLE = {"x": np.ones((1, 64), np.float32)}


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    path = tmp_path_factory.mktemp("latency") / "linear.onnx"
    write_linear(path)
    return path


def test_a_file_against_itself_gives_both_series_a_sweep_and_a_throughput(graph):
    batch = {"x": np.ones((8, 64), np.float32)}
    sweep = [(Setting(batch=8), batch), (Setting(threads=0), SAMPLE)]
    readings = measure_latency(graph, graph, SAMPLE, batch=batch, sweep=sweep, runs=30)
    assert len(readings.candidate_ms) == len(readings.baseline_ms) == 30 and min(readings.candidate_ms) > 0
    assert readings.same_file and readings.warm_up_runs >= 3
    assert [setting.name for setting, _ in readings.sweep] == ["batch8.threads1", "batch1.threadsall"]
    assert all(len(each) >= 5 for _, each in readings.sweep)
    assert readings.throughput is not None and readings.throughput > 0
    assert len(readings.pinned) in (0, 1)
    low, high = readings.speedup[1:]
    # Twice the same file: its interval holds 1, or the harness itself says that the machine was too busy to tell.
    assert (low <= 1.05 and high >= 0.95) or readings.doubt


def test_runs_are_shared_by_processes(graph):
    readings = measure_latency(
        graph, graph, SAMPLE, sweep=[(Setting(batch=8), {"x": np.ones((8, 64), np.float32)})], runs=50, processes=3
    )
    assert readings.parts == (17, 17, 17) and len(readings.candidate_ms) == len(readings.baseline_ms) == 51
    assert len(readings.sweep) == 1 and readings.load_ms > 0


def test_memory_is_distinguished_over_load_and_inference(graph):
    readings = measure_memory(graph, SAMPLE)
    assert 5 < readings.idle_mb < readings.peak_mb == max(readings.load_mb, readings.inference_mb)


def test_a_broken_file_is_refused_in_words(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(StageFailed, match="Resume measures again"):
        measure_latency(tmp_path / "broken.onnx", tmp_path / "broken.onnx", SAMPLE, runs=20)


def test_a_provider_that_is_not_here_is_refused_in_words():
    assert providers("cpu") == ["CPUExecutionProvider"]
    if machine.gpus():
        pytest.skip("a GPU is here")
    with pytest.raises(DeviceUnavailable, match=r"measure\.device: cpu"):
        providers("cuda:0")


@pytest.mark.gpu
@pytest.mark.skipif(not machine.gpus(), reason="no NVIDIA GPU here")
def test_a_gpu_is_timed_between_events(graph):
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no CUDA")
    readings = measure_latency(graph, graph, SAMPLE, runs=30, device="cuda:0")
    assert len(readings.candidate_ms) == 30 and min(readings.candidate_ms) > 0
