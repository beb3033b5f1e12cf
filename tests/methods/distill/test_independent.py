"""Agreement with losses that others wrote: torchdistill (Matsubara 2021), on random tensors in double precision.

Where the two differ by a constant it is stated here, with what ours follows. torchdistill is a development requirement without
its own requirements (``requirements-independent.txt``); where it is missing these tests fail, and do not skip.
It has no DKD: that is compared with equation 7 of its paper in ``test_logit_losses.py``.
"""

import pytest
import torch
from torch.nn.functional import normalize

from kdui.methods.distill.attention_transfer.losses import attention_distance
from kdui.methods.distill.dist.losses import correlation_losses
from kdui.methods.distill.distill.losses import distillation_loss, soft_target_loss, standardized
from kdui.methods.distill.relational.losses import angle_loss, distance_loss
from kdui.methods.distill.similarity.losses import similarity_loss
from kdui.training.matching import energy

MISSING = ""
try:
    from torchdistill.losses.mid_level import ATLoss, DISTLoss, KDLoss, LogitStdKDLoss, RKDLoss, SPKDLoss
except ImportError as error:  # told by each test here, so that the other files' tests still run
    MISSING = f"torchdistill cannot be imported ({error}). Run: pip install --no-deps -r requirements-independent.txt"

N, CLASSES = 12, 7
WHERE = {
    "student_module_path": "s",
    "student_module_io": "output",
    "teacher_module_path": "t",
    "teacher_module_io": "output",
}
LABELS = torch.arange(N) % CLASSES


@pytest.fixture(autouse=True)
def installed() -> None:
    """Nothing here passes or is skipped without torchdistill."""
    if MISSING:
        pytest.fail(MISSING)


def values(*shape: int, seed: int) -> torch.Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def theirs(loss: torch.nn.Module, student: torch.Tensor, teacher: torch.Tensor, **more: torch.Tensor) -> float:
    """The value of a torchdistill loss on what the two modules put out."""
    return float(loss({"s": {"output": student}}, {"t": {"output": teacher}}, **more))


@pytest.fixture(params=[0, 1, 2])
def logits(request) -> tuple[torch.Tensor, torch.Tensor]:
    return values(N, CLASSES, seed=request.param), values(N, CLASSES, seed=request.param + 10)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_soft_targets_and_their_sum_with_hard_labels(logits, temperature):
    student, teacher = logits
    alone = theirs(KDLoss(**WHERE, temperature=temperature, alpha=0, beta=1), student, teacher)  # without the T² of the paper
    assert soft_target_loss(student, teacher, temperature).item() == pytest.approx(temperature**2 * alone, rel=1e-9)
    hard = torch.nn.functional.cross_entropy(student, LABELS)
    ours = distillation_loss(soft_target_loss(student, teacher, temperature), hard, 0.7).item()
    whole = KDLoss(**WHERE, temperature=temperature, alpha=0.3)  # their α weighs the hard loss
    assert ours == pytest.approx(theirs(whole, student, teacher, targets=LABELS), rel=1e-9)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_correlations(logits, temperature):
    inter, intra = correlation_losses(*logits, temperature)
    both = theirs(DISTLoss(**WHERE, beta=0.4, gamma=1.7, tau=temperature), *logits)
    assert (0.4 * inter + 1.7 * intra).item() == pytest.approx(both, rel=1e-6)


def test_standardised_logits_where_the_deviation_is_that_of_n_and_not_of_n_less_one(logits):
    # Algorithm 1 of the paper divides by the deviation over the n logits, torchdistill by the sample's: its logits are smaller by
    # √((n − 1) / n), which is a temperature higher by √(n / (n − 1)).
    student, teacher = logits
    temperature = 2.0
    higher = temperature * (CLASSES / (CLASSES - 1)) ** 0.5
    ours = soft_target_loss(standardized(student), standardized(teacher), higher).item() / higher**2
    alone = theirs(LogitStdKDLoss(**WHERE, temperature=temperature, alpha=0, beta=1), student, teacher)
    assert ours == pytest.approx(alone, rel=1e-5)


def relations(distance: float, angle: float) -> torch.nn.Module:
    return RKDLoss("s", "t", dist_factor=distance, angle_factor=angle, reduction="mean")


@pytest.mark.parametrize("n", [3, 5, N])
@pytest.mark.parametrize("seed", [0, 1])
def test_relational_losses_count_each_true_pair_and_triple(seed, n):
    # Equations 8 and 10 sum over tuples of different examples; torchdistill's mean also counts the n pairs of an example with
    # itself, and the triples that repeat one, all of them zero.
    student, teacher = values(n, 5, seed=seed), values(n, 9, seed=seed + 20)
    distances, angles = (theirs(relations(*factors), student, teacher) for factors in ((1.0, 0.0), (0.0, 1.0)))
    assert distance_loss(student, teacher).item() == pytest.approx(distances * n / (n - 1), rel=1e-6)
    assert angle_loss(student, teacher).item() == pytest.approx(angles * n**3 / (n * (n - 1) * (n - 2)), rel=1e-6)


def test_attention_transfer_sums_over_the_places_where_the_authors_code_takes_their_mean():
    student, teacher = values(N, 4, 5, 6, seed=0), values(N, 8, 5, 6, seed=1)
    one = {"path": "s", "io": "output"}, {"path": "t", "io": "output"}
    loss = ATLoss({"pair": {"student": one[0], "teacher": one[1]}}, mode="code")
    ours = attention_distance(energy(student), energy(teacher)).item()
    assert ours == pytest.approx(5 * 6 * theirs(loss, student, teacher), rel=1e-9)


def test_attention_transfer_of_one_example_is_the_square_of_equation_2():
    # Equation 2 takes the distance itself; its square, as in the authors' code, has a gradient where the two maps agree.
    student, teacher = values(N, 4, 5, 6, seed=0), values(N, 8, 5, 6, seed=1)
    one = {"path": "s", "io": "output"}, {"path": "t", "io": "output"}
    loss = ATLoss({"pair": {"student": one[0], "teacher": one[1]}}, mode="paper")
    squares = [theirs(loss, student[at : at + 1], teacher[at : at + 1]) ** 2 for at in range(N)]
    assert attention_distance(energy(student), energy(teacher)).item() == pytest.approx(sum(squares) / N, rel=1e-9)


def test_similarities_are_rows_of_unit_euclidean_length_as_the_paper_says():
    # Equation 3 divides a row by its Euclidean length. torchdistill hands its axis 1 to ``normalize`` as the order of the norm,
    # so that its rows have absolute values that sum to 1; with the norm of the paper its formula is ours.
    student, teacher = values(N, 4, 3, 3, seed=0), values(N, 6, 2, 2, seed=1)
    loss = SPKDLoss("s", "t", reduction="batchmean")
    ours = similarity_loss(student, teacher).item()
    assert ours != pytest.approx(theirs(loss, student, teacher), rel=0.05)
    loss.matmul_and_normalize = lambda z: normalize(z.flatten(1) @ z.flatten(1).t(), p=2, dim=1)
    assert ours == pytest.approx(theirs(loss, student, teacher), rel=1e-9)
