"""Runs that are stopped, resumed or fail: nothing is lost, repeats are equal to the bit, reasons are told in words."""

import errno
import os
from functools import partial

import pytest

from kdui.core.errors import Cancelled
from kdui.core.run import RunState
from kdui.engine.reporter import RunReporter
from kdui.methods.deliver.export import parity
from kdui.training import loop
from tests.engine.digits import SHORT, Bench, states


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path / "home")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The weights of the short recipe, never stopped."""
    bench = Bench(tmp_path_factory.mktemp("undisturbed"))
    return weights(bench, bench.run(SHORT))


def weights(bench, run) -> dict[str, bytes]:
    assert run.state is RunState.SUCCEEDED, run.error
    return {step: (bench.folder(run, step) / "model.safetensors").read_bytes() for step in ("teach", "distill")}


def test_the_same_recipe_gives_the_same_bytes_in_another_store(bench, undisturbed):
    assert weights(bench, bench.run(SHORT)) == undisturbed


def test_a_seed_of_its_own_gives_another_student_of_the_same_teacher(bench, undisturbed):
    finished_run = weights(bench, bench.run(SHORT, {"seed": 1}))
    assert finished_run["teach"] == undisturbed["teach"]
    assert finished_run["distill"] != undisturbed["distill"]


@pytest.mark.parametrize("where", ["teach", "distill"])
def test_a_stopped_run_continues_from_its_checkpoint_to_the_same_bytes(bench, undisturbed, monkeypatch, where):
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    progress = RunReporter.progress

    def stop(self, fraction):
        progress(self, fraction)
        if self._step == where and fraction >= 0.6:
            raise Cancelled("asked")

    with monkeypatch.context() as patch:
        patch.setattr(RunReporter, "progress", stop)
        run = bench.run(SHORT)
    assert run.state is RunState.INTERRUPTED  # nobody asked in the store, so it may continue on its own
    assert states(run)[where] == "waiting"
    assert list((bench.store.folder(run.id) / "checkpoints").glob("*/checkpoint.safetensors"))
    run = bench.work_off(run)
    assert weights(bench, run) == undisturbed
    assert states(run) == {
        "teach": "done" if where == "teach" else "cached",
        "distill.outputs": "done" if where == "teach" else "cached",
        "distill": "done",
    }
    assert sum("Goes on from its checkpoint" in line for line in bench.said(run)) == 1
    assert list((bench.store.folder(run.id) / "checkpoints").glob("*")) == []


def test_a_damaged_checkpoint_gives_the_same_bytes_from_the_beginning(bench, undisturbed, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    progress = RunReporter.progress

    def stop(self, fraction):
        progress(self, fraction)
        if self._step == "distill" and fraction >= 0.6:
            raise Cancelled("asked")

    with monkeypatch.context() as patch:
        patch.setattr(RunReporter, "progress", stop)
        run = bench.run(SHORT)
    (checkpoint,) = (bench.store.folder(run.id) / "checkpoints").glob("*/checkpoint.safetensors")
    data = bytearray(checkpoint.read_bytes())
    data[len(data) * 6 // 10] ^= 1
    checkpoint.write_bytes(data)
    assert weights(bench, bench.work_off(run)) == undisturbed
    message = "The checkpoint does not match its checksum, so this training starts again from its beginning."
    assert sum(message in line for line in bench.said(run)) == 1


def test_a_full_disk_fails_the_run_in_words_and_a_resume_goes_on(bench, monkeypatch):
    commit = bench.store.artifacts.commit

    def full(folder, facts):
        if facts["method"] == "distill" and facts["operation"] == "distill":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return commit(folder, facts)

    monkeypatch.setattr(bench.store.artifacts, "commit", full)
    run = bench.run(SHORT)
    assert run.state is RunState.FAILED
    assert "The disk is full" in run.error and "then resume" in run.error
    assert states(run) == {"teach": "done", "distill.outputs": "done", "distill": "failed"}
    assert list((bench.store.artifacts.root / "drafts").iterdir()) == []
    monkeypatch.undo()
    bench.store.runs.transition(run.id, RunState.QUEUED)
    run = bench.work_off(run)
    assert (run.state, run.error) == (RunState.SUCCEEDED, None)
    assert states(run) == {"teach": "cached", "distill.outputs": "cached", "distill": "done"}


def test_a_loss_that_is_no_number_fails_the_run_with_advice(bench, monkeypatch):
    monkeypatch.setattr(
        "kdui.problems.classification.problem.Classification.loss",
        lambda self, outputs, targets: outputs.sum() * float("nan"),
    )
    run = bench.run({**SHORT, "student": None, "stages": [{"teach": {"epochs": 1, "learning_rate": 0.5}}]})
    assert (run.state, states(run)) == (RunState.FAILED, {"teach": "failed"})
    assert run.error == "The loss is no longer a number in epoch 1. Lower the learning rate (now 0.5)."
    assert bench.store.events(run.id).read()[0][-1].text == run.error


def test_a_graph_that_answers_otherwise_than_the_module_is_refused(bench, monkeypatch):
    recipe = {**SHORT, "student": None, "stages": [{"teach": {"epochs": 0}}, "export"]}
    real = parity.open_session

    class Wrong:
        """A session whose answers are changed on their way out."""

        def __init__(self, change, path, **options):
            self.change, self.session = change, real(path, **options)

        def run(self, names, arrays):
            return [self.change(result) for result in self.session.run(names, arrays)]

    for wrong in (lambda found: found + 0.5, lambda found: found * float("nan")):
        monkeypatch.setattr(parity, "open_session", partial(Wrong, wrong))
        run = bench.run(recipe)
        assert run.state is RunState.FAILED
        assert "The ONNX graph differs from PyTorch by" in run.error and "0.001 is allowed" in run.error
    monkeypatch.undo()
    assert bench.run(recipe).state is RunState.SUCCEEDED


def test_what_nobody_foresaw_is_reported_with_where_to_read_more(bench, monkeypatch, capsys):
    def broken(context):
        raise RuntimeError("a fault\nwith a second line")

    monkeypatch.setattr("kdui.methods.teach.teach.apply.teach", broken)
    run = bench.run(SHORT)
    assert run.state is RunState.FAILED
    assert run.error.startswith("Unexpected RuntimeError: a fault. The run's log has the details")
    assert "Traceback" in capsys.readouterr().err
