"""Losses of intermediate features: cases worked out by hand, gradients, what leaves them as they are, and their limit."""

import math

import pytest
import torch

from kdui.methods.distill.attention_transfer.losses import attention_distance
from kdui.methods.distill.hints.losses import Projector, hint_loss
from kdui.methods.distill.minilm_relations.losses import relation_loss, relations
from kdui.methods.distill.relational.losses import ANGLE_EXAMPLES, angle_loss, cosines, distance_loss, relative_distances
from kdui.methods.distill.similarity.losses import similarity_loss
from kdui.methods.distill.tinybert.losses import attention_loss, attention_maps, attention_scores
from kdui.training.matching import energy

MASK = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]])


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def rotation(width: int) -> torch.Tensor:
    return torch.linalg.qr(drawn(width, width, seed=9))[0]


LOSSES = {
    "hints of maps": (hint_loss, (2, 3, 4, 4)),
    "hints of tokens": (lambda one, other: hint_loss(one, other, MASK), (2, 4, 6)),
    "attention transfer": (lambda one, other: attention_distance(energy(one), energy(other)), (2, 3, 4, 4)),
    "distances": (distance_loss, (5, 4)),
    "angles": (angle_loss, (5, 4)),
    "similarities": (similarity_loss, (5, 4)),
    "similarities of maps": (similarity_loss, (3, 2, 2, 2)),
    "relations": (lambda one, other: relation_loss(one, other, 2, MASK), (2, 4, 6)),
    "attention maps": (lambda one, other: attention_loss(one, other, MASK), (2, 3, 4, 4)),
    "attention scores": (lambda one, other: attention_loss(one, other, MASK, over="scores"), (2, 3, 4, 4)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_the_loss(name):
    loss, shape = LOSSES[name]
    student = drawn(*shape).requires_grad_()
    assert torch.autograd.gradcheck(lambda values: loss(values, drawn(*shape, seed=1)), (student,))


@pytest.mark.parametrize("name", LOSSES)
def test_a_student_that_is_its_teacher_has_nothing_to_learn(name):
    loss, shape = LOSSES[name]
    student = drawn(*shape).requires_grad_()
    loss_value = loss(student, drawn(*shape))
    (gradient,) = torch.autograd.grad(loss_value, student)
    assert float(loss_value.detach()) == pytest.approx(0, abs=1e-12)
    assert float(gradient.abs().max()) < 1e-6
    assert float(loss(drawn(*shape), drawn(*shape, seed=1))) > 1e-4


def test_hints_by_hand():
    student, teacher = torch.zeros(1, 3, 2), torch.tensor([[[1.0, 2.0], [3.0, 0.0], [9.0, 9.0]]])
    assert float(hint_loss(student, teacher)) == pytest.approx((1 + 4 + 9 + 81 + 81) / 6)
    assert float(hint_loss(student, teacher, torch.tensor([[1, 1, 0]]))) == pytest.approx((1 + 4 + 9) / 4)
    assert float(hint_loss(student, teacher, torch.tensor([[0, 0, 0]]))) == 0.0


def test_projectors_bring_maps_to_the_teachers_size():
    projector = Projector((2, 4, 4), (3, 2, 2))
    values = drawn(5, 2, 4, 4).float()
    result = projector(values)
    block = values[:, :, :2, :2].mean(dim=(2, 3))
    assert result.shape == (5, 3, 2, 2)
    assert torch.allclose(result[:, :, 0, 0], block @ projector.weight.T + projector.bias, atol=1e-6)
    assert Projector((3, 2, 2), (3, 4, 4))(drawn(1, 3, 2, 2).float()).shape == (1, 3, 4, 4)
    same = drawn(2, 5, 4).float()
    assert torch.equal(Projector((7, 4), (7, 4))(same), same)
    assert Projector((7, 4), (7, 6))(drawn(2, 5, 4).float()).shape == (2, 5, 6)
    assert Projector((4,), (6,))(drawn(2, 4).float()).shape == (2, 6)


def test_energy_is_the_mean_of_squares_over_channels():
    assert energy(torch.tensor([[[[1.0]], [[3.0]]]])).tolist() == [[[5.0]]]


def test_attention_transfer_by_hand():
    student, teacher = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]]), torch.tensor([[[4.0, 3.0], [0.0, 0.0]]])
    assert float(attention_distance(student, teacher)) == pytest.approx(2 * 0.2**2)
    opposite = torch.tensor([[[0.0, 0.0], [5.0, 0.0]]])
    assert float(attention_distance(student, opposite)) == pytest.approx(2.0)
    assert float(attention_distance(10 * student, 0.1 * teacher)) == pytest.approx(2 * 0.2**2)


@pytest.mark.parametrize("turned", [False, True])
def test_maps_of_different_sizes_meet_at_the_smaller_one(turned):
    small = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])
    large = torch.tensor([[[4.0, 4.0, 3.0, 3.0]] * 2 + [[0.0] * 4] * 2])
    one, other = (large, small) if turned else (small, large)
    assert float(attention_distance(one, other)) == pytest.approx(2 * 0.2**2)


def test_a_dead_map_gives_a_finite_gradient():
    student = torch.zeros(1, 2, 4, 4, requires_grad=True)
    attention_distance(energy(student), torch.ones(1, 4, 4)).backward()
    assert torch.isfinite(student.grad).all()


def test_distances_by_hand():
    teacher, student = torch.tensor([[0.0], [3.0], [4.0]]), torch.tensor([[0.0], [1.0], [2.0]])
    assert relative_distances(teacher).tolist() == pytest.approx([9 / 8, 12 / 8, 3 / 8])
    assert relative_distances(student).tolist() == pytest.approx([3 / 4, 6 / 4, 3 / 4])
    assert float(distance_loss(student, teacher)) == pytest.approx((0.5 * 0.375**2 * 2) / 3)


def test_angles_by_hand():
    right = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    equal = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]])
    result, apart = cosines(right)
    assert result[0, 1, 2] == pytest.approx(0, abs=1e-6)
    assert result[1, 0, 2] == result[2, 1, 0] == pytest.approx(math.sqrt(0.5))
    assert int(apart.sum()) == 6
    expected = (0.5 * 0.5**2 + 2 * 0.5 * (math.sqrt(0.5) - 0.5) ** 2) / 3
    assert float(angle_loss(equal, right)) == pytest.approx(expected)


@pytest.mark.parametrize("loss", [distance_loss, angle_loss])
def test_moving_turning_or_scaling_leaves_relations_as_they_are(loss):
    teacher, student = drawn(6, 4), drawn(6, 3, seed=1)
    before = float(loss(student, teacher))
    assert float(loss(0.1 * student @ rotation(3) + 5, 30 * teacher @ rotation(4) - 2)) == pytest.approx(before, rel=1e-6)
    assert float(loss(7 * teacher @ rotation(4) + 1, teacher)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("loss", [distance_loss, angle_loss, similarity_loss])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_small_batches_and_equal_examples_give_finite_gradients(loss, count):
    student = torch.ones(count, 4, requires_grad=True)
    loss_value = loss(student, drawn(count, 5).float())
    loss_value.backward()
    assert math.isfinite(float(loss_value.detach()))
    assert torch.isfinite(student.grad).all()


def test_angles_of_a_large_batch_are_those_of_its_first_examples():
    teacher, student = drawn(ANGLE_EXAMPLES + 9, 3), drawn(ANGLE_EXAMPLES + 9, 2, seed=1)
    assert torch.equal(angle_loss(student, teacher), angle_loss(student[:ANGLE_EXAMPLES], teacher[:ANGLE_EXAMPLES]))


def test_similarities_by_hand():
    apart, alike = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    share = math.sqrt(0.5)
    assert float(similarity_loss(alike, apart)) == pytest.approx(((1 - share) ** 2 + share**2) / 2)


def test_scaling_and_turning_leave_similarities_as_they_are():
    teacher, student = drawn(6, 4), drawn(6, 2, 3, 3, seed=1)
    before = float(similarity_loss(student, teacher))
    assert float(similarity_loss(3 * student, 0.2 * teacher @ rotation(4))) == pytest.approx(before, rel=1e-9)


def test_relations_by_hand():
    teacher = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    share = math.e / (1 + math.e)
    result = relations(teacher, 2).exp()
    assert result[0, 0].flatten().tolist() == pytest.approx([share, 1 - share, 0.5, 0.5])
    assert result[0, 1].flatten().tolist() == pytest.approx([0.5] * 4)
    divergence = share * math.log(2 * share) + (1 - share) * math.log(2 * (1 - share))
    assert float(relation_loss(torch.zeros(1, 2, 6), teacher, 2)) == pytest.approx(divergence / 4)


def test_turning_every_relation_head_leaves_relations_as_they_are():
    teacher, turn = drawn(2, 4, 6), torch.block_diag(rotation(3), rotation(3))
    assert float(relation_loss(teacher @ turn, teacher, 2, MASK)) == pytest.approx(0, abs=1e-12)
    assert float(relation_loss(teacher @ turn, teacher, 3, MASK)) > 1e-3


def test_attention_by_hand():
    student, teacher = torch.zeros(1, 1, 2, 2), torch.tensor([[[[math.log(3), 0.0], [0.0, 0.0]]]])
    assert float(attention_loss(student, teacher)) == pytest.approx(2 * 0.25**2 / 2)
    assert float(attention_loss(student, teacher, over="scores")) == pytest.approx(math.log(3) ** 2 / 4)
    assert float(attention_loss(student, teacher + 5)) == pytest.approx(2 * 0.25**2 / 2)


def test_different_numbers_of_heads_compare_their_means():
    lean = torch.tensor([[[math.log(3), 0.0], [0.0, 0.0]], [[-math.log(3), 0.0], [0.0, 0.0]]]).unsqueeze(0)
    student = torch.zeros(1, 1, 2, 2)
    assert float(attention_loss(student, lean)) == pytest.approx(0, abs=1e-12)
    assert float(attention_loss(student.expand(1, 2, 2, 2), lean)) == pytest.approx(2 * 0.25**2 / 2)


def test_scores_are_scaled_by_the_width_of_a_head():
    query = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])
    assert attention_scores(query, query, 2).flatten().tolist() == pytest.approx([5 / math.sqrt(2), 25 / math.sqrt(2)])


@pytest.mark.parametrize("over", ["maps", "scores"])
def test_padding_counts_for_nothing(over):
    def losses(noise: float) -> list[float]:
        student, teacher = drawn(2, 4, 6), drawn(2, 4, 6, seed=1)
        for values in (student, teacher):
            values[MASK == 0] = noise
        scores = [attention_scores(values, values, 3) for values in (student, teacher)]
        return [
            float(hint_loss(student, teacher, MASK)),
            float(relation_loss(student, teacher, 2, MASK)),
            float(attention_loss(*scores, MASK, over=over)),
        ]

    assert losses(0.0) == pytest.approx(losses(50.0), rel=1e-12)
    longer = torch.cat([MASK, torch.zeros(2, 3, dtype=MASK.dtype)], dim=1)
    assert attention_maps(torch.zeros(2, 1, 7, 7), longer)[:, 0, 0].sum(-1).tolist() == pytest.approx([1.0, 1.0])
