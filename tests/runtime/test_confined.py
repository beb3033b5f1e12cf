"""Graphs from strangers in a process with limits: they answer as elsewhere, or end as a sentence."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import onnx
import psutil
import pytest
from onnx import TensorProto, helper

from kdui.core.errors import Cancelled, StageFailed
from kdui.runtime.confined import ConfinedSession, GraphOverrun, Limits
from kdui.runtime.json_process import RequestProcess, Unanswered
from kdui.runtime.latency import confined_kernels, measure_latency, measure_memory
from kdui.runtime.sessions import graph_outputs
from tests.runtime.hostile import endless, swelling

PIXELS = np.random.default_rng(0).random((5, 1, 8, 8), dtype=np.float32)


@pytest.fixture
def sound(tmp_path):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1, 8, 8]) for name in ("pixels", "outputs")]
    graph = helper.make_graph([helper.make_node("Neg", ["pixels"], ["outputs"])], "sound", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "sound.onnx")
    return tmp_path / "sound.onnx"


def test_a_sound_graph_answers_as_it_does_elsewhere_and_leaves_nothing(sound):
    with ConfinedSession(sound, Limits()) as session:
        np.testing.assert_array_equal(graph_outputs(sound, {"pixels": PIXELS}, batch_size=2, session=session), -PIXELS)
        assert session.counts({"pixels": (1, 1, 8, 8)}) == {"weights": 0, "nonzero": 0, "vectors": 0, "macs": 0}
        with pytest.raises(RuntimeError, match="pixels"):
            session.run(None, {"other": PIXELS})
        np.testing.assert_array_equal(session.run(["outputs"], {"pixels": PIXELS[:1]})[0], -PIXELS[:1])
        process, folder = session._process, session._folder.name
    assert not process.alive and not os.path.exists(folder)


def test_a_strangers_graph_is_reported_no_token_and_no_password(sound, monkeypatch):
    hidden = {
        "HF_TOKEN": "hf_1",
        "KDUI_AUTH": "user:word",
        "PIP_INDEX_URL": "https://index.example/simple",
        "UV_EXTRA_INDEX_URL": "https://index.example/simple",
        "KDUI_DATABASE_URL": "postgresql://host/kdui",
        "HTTPS_PROXY": "http://user:word@proxy.example:3128",
        "WANDB_API_KEY": "1",
    }
    kept = {"KDUI_HOME": str(sound.parent), "http_proxy": "http://proxy.example:3128", "OMP_NUM_THREADS": "1"}
    for name, value in (hidden | kept).items():
        monkeypatch.setenv(name, value)
    with ConfinedSession(sound, Limits()) as session:
        result = psutil.Process(session._process.pid).environ()
    assert not hidden.keys() & result.keys() and result.items() >= kept.items()
    assert "PATH" in result


def test_a_graph_without_end_is_ended_and_reported(tmp_path):
    path = endless(tmp_path / "endless.onnx")
    with ConfinedSession(path, Limits(answer_s=1.5)) as session:
        with pytest.raises(GraphOverrun, match=r"did not respond within 1.5 s .* KDUI_GRAPH_ANSWER_S"):
            session.run(None, {"pixels": PIXELS})
        assert not session._process.alive


def test_all_answers_together_have_a_limit_too(tmp_path):
    limits = Limits(answer_s=60, total_s=20.0)
    assert limits.words == "60 s an answer, 20 s in all, 4,096 MB of memory"
    with ConfinedSession(endless(tmp_path / "endless.onnx"), limits) as session:
        session._deadline = time.monotonic() + 0.5
        with pytest.raises(GraphOverrun, match=r"did not finish within 20 s"):
            session.run(None, {"pixels": PIXELS})


def test_a_graph_that_wants_gigabytes_is_refused_them(tmp_path):
    path = swelling(tmp_path / "swelling.onnx")
    words = r"more than 400 MB of memory .* KDUI_GRAPH_MEMORY_MB"
    with pytest.raises(GraphOverrun, match=words), ConfinedSession(path, Limits(memory_mb=400)) as session:
        session.run(None, {"pixels": PIXELS})
    with pytest.raises(StageFailed, match=r"more than 400 MB|Failed to allocate"):
        measure_latency(path, path, {"pixels": PIXELS[:1]}, runs=20, limits=Limits(memory_mb=400))
    for measure in (measure_memory, lambda *given, limits: confined_kernels(*given, 1, "cpu", limits)):
        with pytest.raises(StageFailed, match=r"more than 400 MB|Failed to allocate"):
            measure(path, {"pixels": PIXELS[:1]}, limits=Limits(memory_mb=400))


def test_kernels_of_a_strangers_graph_are_profiled_in_a_process_of_their_own(sound):
    result = confined_kernels(sound, {"pixels": PIXELS[:1]}, 1, "cpu", Limits())
    assert [kernel.op for kernel in result.kernels] == ["Neg"] and result.runs > 1


def test_a_cancel_is_noticed_while_a_graph_computes(tmp_path):
    calls = []

    def check():
        calls.append(1)
        if len(calls) > 5:
            raise Cancelled("somebody asked for it")

    with pytest.raises(Cancelled), ConfinedSession(endless(tmp_path / "endless.onnx"), Limits(), check) as session:
        session.run(None, {"pixels": PIXELS})


def test_what_swells_beyond_the_watch_is_ended():
    """Where the system does not bound an allocation itself, the watch from outside does."""
    code = "import sys\nsys.stdin.readline()\nkept = [bytearray(b'x' * 10**7) for _ in range(150)]\nsys.stdin.readline()\n"
    process = RequestProcess("timeit", ["-n1", "-r1", f"exec({code!r})"], most_mb=100)
    with pytest.raises(Unanswered) as raised:
        process.ask({}, 60)
    assert raised.value.why == "large" and not process.alive


def test_it_ends_with_the_one_who_asked(tmp_path):
    """Also where that one was killed while the graph computed."""
    path = endless(tmp_path / "endless.onnx")
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\n"
        "from kdui.runtime.confined import ConfinedSession, Limits\n"
        "session = ConfinedSession(Path(sys.argv[1]), Limits())\nprint(session._process.pid, flush=True)\n"
        "session.run(None, {'pixels': np.zeros((1, 1, 8, 8), np.float32)})\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as asking:
        child = psutil.Process(int(asking.stdout.readline()))
        os.kill(asking.pid, signal.SIGKILL)
        asking.wait()
    _, alive = psutil.wait_procs([child], timeout=60)
    assert not alive
