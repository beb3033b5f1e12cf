"""The same recipes on a GPU; skipped where there is none."""

import shutil

import pytest

from kdui import machine
from kdui.core.run import RunState
from tests.engine.digits import SHORT, WHOLE, Bench, digest_of, states

NONE = shutil.which("nvidia-smi") is None or not machine.gpus()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(NONE, reason="no NVIDIA GPU here")]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this torch has no CUDA")
    return Bench(tmp_path_factory.mktemp("gpu"))


def test_digits_on_the_first_gpu(bench):
    run = bench.run(WHOLE, device="cuda:0")
    assert run.state is RunState.SUCCEEDED, run.error
    assert run.slot == "cuda:0"
    measured = bench.measured(run)
    for name in ("teach", "distill", "prune", "quantize"):
        assert measured[name]["accuracy"].value > 90, name
    assert bench.store.artifacts.manifest(digest_of(run, "distill")).device in machine.gpus()
    assert machine.gpus()[0] not in measured["distill"]["latency_p50"].provenance.device  # ONNX Runtime answers on the CPU


def test_what_a_gpu_made_is_a_hit_on_the_cpu(bench):
    first = bench.run(SHORT, device="cuda:0")
    again = bench.run(SHORT, device="cpu")
    assert [step.digest for step in again.steps] == [step.digest for step in first.steps]
    assert set(states(again).values()) == {"cached"}
    assert again.slot == "cpu"


def test_a_stopped_run_resumes_on_the_gpu_with_the_same_weights(tmp_path, bench, monkeypatch):
    from kdui.core.errors import Cancelled
    from kdui.engine.reporter import RunReporter
    from kdui.training import loop

    whole = bench.run(SHORT, device="cuda:0")
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    progress = RunReporter.progress

    def stop(self, fraction):
        progress(self, fraction)
        if self._step == "distill" and fraction >= 0.6:
            raise Cancelled("asked")

    other = Bench(tmp_path / "other")
    with monkeypatch.context() as patch:
        patch.setattr(RunReporter, "progress", stop)
        run = other.run(SHORT, device="cuda:0")
    assert run.state is RunState.INTERRUPTED
    run = other.work_off(run)
    assert run.state is RunState.SUCCEEDED, run.error
    one, two = (home.folder(result, "distill") / "model.safetensors" for home, result in ((bench, whole), (other, run)))
    assert one.read_bytes() == two.read_bytes()
