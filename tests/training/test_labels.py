"""The share of labels: which examples keep theirs, and that nobody sees what is hidden."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdui.core.plan import Step
from kdui.methods.distill.distill.apply import train_control
from kdui.methods.teach.teach.apply import teach
from kdui.models.module_store import load_model
from kdui.settings import Settings
from kdui.tasks.examples import Examples
from kdui.training.context import QuietReporter, StepContext, TaskData
from kdui.training.device_dataset import ResidentData
from kdui.training.labels import HIDDEN, labelled_examples, true_labels
from tests.engine.digits import Bench
from tests.methods.taught import STUDENT
from tests.training.digits import CPU, FACTS, same_weights, splits

SHARE = 0.2


def labels_of(count: int = 400, classes: int = 5) -> np.ndarray:
    return np.random.default_rng(0).choice(classes, count, p=[0.5, 0.3, 0.1, 0.09, 0.01])


@given(share=st.floats(0.01, 1.0, allow_subnormal=False), seed=st.integers(0, 50))
def test_every_class_keeps_its_share_and_at_least_one(share, seed):
    targets = np.random.default_rng(seed).integers(0, 4, 120)
    shown = labelled_examples(targets, share)
    assert shown.tolist() == sorted(set(shown.tolist()))
    for label, count in enumerate(np.bincount(targets)):
        assert (targets[shown] == label).sum() == max(1, round(share * count))


def test_the_same_examples_every_time_and_a_larger_share_holds_a_smaller_one():
    targets = labels_of()
    small, large = labelled_examples(targets, 0.1), labelled_examples(targets, 0.35)
    assert np.array_equal(small, labelled_examples(targets, 0.1))
    assert set(small) < set(large) < set(labelled_examples(targets, 1.0)) == set(range(400))


def test_hidden_labels_are_replaced():
    targets = labels_of()
    message = true_labels(targets, 0.1)
    assert np.array_equal(message.drawn, labelled_examples(targets, 0.1))
    assert np.array_equal(message.targets[message.drawn], targets[message.drawn])
    assert set(np.delete(message.targets, message.drawn)) == {HIDDEN}
    assert len(true_labels(targets, 0.1, draw_all=True).drawn) == 400


def test_an_epoch_over_few_labels_has_the_steps_of_a_whole_one():
    data = ResidentData({"pixels": np.zeros((50, 1, 2, 2), np.float32)}, np.arange(50), CPU)
    plain = data.batches(8, 3, 0)
    data.set_labels(true_labels(np.arange(50) % 5, 0.2))
    few = data.batches(8, 3, 0)
    assert [len(batch) for batch in few] == [len(batch) for batch in plain]
    counts = torch.bincount(torch.cat(few), minlength=50)
    shown = labelled_examples(np.arange(50) % 5, 0.2)
    assert counts[shown].tolist() == [5] * 10  # gone through five times
    assert counts.sum() == 50
    assert torch.equal(torch.cat(few), torch.cat(data.batches(8, 3, 0)))
    assert not torch.equal(torch.cat(few), torch.cat(data.batches(8, 3, 1)))


def test_batches_by_length_go_through_the_labelled_texts_alone():
    mask = np.tril(np.ones((30, 30), np.int64))
    data = ResidentData({"input_ids": mask, "attention_mask": mask}, np.arange(30), CPU)
    data.set_labels(true_labels(np.arange(30) % 3, 0.3))
    batches = data.batches(4, 0, 0)
    assert sum(len(batch) for batch in batches) == 30
    assert set(torch.cat(batches).tolist()) == set(labelled_examples(np.arange(30) % 3, 0.3).tolist())


# --- nobody sees what is hidden -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("labels"))
    knobs = {**STUDENT, "epochs": 1, "labels": SHARE, "control": True}
    recipe = {
        "task": "digits",
        "teacher": "cnn-small",
        "student": "cnn-tiny",
        "stages": [{"teach": {"epochs": 1, "labels": SHARE}}, {"distill": knobs}],
    }
    return SimpleNamespace(bench=bench, steps={step.name: step for step in bench.plan(recipe)}, recipe=recipe)


def with_hidden_labels(scrambled: bool) -> TaskData:
    """The digits; ``scrambled``: every hidden label of the training split is another one."""
    result = dict(splits())
    if scrambled:
        targets = result["train"].targets.copy()
        hidden = np.setdiff1d(np.arange(len(targets)), labelled_examples(targets, SHARE))
        targets[hidden] = (targets[hidden] + 1 + np.arange(len(hidden)) % 9) % 10
        result["train"] = Examples(result["train"].inputs, targets)
    return TaskData(FACTS, result)


def shown_alone(data: TaskData, monkeypatch) -> TaskData:
    """Scrambling changes the size of the classes, so which examples are shown is taken from the ground-truth labels."""
    shown = labelled_examples(splits()["train"].targets, SHARE)
    monkeypatch.setattr("kdui.training.labels.labelled_examples", lambda targets, share: shown)
    return data


@pytest.mark.parametrize(("name", "operation"), [("teach", teach), ("distill.control", train_control)])
def test_neither_teacher_nor_control_sees_a_hidden_label(planned, tmp_path, monkeypatch, name, operation):
    models = []
    for scrambled in (False, True):
        out = tmp_path / str(scrambled)
        out.mkdir()
        data = shown_alone(with_hidden_labels(scrambled), monkeypatch)
        operation(context_of(planned.steps[name], data, out, planned.bench.settings))
        models.append(load_model(out)[0])
    assert same_weights(*models)


def context_of(step: Step, data: TaskData, out: Path, settings: Settings) -> StepContext:
    return StepContext(step, data, CPU, {}, out, out / "checkpoint", QuietReporter(), settings)


def test_equal_epochs_are_equal_steps(planned):
    run = planned.bench.run(planned.recipe)
    whole = planned.bench.run(planned.recipe, {"teach.labels": 1.0, "distill.labels": 1.0})
    for step in ("teach", "distill", "distill.control"):
        few, all_labels = (planned.bench.summary(step_summary, step)["training"] for step_summary in (run, whole))
        assert (few["steps"], few["epochs"]) == (all_labels["steps"], all_labels["epochs"])


def test_all_labels_leave_the_digests_of_earlier_artifacts_alone(planned):
    plain = {**planned.recipe, "stages": [{"teach": {"epochs": 1}}, {"distill": {"epochs": 1}}]}
    spelled = {**planned.recipe, "stages": [{"teach": {"epochs": 1, "labels": 1}}, {"distill": {"epochs": 1, "labels": 1.0}}]}
    assert [step.digest for step in planned.bench.plan(plain)] == [step.digest for step in planned.bench.plan(spelled)]
    assert all("labels" not in step.settings for step in planned.bench.plan(plain))
