"""Mutual learning: its loss by hand, and students of real digits that teach each other."""

import math

import pytest
import torch

from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from kdui.methods.distill.mutual.losses import mutual_loss
from tests.engine.digits import digest_of
from tests.methods.taught import STUDENT, learned


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def alone(student: str = "cnn-small", **settings) -> dict:
    """A recipe without any teacher."""
    return {"task": "digits", "student": student, "stages": [{"mutual": {**STUDENT, **settings}}]}


def test_mean_divergence_from_two_peers_by_hand():
    own = torch.zeros(1, 2, dtype=torch.float64)  # (0.5, 0.5)
    peers = [torch.log(torch.tensor([[p, 1 - p]], dtype=torch.float64)) for p in (0.8, 0.4)]
    divergences = [p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p)) for p in (0.8, 0.4)]
    assert mutual_loss(own, peers).item() == pytest.approx(sum(divergences) / 2, abs=1e-12)


def test_it_vanishes_for_equal_peers_ignores_shifts_and_has_right_gradients():
    own = logits(3, 4)
    assert mutual_loss(own, [own + 3.0, own - 1.0]).item() == pytest.approx(0, abs=1e-12)
    peers = [logits(3, 4, seed=1), logits(3, 4, seed=2)]
    assert mutual_loss(own + 5.0, peers).item() == pytest.approx(mutual_loss(own, peers).item(), rel=1e-12)
    assert torch.autograd.gradcheck(lambda ours: mutual_loss(ours, peers), (own.clone().requires_grad_(),))


def test_a_peer_is_taken_as_given():
    own, peer = logits(3, 4).requires_grad_(), logits(3, 4, seed=1).requires_grad_()
    mutual_loss(own, [peer]).backward()
    assert own.grad is not None and own.grad.abs().max() > 0
    assert peer.grad is None


@pytest.mark.parametrize("settings", [{}, {"peers": 3, "epochs": 5}, {"peer": "depthwise-tiny", "augment": True, "epochs": 6}])
def test_students_learn_from_each_other_without_a_teacher(bench, settings):
    training = learned(bench, alone(**settings), "mutual")
    assert training["validation"] > 85
    last = training["history"][-1]
    assert 0 < last["train_mutual"] < 1 and last["train_peers"] > 0


def test_only_the_first_student_is_kept_and_the_control_has_no_peers(bench):
    run = bench.run(alone(epochs=2, control=True))
    assert run.state is RunState.SUCCEEDED, run.error
    kept, control = (bench.store.artifacts.manifest(digest_of(run, name)).summary for name in ("mutual", "mutual.control"))
    assert kept["parameters"] == control["parameters"]
    assert sorted(path.name for path in bench.folder(run, "mutual").iterdir() if path.is_dir()) == []
    steps = {step.name: step for step in bench.plan(alone(epochs=2, control=True))}
    assert steps["mutual"].inputs == {} == steps["mutual.control"].inputs


def test_a_peer_decides_the_digest_and_a_wrong_one_is_refused(bench):
    digests = {bench.plan(alone(peer=peer))[0].digest for peer in ("", "cnn-small", "cnn-tiny")}
    assert len(digests) == 2
    with pytest.raises(RecipeError, match="takes text"):
        bench.plan(alone(peer="pooled-32"))
