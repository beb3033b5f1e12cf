"""Several teachers: their weights and their mixture by hand, and a student of real digits under each weighting."""

import math
import shutil

import pytest
import torch

from kdui.core.errors import RecipeError
from kdui.core.run import RunState
from kdui.methods.distill.distill.losses import soft_target_loss
from kdui.methods.distill.ensemble.apply import Lots
from kdui.methods.distill.ensemble.losses import (
    Gate,
    confidence_weights,
    drawn_weights,
    ensemble_loss,
    equal_weights,
    gate_loss,
    mixture,
)
from kdui.training.loop import Batch
from tests.methods.taught import digits_recipe, learned

LABELS = torch.tensor([0, 2, 1])


def logits(*shape: int, seed: int = 0, size: float = 2.0) -> torch.Tensor:
    return size * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def log_of(*rows: list[float]) -> torch.Tensor:
    return torch.log(torch.tensor(rows, dtype=torch.float64))


def test_the_mixture_is_the_weighted_mean_of_probabilities_by_hand():
    teachers = torch.stack([log_of([0.8, 0.2]), log_of([0.4, 0.6])])
    result = mixture(teachers, torch.tensor([[0.25, 0.75]], dtype=torch.float64), 1.0).exp()
    assert result.tolist()[0] == pytest.approx([0.25 * 0.8 + 0.75 * 0.4, 0.25 * 0.2 + 0.75 * 0.6])


def test_one_drawn_teacher_is_plain_distillation_from_it():
    student, teachers = logits(3, 4, seed=9), logits(2, 3, 4)
    drawn = drawn_weights(torch.tensor([1, 1, 1]), 2).double()
    expected = soft_target_loss(student, teachers[1], 3.0).item()
    assert ensemble_loss(student, teachers, drawn, 3.0).item() == pytest.approx(expected, rel=1e-12)


def test_loss_vanishes_for_equal_models_ignores_shifts_and_has_right_gradients():
    teacher = logits(3, 4)
    same = torch.stack([teacher, teacher + 5.0])
    assert ensemble_loss(teacher - 2.0, same, equal_weights(same), 4.0).item() == pytest.approx(0, abs=1e-12)
    student, teachers = logits(3, 4, seed=4).requires_grad_(), logits(2, 3, 4, seed=5)
    weights = equal_weights(teachers)
    assert torch.autograd.gradcheck(lambda ours: ensemble_loss(ours, teachers, weights, 2.5), (student,))


def test_gradient_is_that_of_one_soft_target_loss_a_teacher():
    student, teachers = logits(1, 4, seed=4).requires_grad_(), logits(2, 1, 4, seed=5)
    weights = torch.tensor([[0.3, 0.7]], dtype=torch.float64)
    (together,) = torch.autograd.grad(ensemble_loss(student, teachers, weights, 2.0), student)
    apart = sum(weights[0, k] * soft_target_loss(student, teachers[k], 2.0) for k in range(2))
    (summed,) = torch.autograd.grad(apart, student)
    assert torch.allclose(together, summed, atol=1e-12)


def test_confidence_by_hand():
    # exp(cross-entropy) is 1 / p of the label: 2, 4 and 10 of a sum of 16.
    teachers = torch.stack([log_of([0.5, 0.5]), log_of([0.25, 0.75]), log_of([0.1, 0.9])])
    result = confidence_weights(teachers, torch.tensor([0]))
    assert result.tolist()[0] == pytest.approx([(1 - 2 / 16) / 2, (1 - 4 / 16) / 2, (1 - 10 / 16) / 2])


def test_weights_sum_to_one_and_alone_a_teacher_has_all():
    teachers = logits(3, 3, 4)
    for weights in (equal_weights(teachers), confidence_weights(teachers, LABELS), Gate(3, 4).double()(teachers)):
        assert weights.shape == (3, 3)
        assert torch.allclose(weights.sum(-1).double(), torch.ones(3, dtype=torch.float64), atol=1e-6)
    assert confidence_weights(teachers[:1], LABELS).tolist() == [[1.0]] * 3
    shifted = confidence_weights(teachers + 3.0, LABELS)
    assert torch.allclose(shifted, confidence_weights(teachers, LABELS), atol=1e-12)


def test_the_gate_starts_as_the_average_and_learns_whom_to_trust():
    # Teacher 0 is right on the first label, teacher 1 on the second; each is unsure of the other.
    teachers = torch.stack([log_of([0.9, 0.1], [0.5, 0.5]), log_of([0.5, 0.5], [0.1, 0.9])]).float()
    labels, gate = torch.tensor([0, 1]), Gate(2, 2)
    assert torch.allclose(gate(teachers), equal_weights(teachers))
    assert gate_loss(teachers, gate(teachers), labels).item() == pytest.approx(-math.log(0.7), abs=1e-6)
    optimizer = torch.optim.SGD(gate.parameters(), lr=2.0)
    for _ in range(300):
        optimizer.zero_grad()
        gate_loss(teachers, gate(teachers), labels).backward()
        optimizer.step()
    weights = gate(teachers)
    assert weights[0, 0] > 0.9 and weights[1, 1] > 0.9


def test_gate_loss_has_right_gradients():
    teachers, score = logits(2, 3, 4), logits(3, 2, seed=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda raw: gate_loss(teachers, torch.softmax(raw, -1), LABELS), (score,))


def test_lots_are_drawn_by_seed_and_epoch_alone():
    def drawn(seed: int, progress: float) -> list[int]:
        index = torch.arange(200)
        return Lots(3, 200, seed, epochs=4)(Batch({}, index, index, 0, progress)).tolist()

    assert drawn(1, 0.30) == drawn(1, 0.45)  # both in the second of four epochs
    assert drawn(1, 0.30) != drawn(1, 0.55)
    assert drawn(1, 0.30) != drawn(2, 0.30)
    assert min(drawn(1, 0.0).count(teacher) for teacher in range(3)) > 40


@pytest.mark.parametrize("weighting", ["average", "confidence", "gate", "random"])
def test_the_student_learns_from_teachers_of_two_architectures(bench, weighting):
    recipe = digits_recipe("ensemble", others="same, resnet-tiny", weighting=weighting)
    assert learned(bench, recipe, "ensemble")["validation"] > 90
    step = next(step for step in bench.plan(recipe) if step.name == "ensemble")
    shares = bench.store.artifacts.manifest(step.digest).summary["teacher_weights"]
    assert len(shares) == 3 and sum(shares) == pytest.approx(1, abs=1e-3)
    if weighting == "average":
        assert shares == pytest.approx([1 / 3] * 3, abs=1e-3)


def test_each_teacher_is_measured_and_the_recipes_own_is_the_baseline(bench):
    recipe = digits_recipe("ensemble", others="cnn-small, same")
    recipe["stages"].append({"measure": {"speed": False}})
    plan = {step.name: step for step in bench.plan(recipe)}
    teachers = [step for step in plan.values() if step.role == "teacher" and step.produces == "model"]
    assert [step.label for step in teachers] == ["CNN medium", "CNN small, teacher 2", "CNN medium, teacher 3"]
    assert [step.settings["seed"] for step in teachers] == [0, 0, 1]
    assert plan["ensemble"].inputs == {
        "teacher": "teach",
        "outputs": "ensemble.outputs",
        "outputs_1": "ensemble.outputs.ensemble.teacher.2",
        "outputs_2": "ensemble.outputs.ensemble.teacher.3",
    }
    measured = [step for step in plan.values() if step.produces == "measurements"]
    assert {step.inputs["baseline"] for step in measured} == {"export.teach"}
    assert next(iter(measured)).name == "measure.teach"


def test_further_teachers_are_rows_of_their_own(bench):
    recipe = digits_recipe("ensemble", others="cnn-small")
    recipe["stages"].append({"measure": {"speed": False}})
    run = bench.run(recipe)
    assert run.state is RunState.SUCCEEDED, run.error
    result = bench.measured(run)
    assert result.keys() == {"teach", "ensemble.teacher.2", "ensemble"}
    # Measured: 98, 60 (a small network needs more than these epochs) and 94 %.
    graph = bench.folder(run, "export.teach") / "model.onnx"
    with pytest.raises(RecipeError, match="black box"):
        bench.plan(digits_recipe("ensemble", others=f"onnx:{graph}"))
    with pytest.raises(RecipeError, match="provides predictions only"):
        bench.plan(digits_recipe("ensemble", teacher=f"onnx:{graph}"))
    planned = {step.name for step in bench.plan(digits_recipe("ensemble", teacher=f"onnx:{graph}", others="cnn-small"))}
    assert planned >= {"teacher", "ensemble.teacher.2", "ensemble"}
    assert result["ensemble"]["accuracy"].value > 90 > result["ensemble.teacher.2"]["accuracy"].value > 40


def test_what_cannot_teach_is_refused_in_words(bench):
    for others, words in (
        ("", "wants one to 7 other teachers"),
        ("bilstm-128", "takes text, but"),
        ("cnn-medum", "Did you mean 'cnn-medium'"),
    ):
        with pytest.raises(RecipeError, match=words):
            bench.plan(digits_recipe("ensemble", others=others))
    with pytest.raises(RecipeError, match="Leave 'cache_teacher' out"):
        bench.plan(digits_recipe("ensemble", cache_teacher=False))


def test_a_teacher_of_another_task_is_refused(bench):
    run = bench.run({"task": "digits", "teacher": "cnn-small", "stages": [{"teach": {"epochs": 0}}]})
    other = bench.settings.artifacts / "ee" / ("e" * 64)
    shutil.copytree(bench.folder(run, "teach"), other)
    described = other / "model.json"
    described.chmod(0o644)
    described.write_text(described.read_text().replace('"0"', '"zero"'))
    with pytest.raises(RecipeError, match="labels are not those of"):
        bench.plan(digits_recipe("ensemble", others=f"artifact:{other.name}"))
