"""A device's profile, measured here: one operator of each kind and precision, which ONNX Runtime runs as it was meant."""

import os

import numpy as np
import pytest

from kdui.runtime.device_timing import caches_kb, measure_profile
from kdui.runtime.operator_graphs import graph_of, operators
from kdui.runtime.sessions import Session, session_options

pytest.importorskip("onnxruntime")


def one_of_each():
    """The smallest operator of each kind and precision."""
    return list({(each.kind, each.precision): each for each in list(operators())[::-1]}.values())


@pytest.fixture
def free():
    """The cores of this process, which a profile pins."""
    if not hasattr(os, "sched_getaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, cores)


def test_each_kind_of_operator_is_timed(free):
    seen = []
    found = measure_profile(wanted=one_of_each(), progress=lambda done, of: seen.append((done, of)))
    kinds = {(each.kind, each.precision) for each in found.points}
    assert kinds == {(each.kind, each.precision) for each in one_of_each()} and len(kinds) == 13
    assert seen[0] == (0, 13) and len(seen) == 13
    assert found.run_us > 0 and found.copy_gb_s > 0.01 and found.machine and found.device == "cpu"
    assert all(each.us > 0 for each in found.points)


KERNELS = [
    ("conv", "int8", "QLinearConv"),
    ("depthwise", "int8", "QLinearConv"),
    ("product", "int4", "MatMulNBits"),
    ("convert", "fp32", "DequantizeLinear"),
]


@pytest.mark.parametrize(("kind", "precision", "op"), KERNELS)
def test_the_optimizer_leaves_what_is_timed(tmp_path, kind, precision, op):
    import onnx

    operator = next(each for each in operators() if (each.kind, each.precision) == (kind, precision))
    options = session_options(1)
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    session = Session(graph_of(operator, 6), options, providers=["CPUExecutionProvider"])
    session.run(None, {"x": np.zeros(operator.input_shape, np.float32)})
    left = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert left.count(op) >= 6


def test_caches_are_read_where_the_system_tells_them(tmp_path):
    for number, (level, kind, size) in enumerate((("1", "Data", "32K"), ("2", "Unified", "2048K"))):
        folder = tmp_path / f"index{number}"
        folder.mkdir()
        for name, text in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(text + "\n", encoding="utf-8")
    (tmp_path / "index2").mkdir()  # says nothing
    assert caches_kb(tmp_path) == {"L1d": 32, "L2": 2048}
