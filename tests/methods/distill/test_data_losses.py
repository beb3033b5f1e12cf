"""Losses of pseudo-labels and of the transfer set against what can be worked out by hand."""

import math

import pytest
import torch

from kdui.methods.distill.distill.losses import soft_target_loss
from kdui.methods.distill.pseudo_labels.losses import labelled_and_pseudo, pseudo_targets, sure_examples
from kdui.methods.distill.transfer_set.losses import transfer_losses
from kdui.training.labels import HIDDEN

LABELS = torch.tensor([0, 3, 2, 1])


def logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return 2.0 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def one_hot(labels: torch.Tensor, classes: int = 5) -> torch.Tensor:
    return torch.nn.functional.one_hot(labels, classes).double()


# --- pseudo-labels --------------------------------------------------------------------------------------------------------


def test_only_sure_answers_are_taken():
    probabilities = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.05, 0.95]])
    assert sure_examples(probabilities, 0.9).tolist() == [True, False, True]
    assert sure_examples(probabilities, 0.0).all()
    assert not sure_examples(probabilities, 1.0).any()


def test_hard_and_soft_pseudo_labels():
    probabilities = torch.tensor([[0.2, 0.5, 0.3]])
    assert pseudo_targets(probabilities, "hard").tolist() == [[0.0, 1.0, 0.0]]
    assert pseudo_targets(probabilities, "soft") is probabilities


def test_labelled_and_pseudo_by_hand():
    # The student gives each of two classes a half: every row costs ln 2; weights 1 and 3, so the mean is ln 2 again.
    student = torch.zeros(2, 2, dtype=torch.float64)
    targets = torch.tensor([[1.0, 0.0], [0.3, 0.7]], dtype=torch.float64)
    of_true, of_pseudo = labelled_and_pseudo(student, targets, torch.tensor([False, True]), 3.0)
    assert of_true.item() == pytest.approx(math.log(2) / 4, abs=1e-12)
    assert of_pseudo.item() == pytest.approx(3 * math.log(2) / 4, abs=1e-12)


def test_without_weight_pseudo_labels_add_nothing():
    student, pseudo = logits(4, 5), torch.tensor([False, False, True, True])
    of_true, of_pseudo = labelled_and_pseudo(student, one_hot(LABELS), pseudo, 0.0)
    assert of_pseudo.item() == 0
    assert of_true.item() == pytest.approx(torch.nn.functional.cross_entropy(student[:2], LABELS[:2]).item(), rel=1e-12)
    alone = labelled_and_pseudo(student, one_hot(LABELS), torch.ones(4, dtype=torch.bool), 0.0)
    assert [part.item() for part in alone] == [0.0, 0.0]  # and no division by nothing


def test_pseudo_labels_ignore_shifts_and_have_right_gradients():
    student = logits(4, 5, seed=3).requires_grad_()
    soft, pseudo = torch.softmax(logits(4, 5), -1), torch.tensor([True, False, True, False])
    plain, shifted = (labelled_and_pseudo(one, soft, pseudo, 2.0) for one in (student, student + 4.0))
    assert torch.allclose(torch.stack(plain), torch.stack(shifted), atol=1e-12)
    assert torch.autograd.gradcheck(lambda ours: labelled_and_pseudo(ours, soft, pseudo, 2.0), (student,))


def test_the_best_student_of_soft_pseudo_labels_is_the_teacher():
    teacher = logits(4, 5).requires_grad_()
    everything = torch.ones(4, dtype=torch.bool)
    _, loss = labelled_and_pseudo(teacher, torch.softmax(teacher.detach(), -1), everything, 1.0)
    loss.backward()
    assert teacher.grad.abs().max() < 1e-12


# --- transfer set ---------------------------------------------------------------------------------------------------------


def test_transfer_losses_by_hand():
    # Row 0 is known: 0.25 · KL + 0.75 · ln 2; row 1 is the teacher's alone. KL of (0.8, 0.2) against halves.
    teacher = torch.tensor([[math.log(4.0), 0.0]] * 2, dtype=torch.float64)
    divergence = 0.8 * math.log(1.6) + 0.2 * math.log(0.4)
    soft, hard = transfer_losses(
        torch.zeros(2, 2, dtype=torch.float64), teacher, torch.tensor([1, HIDDEN]), torch.tensor([True, False]), 1.0, 0.25
    )
    assert soft.item() == pytest.approx((0.25 * divergence + divergence) / 2, abs=1e-12)
    assert hard.item() == pytest.approx(0.75 * math.log(2) / 2, abs=1e-12)


def test_without_known_labels_it_is_the_soft_target_loss_and_vanishes_for_equal_models():
    student, teacher, unknown = logits(4, 5), logits(4, 5, seed=1), torch.zeros(4, dtype=torch.bool)
    hidden = torch.full((4,), HIDDEN)
    soft, hard = transfer_losses(student, teacher, hidden, unknown, 3.0, 0.4)
    assert soft.item() == pytest.approx(soft_target_loss(student, teacher, 3.0).item(), rel=1e-12)
    assert hard.item() == 0
    assert transfer_losses(teacher + 2.0, teacher, hidden, unknown, 3.0, 0.4)[0].item() == pytest.approx(0, abs=1e-12)


def test_transfer_losses_ignore_shifts():
    student, teacher, known = logits(4, 5, seed=3), logits(4, 5), torch.tensor([True, False, True, False])
    plain = torch.stack(transfer_losses(student, teacher, LABELS, known, 4.0, 0.3))
    shifted = torch.stack(transfer_losses(student + 6.0, teacher - 2.0, LABELS, known, 4.0, 0.3))
    assert plain.min() > 0.01 and torch.allclose(plain, shifted, atol=1e-12)


def test_transfer_losses_have_right_gradients():
    student, teacher = logits(4, 5, seed=3).requires_grad_(), logits(4, 5)
    known = torch.tensor([True, False, True, False])
    assert torch.autograd.gradcheck(lambda ours: transfer_losses(ours, teacher, LABELS, known, 4.0, 0.3), (student,))
