"""Kept teacher outputs: what is read back is what was said, from memory or from the file, whole or the largest alone."""

import errno
import os
from typing import Any

import numpy as np
import pytest
import torch

from kdui.catalogue.planner import plan_recipe
from kdui.core.errors import StageFailed
from kdui.core.run import Run, RunState
from kdui.engine.pipeline import Pipeline
from kdui.engine.reporter import RunReporter
from kdui.store.artifacts import ArtifactStore
from kdui.training.teacher_outputs import OutputsWriter, TeacherOutputs, write_outputs
from tests.engine.digits import Bench, digest_of
from tests.store.made import facts

CPU = torch.device("cpu")
INDEX = torch.tensor([4, 0, 4])


def kept(settings, outputs: np.ndarray, **options: int) -> TeacherOutputs:
    store = ArtifactStore(settings)
    with store.draft(facts("one")["digest"]) as folder:
        write_outputs(folder, outputs, **options)
        return TeacherOutputs(store.commit(folder, facts("one")), CPU)


def rows(classes: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 4, (2, 6, classes)).astype(np.float32)


@pytest.mark.parametrize("resident", [True, False])
def test_outputs_are_read_back_by_view_and_example(settings, monkeypatch, resident):
    if not resident:
        monkeypatch.setattr(TeacherOutputs, "RESIDENT_BYTES", 0)
    outputs = rows(5)
    result = kept(settings, outputs)
    assert (result.views, result.count) == (2, 6)
    assert torch.equal(result(INDEX, 3), torch.from_numpy(outputs[1, [4, 0, 4]].astype(np.float16)).float())


@pytest.mark.parametrize("resident", [True, False])
def test_of_many_classes_the_largest_keep_their_probability(settings, monkeypatch, resident):
    if not resident:
        monkeypatch.setattr(TeacherOutputs, "RESIDENT_BYTES", 0)
    outputs = rows(50)
    result = kept(settings, outputs, many=20, top=8)(INDEX, 0)
    whole = torch.softmax(torch.from_numpy(outputs[0, [4, 0, 4]]), -1)
    largest = whole.topk(8).indices
    assert result.shape == (3, 50)
    assert torch.allclose(torch.softmax(result, -1).gather(-1, largest), whole.gather(-1, largest), atol=2e-3)
    # The rest of the mass is shared evenly by the classes that were not kept.
    others = torch.softmax(result, -1).scatter(-1, largest, 0.0)
    assert others.sum(-1) == pytest.approx((1 - whole.gather(-1, largest).sum(-1)).numpy(), abs=2e-3)
    assert int((others > 0).sum()) == 3 * 42


@pytest.mark.parametrize("options", [{}, {"many": 20, "top": 8}])
def test_written_in_batches_the_files_are_those_of_the_whole(tmp_path, options):
    outputs = rows(50)
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    write_outputs(tmp_path / "whole", outputs, **options)
    writer = OutputsWriter(tmp_path / "parts", 2, 6, **options)
    for view in (1, 0):
        for examples in ([5, 0, 2], [1], [3, 4]):
            writer.write(view, np.array(examples), outputs[view, examples])
    assert writer.close() == (2, 6, 50)
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "parts").iterdir()) and len(names) == (4 if options else 1)
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    if not options:  # what np.save would have written
        np.save(tmp_path / "plain.npy", outputs.astype(np.float16))
        assert (tmp_path / "plain.npy").read_bytes() == (tmp_path / "whole" / "outputs.npy").read_bytes()


# --- in a run -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("outputs"))


def distilled(bench: Bench, teach: int = 1, must_succeed: bool = True, **settings: Any) -> Run:
    """One epoch of soft targets, from a teacher of this many epochs."""
    stages = [{"teach": {"epochs": teach}}, {"distill": {"epochs": 1, "control": False, **settings}}]
    run = bench.run({"task": "digits", "teacher": "cnn-small", "student": "cnn-tiny", "stages": stages})
    assert not must_succeed or run.state is RunState.SUCCEEDED, run.error
    return run


def fed_with(bench: Bench, run: Run, other: Run) -> None:
    """Train the student of one run on the kept answers of another."""
    plan, theirs = ({step.name: step for step in plan_recipe(item.recipe, bench.settings)} for item in (run, other))
    student = plan["distill"].model_copy(update={"digest": "0" * 64})
    steps = [plan["teach"], theirs["distill.outputs"], student]
    Pipeline(bench.store, run, steps, CPU, RunReporter(bench.store, run.id, {}))._make(student)


def test_the_answers_of_another_teacher_are_refused(bench):
    with pytest.raises(StageFailed, match=r"belong to another teacher\. Run the recipe again"):
        fed_with(bench, distilled(bench), distilled(bench, teach=2))


def test_answers_to_fewer_examples_are_refused(bench):
    with pytest.raises(StageFailed, match=r"10 values on 64 examples, but .* trains on 1,259 examples\. Name a teacher"):
        fed_with(bench, distilled(bench), distilled(bench, train_examples=64))


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve room on a disk")
def test_a_full_disk_in_the_middle_of_caching_fails_in_words_and_leaves_nothing(bench, monkeypatch):
    calls = []

    def fails(number: int, offset: int, length: int) -> None:
        calls.append(length)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", fails)
        run = distilled(bench, teach=3, must_succeed=False)
    assert run.state is RunState.FAILED
    assert "The disk is full" in run.error and "then resume" in run.error
    assert calls == [128 + 1259 * 10 * 2]
    assert not bench.store.artifacts.has(digest_of(run, "distill.outputs"))
    assert list((bench.settings.artifacts / "drafts").iterdir()) == []
    bench.store.runs.transition(run.id, RunState.QUEUED)
    assert bench.work_off(run).state is RunState.SUCCEEDED


def test_answers_never_lie_in_memory_as_a_whole(bench, monkeypatch):
    largest = []
    write = OutputsWriter.write

    def seen(self, view, examples, outputs):
        largest.append(len(outputs))
        write(self, view, examples, outputs)

    monkeypatch.setattr(OutputsWriter, "write", seen)
    distilled(bench, teach=4, augment=True, views=2)
    assert max(largest) <= 256 and sum(largest) == 2 * 1259
