"""Kept teacher outputs against the teacher in the loop: they must say the same about the same picture."""

import pytest

from kdui.core.run import RunState
from tests.engine.digits import SHORT, Bench, states


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("teacher"))


def distilled(bench, **knobs) -> tuple[dict[str, str], list[dict]]:
    """How the steps ended, and the student's history."""
    stages = [{"teach": {"epochs": 3, "learning_rate": 0.01}}, {"distill": {"epochs": 2, "control": False, **knobs}}]
    run = bench.run({**SHORT, "stages": stages})
    assert run.state is RunState.SUCCEEDED, run.error
    return states(run), bench.summary(run, "distill")["training"]["history"]


@pytest.mark.parametrize("views", [{}, {"augment": True, "views": 2}])
def test_both_ways_give_the_same_soft_loss(bench, views):
    steps, kept = distilled(bench, **views)
    live_steps, live = distilled(bench, cache_teacher=False, **views)
    assert "distill.outputs" in steps and "distill.outputs" not in live_steps
    for one, other in zip(kept[1:], live[1:], strict=True):
        # fp16 and, where the processor has it, bf16: another picture would change the loss by far more.
        assert one["train_soft"] == pytest.approx(other["train_soft"], rel=0.02)
        assert one["train_total"] == pytest.approx(0.7 * one["train_soft"] + 0.3 * one["train_hard"], rel=1e-5)


def test_soft_weight_zero_is_the_control_to_the_bit(bench):
    run = bench.run({**SHORT, "stages": [SHORT["stages"][0], {"distill": {"epochs": 1, "soft_weight": 0}}]})
    assert run.state is RunState.SUCCEEDED, run.error
    weights = [(bench.folder(run, step) / "model.safetensors").read_bytes() for step in ("distill", "distill.control")]
    assert weights[0] == weights[1]
