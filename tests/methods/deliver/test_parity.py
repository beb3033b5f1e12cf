"""Parity on the test examples: told of every export, and a graph that answers one of them otherwise is not kept."""

import pytest

from kdui.core.run import RunState
from kdui.methods.deliver.export import parity
from kdui.runtime.sessions import graph_outputs


def recipe(*stages, learning_rate=0.004, **export):
    teach = {"teach": {"epochs": 1, "learning_rate": learning_rate}}
    return {"task": "digits", "teacher": "cnn-small", "stages": [teach, *stages, {"export": export}]}


def test_every_test_example_is_answered_alike(bench):
    run = bench.run(recipe({"qat": {"weight_bits": 4, "epochs": 1}}))
    assert run.state is RunState.SUCCEEDED, run.error
    for step in ("export.teach", "export.qat"):
        summary = bench.summary(run, step)
        assert summary["parity_examples"] == 359 and summary["parity_on_test"] < 1e-5
    assert bench.summary(run, "export.teach")["parity_alike"] == 359
    assert bench.summary(run, "export.qat")["parity_alike"] > 340  # integer kernels round between layers once more
    assert any("predicts the same as PyTorch on 359 of 359 test examples" in line for line in bench.said(run))


def test_fewer_examples_where_requested(bench):
    run = bench.run(recipe(parity_examples=50))
    assert bench.summary(run, "export.teach")["parity_examples"] == 50


@pytest.mark.parametrize("stages", [(), ({"qat": {"weight_bits": 4, "epochs": 1}},)])
def test_a_graph_that_answers_otherwise_is_not_kept(bench, monkeypatch, stages):
    def wrong(path, arrays, **more):
        result = graph_outputs(path, arrays, **more)
        if not stages or not more.get("optimize", True):  # a graph at low bits is read as it is written
            result[:20] = -result[:20]
        return result

    monkeypatch.setattr(parity, "graph_outputs", wrong)
    run = bench.run(recipe(*stages, learning_rate=0.005 + len(stages) / 1000))
    assert run.state is RunState.FAILED and "On the test examples the ONNX graph differs from PyTorch" in run.error
