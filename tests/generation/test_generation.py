"""Generation: the Fréchet distance and its spread, diversity, noise by seeds, the adversary's gradients, the judge's digest."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from kdui.catalogue.problems import PROBLEMS
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import KduiError, StageFailed
from kdui.modalities import modality_of
from kdui.problems import problem_of
from kdui.problems.generation import diversity, frechet
from kdui.problems.generation.adversary import adversary_of
from kdui.problems.generation.judge import digest, judge

FACTS = TASKS["fashion-pictures"]
RANDOM = np.random.RandomState(5)
REAL, OURS = RANDOM.standard_normal((300, 6)), RANDOM.standard_normal((300, 6)) @ np.diag([1, 1, 2, 1, 1, 0.5]) + 0.3
THEIRS = OURS + 0.4 * RANDOM.standard_normal((300, 6)) + 0.2


def test_the_distance_is_that_of_scipys_matrix_root():
    ours, real = frechet.moments(OURS), frechet.moments(REAL)
    assert np.allclose(ours.covariance, np.cov(OURS.T)) and np.allclose(ours.mean, OURS.mean(0))
    root = sqrtm(ours.covariance @ real.covariance).real
    by_root = np.square(ours.mean - real.mean).sum() + np.trace(ours.covariance + real.covariance - 2 * root)
    assert frechet.frechet(OURS, REAL) == pytest.approx(by_root, rel=1e-9)
    assert frechet.frechet(REAL, REAL) == pytest.approx(0, abs=1e-9)
    assert frechet.frechet(REAL[:3], REAL[3:8]) > 0  # fewer examples than features


def test_a_shift_alone_is_its_square():
    assert frechet.frechet(REAL + np.array([3, 0, 0, 4, 0, 0]), REAL) == pytest.approx(25)


def test_the_interval_holds_the_value_and_is_as_wide_as_the_linear_approximation_says():
    value, (low, high) = frechet.frechet(OURS, REAL), frechet.interval(OURS, REAL)
    assert low < value < high
    nothing = frechet.difference(REAL, OURS, REAL)  # the distance of the real ones is 0, so the difference is ours alone
    assert nothing.value == pytest.approx(value) and nothing.high - nothing.low == pytest.approx(high - low, rel=0.25)


def test_a_difference_is_paired_and_plus_where_the_distance_is_lower():
    apart = frechet.difference(OURS, THEIRS, REAL)
    assert apart.value == pytest.approx(frechet.frechet(THEIRS, REAL) - frechet.frechet(OURS, REAL)) and apart.value > 0
    assert apart.low < apart.value < apart.high and apart.examples == 300
    same = frechet.difference(OURS, OURS, REAL)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_precision_and_coverage_part_pictures_that_look_real_from_pictures_of_all_kinds():
    real = np.concatenate([REAL, REAL + 50]).astype(np.float32)
    assert diversity.neighbourhood(real, real) == (100, 100)
    one_kind = diversity.neighbourhood(np.concatenate([REAL, REAL]).astype(np.float32), real)
    assert one_kind == (100, 50)
    assert diversity.neighbourhood(real + 500, real) == (0, 0)
    assert diversity.balance(np.array([0, 0, 0, 1]), np.array([0, 1, 0, 1]), 2) == 75


def test_noise_is_drawn_by_its_seed_and_moved_along_two_directions():
    noise = modality_of("noise")
    assert noise.parse("7", FACTS) == noise.parse(7, FACTS) == [7, 0, 0] and noise.parse("7, 1.5 -2", FACTS) == [7, 1.5, -2]
    assert noise.shown([7, 0, 0])["text"] == "7" and noise.shown(noise.parse("7, 1.5, -2", FACTS))["text"] == "7, 1.5, -2"
    first, moved, other = noise.prepare([[7, 0, 0], [7, 3, -4], [8, 0, 0]], {"noise": 64}, None)["noise"]
    assert first == pytest.approx(np.random.RandomState(7).standard_normal(64), rel=1e-6)
    assert np.linalg.norm(moved - first) == pytest.approx(5, rel=1e-5) and not np.array_equal(first, other)
    for wrong in ("", "seven", "1.5", "-1", "1, 2", "3000000000", None):
        with pytest.raises(KduiError, match="Noise is a seed"):
            noise.parse(wrong, FACTS)
    with pytest.raises(KduiError, match="between -6 and 6"):
        noise.parse("1, 7, 0", FACTS)


def test_each_side_of_the_adversary_moves_its_own_weights_alone():
    adversary, made = adversary_of(FACTS, 0), torch.rand(4, 28, 28, 1, requires_grad=True)
    losses = adversary.losses(made, torch.randint(0, 256, (4, 28, 28, 1), dtype=torch.uint8))
    weights = list(adversary.parameters())
    assert all(weight.requires_grad for weight in weights)
    by_generator = torch.autograd.grad(losses["generator"], [made, *weights], retain_graph=True, allow_unused=True)
    by_adversary = torch.autograd.grad(losses["adversary"], [made, *weights], allow_unused=True)
    assert by_generator[0].abs().sum() > 0 and all(gradient is None for gradient in by_generator[1:])
    assert by_adversary[0] is None and all(gradient is not None for gradient in by_adversary[1:])
    assert all(torch.equal(*pair) for pair in zip(weights, adversary_of(FACTS, 0).parameters(), strict=True))


def test_the_task_names_the_judge_that_comes_with_it():
    assert FACTS.input["judge"] == digest() and digest()[:12] in problem_of(FACTS).judged_by
    levels = RANDOM.randint(0, 256, (3, 28, 28, 1)).astype(np.uint8)
    judged, same = judge(levels), judge(levels / 255)
    assert judged.features.shape == (3, 64) and judged.logits.shape == (3, len(FACTS.answer.names))
    assert judged.features == pytest.approx(same.features, abs=1e-5)


def test_a_generator_has_no_loss_against_single_pictures():
    with pytest.raises(StageFailed, match="not against single true pictures"):
        problem_of(FACTS).loss(torch.zeros(1, 28, 28, 1), torch.zeros(1, 28, 28, 1))
    assert PROBLEMS["generation"].gives == {"pictures"}
