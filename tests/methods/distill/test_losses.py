"""The loss of soft targets against what can be worked out by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdui.methods.distill.distill.losses import distillation_loss, soft_target_loss


def logits(*shape: int, seed: int = 0, size: float = 3.0) -> torch.Tensor:
    return size * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_two_classes_at_temperature_one_by_hand():
    # Student (0.5, 0.5), teacher (0.8, 0.2): KL = 0.8 ln(0.8 / 0.5) + 0.2 ln(0.2 / 0.5).
    student = torch.zeros(1, 2, dtype=torch.float64)
    teacher = torch.tensor([[math.log(4.0), 0.0]], dtype=torch.float64)
    assert soft_target_loss(student, teacher, 1.0).item() == pytest.approx(0.8 * math.log(1.6) + 0.2 * math.log(0.4), abs=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 2.5, 20.0])
def test_is_the_mean_divergence_of_the_softened_rows_times_t_squared(temperature):
    student, teacher = logits(5, 7), logits(5, 7, seed=1)
    expected = 0.0
    for ours, theirs in zip(student / temperature, teacher / temperature, strict=True):
        p, q = torch.softmax(theirs, 0), torch.softmax(ours, 0)
        expected += float((p * (p / q).log()).sum()) / 5
    assert soft_target_loss(student, teacher, temperature).item() == pytest.approx(temperature**2 * expected, rel=1e-10)


def test_at_a_high_temperature_it_matches_centred_logits():
    # T² · KL -> 1/(2K) · Σ (centred student − centred teacher)² (Hinton, Vinyals, Dean 2015, section 2.1).
    student, teacher = logits(4, 6), logits(4, 6, seed=1)
    centred = (student - student.mean(-1, keepdim=True)) - (teacher - teacher.mean(-1, keepdim=True))
    limit = float((centred**2).sum(-1).mean()) / (2 * 6)
    errors = [abs(soft_target_loss(student, teacher, temperature).item() - limit) for temperature in (1e2, 1e3, 1e4)]
    assert errors[2] < 1e-3 * limit
    assert errors[0] > 5 * errors[1] > 25 * errors[2]  # the first term left out is of the order 1/T


def gradient(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    leaf = student.clone().requires_grad_()
    (loss_value,) = torch.autograd.grad(soft_target_loss(leaf, teacher, temperature), leaf)
    return loss_value


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_gradient_is_t_times_the_difference_of_the_softened_answers(temperature):
    student, teacher = logits(3, 5), logits(3, 5, seed=1)
    expected = temperature * (torch.softmax(student / temperature, -1) - torch.softmax(teacher / temperature, -1)) / 3
    assert torch.allclose(gradient(student, teacher, temperature), expected, atol=1e-12)


def test_gradient_keeps_its_size_when_the_temperature_changes():
    student, teacher = logits(64, 10), logits(64, 10, seed=1)
    sizes = [float(gradient(student, teacher, temperature).norm()) for temperature in (1.0, 2.0, 4.0, 8.0, 20.0)]
    assert max(sizes) < 4 * min(sizes)
    bare = [size / temperature**2 for size, temperature in zip(sizes, (1.0, 2.0, 4.0, 8.0, 20.0), strict=True)]
    assert max(bare) > 100 * min(bare)  # what it would be without the factor T²


def test_gradient_at_a_high_temperature_is_the_difference_of_zero_mean_logits_over_k():
    student, teacher = logits(1, 6), logits(1, 6, seed=1)
    student, teacher = student - student.mean(), teacher - teacher.mean()
    assert torch.allclose(gradient(student, teacher, 1e5), (student - teacher) / 6, atol=1e-4)


def test_gradcheck():
    teacher = logits(3, 4, seed=1)
    assert torch.autograd.gradcheck(lambda student: soft_target_loss(student, teacher, 4.0), logits(3, 4).requires_grad_())


@given(
    seed=st.integers(0, 2**16),
    temperature=st.floats(1, 20, allow_subnormal=False),
    shift=st.floats(-50, 50, allow_subnormal=False),
)
def test_nothing_to_learn_from_an_equal_teacher_and_shifts_do_not_count(seed, temperature, shift):
    student, teacher = logits(4, 5, seed=seed), logits(4, 5, seed=seed + 1)
    assert soft_target_loss(student, student, temperature).item() == pytest.approx(0.0, abs=1e-9)
    loss = soft_target_loss(student, teacher, temperature).item()
    assert loss > 0
    assert soft_target_loss(student + shift, teacher - shift, temperature).item() == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("divergence", ["forward", "reverse", "jensen-shannon", "skewed", "skewed-reverse"])
def test_rows_count_by_their_weight(divergence):
    student, teacher, weight = logits(4, 5), logits(4, 5, seed=1), torch.tensor([1.0, 0.0, 0.5, 0.0], dtype=torch.float64)
    each = [soft_target_loss(student[row : row + 1], teacher[row : row + 1], 2.0, divergence).item() for row in range(4)]
    loss_value = soft_target_loss(student, teacher, 2.0, divergence, weight).item()
    assert loss_value == pytest.approx((each[0] + 0.5 * each[2]) / 1.5, rel=1e-12)
    padded = torch.cat([teacher[:3], 1e4 * teacher[3:]])  # what padding holds changes nothing
    assert soft_target_loss(student, padded, 2.0, divergence, weight).item() == loss_value
    ones = torch.ones(4, dtype=torch.float64)
    assert soft_target_loss(student, teacher, 2.0, divergence, ones).item() == pytest.approx(sum(each) / 4, rel=1e-12)


@pytest.mark.parametrize("skew", [0.1, 0.6])
def test_skewed_divergences_are_those_of_two_choices_by_hand(skew):
    """Ko et al. 2024, equations 4 and 5; at a skew of 0 they would be the plain ones, at 1 they would be 0."""
    p, q = torch.tensor([0.9, 0.1], dtype=torch.float64), torch.tensor([0.2, 0.8], dtype=torch.float64)

    def by_hand(one, other):
        return sum(one[i] * math.log(one[i] / (skew * one[i] + (1 - skew) * other[i])) for i in range(2)).item()

    ours, theirs = q.log()[None], p.log()[None]
    assert soft_target_loss(ours, theirs, 1.0, "skewed", skew=skew).item() == pytest.approx(by_hand(p, q), rel=1e-12)
    assert soft_target_loss(ours, theirs, 1.0, "skewed-reverse", skew=skew).item() == pytest.approx(by_hand(q, p), rel=1e-12)
    assert soft_target_loss(ours, theirs, 1.0, "skewed", skew=1e-9).item() == pytest.approx(
        soft_target_loss(ours, theirs, 1.0).item(), rel=1e-6
    )


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_so_that_a_high_temperature_keeps_its_differences(kind):
    student, teacher = logits(8, 10).to(kind), logits(8, 10, seed=1).to(kind)
    exact = soft_target_loss(student.double(), teacher.double(), 20.0)
    loss_value = soft_target_loss(student, teacher, 20.0)
    assert loss_value.dtype == torch.float32
    assert loss_value.item() == pytest.approx(exact.item(), rel=1e-3)


@pytest.mark.parametrize(("soft_weight", "expected"), [(0.0, 3.0), (0.7, 0.7 * 2.0 + 0.3 * 3.0), (1.0, 2.0)])
def test_alpha_weighs_the_soft_loss(soft_weight, expected):
    assert distillation_loss(torch.tensor(2.0), torch.tensor(3.0), soft_weight).item() == pytest.approx(expected)
