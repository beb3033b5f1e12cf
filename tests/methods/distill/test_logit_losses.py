"""DKD, DIST, divergences, standardised logits and smoothing against what can be worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdui.methods.distill.dist.losses import correlation_losses, pearson_distance
from kdui.methods.distill.distill.losses import (
    scheduled,
    smoothed_entropy,
    smoothing_of_equal_entropy,
    soft_target_loss,
    standardized,
    target_entropy,
)
from kdui.methods.distill.dkd.losses import decoupled_losses

LABELS = torch.tensor([0, 3, 2, 1])


def logits(*shape: int, seed: int = 0, size: float = 2.0) -> torch.Tensor:
    return size * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_gradient(*shape: int, seed: int = 5) -> torch.Tensor:
    return logits(*shape, seed=seed).requires_grad_()


# --- divergences ----------------------------------------------------------------------------------------------------------


def test_reverse_divergence_by_hand():
    # Student (0.5, 0.5), teacher (0.8, 0.2): KL(student ‖ teacher) = 0.5 ln(0.5 / 0.8) + 0.5 ln(0.5 / 0.2).
    student = torch.zeros(1, 2, dtype=torch.float64)
    teacher = torch.tensor([[math.log(4.0), 0.0]], dtype=torch.float64)
    expected = 0.5 * math.log(0.5 / 0.8) + 0.5 * math.log(0.5 / 0.2)
    assert soft_target_loss(student, teacher, 1.0, "reverse").item() == pytest.approx(expected, abs=1e-12)


def test_jensen_shannon_is_bounded_by_ln_2_and_symmetric():
    sure = torch.tensor([[60.0, 0.0]], dtype=torch.float64)
    assert soft_target_loss(sure, sure.flip(-1), 1.0, "jensen-shannon").item() == pytest.approx(math.log(2), abs=1e-9)
    one, other = logits(3, 5), logits(3, 5, seed=1)
    there = soft_target_loss(one, other, 2.0, "jensen-shannon").item()
    assert there == pytest.approx(soft_target_loss(other, one, 2.0, "jensen-shannon").item(), rel=1e-12)


@pytest.mark.parametrize("divergence", ["forward", "reverse", "jensen-shannon"])
def test_divergences_vanish_for_equal_models_ignore_shifts_and_have_right_gradients(divergence):
    student, teacher = with_gradient(4, 5), logits(4, 5, seed=2)
    assert soft_target_loss(teacher, teacher + 7.0, 3.0, divergence).item() == pytest.approx(0, abs=1e-12)
    assert torch.autograd.gradcheck(lambda ours: soft_target_loss(ours, teacher, 3.0, divergence), (student,))


# --- standardised logits --------------------------------------------------------------------------------------------------


def test_standardised_logits_by_hand():
    result = standardized(torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64))
    edge = math.sqrt(1.5)
    assert torch.allclose(result, torch.tensor([[-edge, 0.0, edge]], dtype=torch.float64), atol=1e-6)


@given(st.floats(0.1, 50, allow_subnormal=False), st.floats(-20, 20, allow_subnormal=False))
def test_standardised_logits_forget_scale_and_shift(scale, shift):
    raw = logits(3, 6)
    assert torch.allclose(standardized(raw * scale + shift), standardized(raw), atol=1e-5)
    assert torch.autograd.gradcheck(standardized, (with_gradient(2, 4),))


def test_the_soft_loss_of_standardised_logits_forgets_scale_and_vanishes_for_equal_relations():
    student, teacher = with_gradient(4, 5), logits(4, 5, seed=2)

    def loss(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
        return soft_target_loss(standardized(ours), standardized(theirs), 2.0)

    assert loss(3 * teacher + 7, teacher).item() == pytest.approx(0, abs=1e-9)
    assert loss(5 * student - 1, teacher / 3).item() == pytest.approx(loss(student, teacher).item(), rel=1e-5)
    assert loss(student, teacher).item() > 0.01
    assert torch.autograd.gradcheck(lambda ours: loss(ours, teacher), (student,))


# --- decoupled ------------------------------------------------------------------------------------------------------------


def test_decoupled_losses_by_hand():
    # Three classes, label 0. Teacher (0.6, 0.3, 0.1), student (1/3, 1/3, 1/3).
    teacher = torch.log(torch.tensor([[0.6, 0.3, 0.1]], dtype=torch.float64))
    student = torch.zeros(1, 3, dtype=torch.float64)
    target, others = decoupled_losses(student, teacher, torch.tensor([0]), 1.0)
    assert target.item() == pytest.approx(0.6 * math.log(0.6 * 3) + 0.4 * math.log(0.4 * 1.5), abs=1e-10)
    assert others.item() == pytest.approx(0.75 * math.log(0.75 * 2) + 0.25 * math.log(0.25 * 2), abs=1e-10)


def test_soft_targets_are_the_two_parts_put_together():
    # KD = TCKD + (1 − p of the true class) · NCKD, row by row (equation 7 of the paper).
    student, teacher = logits(4, 5), logits(4, 5, seed=1)
    whole = 0.0
    for row, label in enumerate(LABELS):
        target, others = decoupled_losses(student[row : row + 1], teacher[row : row + 1], label[None], 2.0)
        certainty = torch.softmax(teacher[row] / 2.0, 0)[label]
        whole += float(target + (1 - certainty) * others) / len(LABELS)
    assert soft_target_loss(student, teacher, 2.0).item() == pytest.approx(whole, rel=1e-10)


def test_decoupled_losses_vanish_ignore_shifts_and_have_right_gradients():
    teacher = logits(4, 5)
    for part in decoupled_losses(teacher - 3.0, teacher, LABELS, 4.0):
        assert part.item() == pytest.approx(0, abs=1e-12)
    assert torch.autograd.gradcheck(lambda ours: decoupled_losses(ours, teacher, LABELS, 4.0), (with_gradient(4, 5),))


def test_shifts_of_either_model_leave_the_decoupled_losses_and_the_correlations_as_they_are():
    student, teacher = logits(4, 5, seed=3), logits(4, 5)
    for loss in (lambda one, other: decoupled_losses(one, other, LABELS, 2.0), lambda *both: correlation_losses(*both, 2.0)):
        plain, shifted = torch.stack(loss(student, teacher)), torch.stack(loss(student + 5.0, teacher - 3.0))
        assert plain.min() > 0.01 and torch.allclose(plain, shifted, atol=1e-12)


def test_a_certain_teacher_gives_no_infinite_loss():
    teacher = torch.tensor([[200.0, 0.0, 0.0]])
    target, others = decoupled_losses(torch.zeros(1, 3), teacher, torch.tensor([0]), 1.0)
    assert math.isfinite(target.item()) and others.item() == pytest.approx(0, abs=1e-6)


# --- DIST -----------------------------------------------------------------------------------------------------------------


def test_pearson_distance_by_hand():
    one = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    assert pearson_distance(one, 2 * one + 5, -1).item() == pytest.approx(0, abs=1e-9)
    assert pearson_distance(one, -one, -1).item() == pytest.approx(2, abs=1e-9)
    assert pearson_distance(one, torch.tensor([[1.0, -2.0, 1.0]], dtype=torch.float64), -1).item() == pytest.approx(1, abs=1e-9)


def test_correlation_losses_vanish_ignore_shifts_and_have_right_gradients():
    teacher = logits(4, 5)
    for part in correlation_losses(teacher + 2.0, teacher, 2.0):
        assert part.item() == pytest.approx(0, abs=1e-9)
    assert torch.autograd.gradcheck(lambda ours: correlation_losses(ours, teacher, 2.0), (with_gradient(4, 5),))


def test_a_batch_of_one_has_no_columns_to_compare_and_finite_gradients():
    student = with_gradient(1, 5)
    inter, intra = correlation_losses(student, logits(1, 5), 1.0)
    (gradient,) = torch.autograd.grad(intra, student, retain_graph=True)
    assert intra.item() == 1.0 and gradient.abs().max() == 0  # T² and nothing to learn from it
    (gradient,) = torch.autograd.grad(inter, student)
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0


def test_inter_and_intra_look_along_different_axes():
    teacher = logits(4, 5)
    inter, intra = correlation_losses(logits(4, 5, seed=3), teacher, 1.0)
    ours, theirs = (torch.softmax(values, -1) for values in (logits(4, 5, seed=3), teacher))
    rows = [1 - torch.corrcoef(torch.stack([ours[i], theirs[i]]))[0, 1] for i in range(4)]
    columns = [1 - torch.corrcoef(torch.stack([ours[:, j], theirs[:, j]]))[0, 1] for j in range(5)]
    assert inter.item() == pytest.approx(float(sum(rows)) / 4, rel=1e-9)
    assert intra.item() == pytest.approx(float(sum(columns)) / 5, rel=1e-9)


# --- smoothing and schedules ------------------------------------------------------------------------------------------------


@given(st.floats(0.001, 0.999, allow_subnormal=False), st.integers(2, 50))
def test_smoothing_is_found_from_its_entropy(smoothing, classes):
    assert smoothing_of_equal_entropy(smoothed_entropy(smoothing, classes), classes) == pytest.approx(smoothing, abs=1e-6)


def test_entropy_of_smoothed_labels_by_hand():
    assert smoothed_entropy(0.0, 10) == 0.0
    assert smoothed_entropy(1.0, 10) == pytest.approx(math.log(10))
    assert smoothed_entropy(0.2, 2) == pytest.approx(-(0.9 * math.log(0.9) + 0.1 * math.log(0.1)))


def test_labels_softer_than_even_ones_are_even_ones():
    assert smoothing_of_equal_entropy(math.log(10) + 0.5, 10) == pytest.approx(1)
    assert smoothing_of_equal_entropy(0.0, 10) == pytest.approx(0, abs=1e-12)


def test_entropy_of_a_students_targets_by_hand_and_its_limits():
    # Teacher (0.8, 0.2), label 0, α ½: (0.9, 0.1).
    teacher, label = torch.tensor([[math.log(4.0), 0.0]], dtype=torch.float64), torch.tensor([0])
    by_hand = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    assert target_entropy(teacher, label, 1.0, 0.5) == pytest.approx(by_hand, abs=1e-12)
    assert target_entropy(teacher + 9.0, label, 1.0, 0.5) == pytest.approx(by_hand, abs=1e-12)
    assert target_entropy(teacher, label, 1.0, 0.0) == pytest.approx(0, abs=1e-12)
    assert target_entropy(teacher, label, 1e6, 1.0) == pytest.approx(math.log(2), abs=1e-9)


def test_schedules_go_from_their_first_to_their_last_value():
    assert [scheduled(8, 2, "constant", at) for at in (0, 0.5, 1)] == [8, 8, 8]
    assert [scheduled(8, 2, "linear", at) for at in (0, 0.5, 1)] == [8, 5, 2]
    assert [scheduled(8, 2, "cosine", at) for at in (0, 0.5, 1)] == pytest.approx([8, 5, 2])
    assert scheduled(8, 2, "cosine", 0.25) > scheduled(8, 2, "linear", 0.25)
