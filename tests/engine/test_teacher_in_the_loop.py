"""Kept teacher outputs against the teacher in the loop: they must say the same about the same image."""

import numpy as np
import pytest
import torch

from kdui.core.run import Run, RunState
from kdui.models.module_store import load_model
from tests.engine.digits import SHORT, Bench, states
from tests.training.digits import resident, splits


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("teacher"))


STAGES = [{"teach": {"epochs": 3, "learning_rate": 0.01}}]


def distilled(bench, **knobs) -> Run:
    """A student of two epochs."""
    run = bench.run({**SHORT, "stages": [*STAGES, {"distill": {"epochs": 2, "control": False, **knobs}}]})
    assert run.state is RunState.SUCCEEDED, run.error
    return run


@pytest.mark.parametrize("views", [{}, {"augment": True, "views": 2}])
def test_both_ways_give_the_same_soft_loss(bench, views):
    kept, live = distilled(bench, **views), distilled(bench, cache_teacher=False, **views)
    assert "distill.outputs" in states(kept) and "distill.outputs" not in states(live)
    histories = (bench.summary(run, "distill")["training"]["history"][1:] for run in (kept, live))
    for one, other in zip(*histories, strict=True):
        # fp16 and, where the processor has it, bf16.
        assert one["train_soft"] == pytest.approx(other["train_soft"], rel=0.02)
        assert one["train_total"] == pytest.approx(0.7 * one["train_soft"] + 0.3 * one["train_hard"], rel=1e-5)


def test_kept_outputs_belong_to_the_view_that_the_student_sees(bench):
    run = distilled(bench, augment=True, views=2)
    kept = np.load(bench.folder(run, "distill.outputs") / "outputs.npy").astype(np.float32)
    assert kept.shape == (2, len(splits()["train"]), 10)
    module, index = load_model(bench.folder(run, "teach"))[0], torch.arange(200)
    for view in range(2):
        with torch.inference_mode():
            expected = module(**resident("train").inputs(index, view)).numpy()
        right, wrong = (float(np.abs(kept[which, :200] - expected).mean()) for which in (view, 1 - view))
        assert right < 0.02 * np.abs(expected).mean()
        assert wrong > 10 * right


def test_soft_weight_zero_is_the_control_to_the_bit(bench):
    run = bench.run({**SHORT, "stages": [SHORT["stages"][0], {"distill": {"epochs": 1, "soft_weight": 0}}]})
    assert run.state is RunState.SUCCEEDED, run.error
    weights = [(bench.folder(run, step) / "model.safetensors").read_bytes() for step in ("distill", "distill.control")]
    assert weights[0] == weights[1]
