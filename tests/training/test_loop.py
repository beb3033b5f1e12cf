"""The one training loop: it learns, repeats itself to the bit, continues exactly where it stopped, and says what went wrong."""

from dataclasses import replace

import pytest
import torch

from kdui.core.errors import Cancelled, StageFailed
from kdui.core.knobs.training import TrainingKnobs
from kdui.core.metric import ACCURACY, Metric
from kdui.problems.classification.problem import Classification
from kdui.training import loop
from kdui.training.checkpoint import FILE, save_checkpoint
from kdui.training.context import QuietReporter
from kdui.training.loop import make_optimizer
from tests.training.digits import Small, same_weights, trainer


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """The sums of several threads may be added up in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stopped(folder, at: float, **knobs) -> Small:
    """A training that is cancelled once ``at`` of its steps are done."""
    report = QuietReporter()
    report.stop_at = lambda fraction: fraction >= at
    fit = trainer(folder, report=report, **knobs)
    with pytest.raises(Cancelled):
        fit.run()
    return fit.model


def test_it_learns_and_keeps_the_best_epoch():
    fit = trainer(limit=0, epochs=4)
    summary = fit.run()
    assert summary["validation"] > 90
    assert (summary["epochs"], summary["steps"], summary["examples_seen"]) == (4, 4 * 40, 4 * 1259)
    assert summary["validation"] == max(entry["validation"] for entry in summary["history"])
    assert [entry["epoch"] for entry in summary["history"]] == [0, 1, 2, 3, 4]
    scored = loop.predict(fit.model, fit.validation).argmax(-1) == fit.validation.targets.numpy()
    assert 100 * scored.mean() == pytest.approx(summary["validation"])
    assert not fit.model.training


WRONG = Metric(name="wrong", title="Wrong answers", unit="%", higher_is_better=False)


class Wrong(Classification):
    """Judged by the share of wrong answers, of which less is better."""

    def headline(self, outputs, targets):
        return 100.0 - super().headline(outputs, targets)


def test_of_a_metric_where_less_is_better_the_lowest_epoch_is_kept(tmp_path):
    usual, inverted = trainer(epochs=4), replace(trainer(epochs=4), problem=Wrong(), metric=WRONG)
    highest, lowest = usual.run(), inverted.run()
    assert lowest["validation"] == min(entry["validation"] for entry in lowest["history"]) < 90
    assert (lowest["best_epoch"], lowest["validation"]) == (highest["best_epoch"], pytest.approx(100 - highest["validation"]))
    assert same_weights(inverted.model, usual.model)


def test_a_resumed_training_continues_with_the_best_of_a_metric_where_less_is_better(tmp_path):
    whole = replace(trainer(epochs=4), problem=Wrong(), metric=WRONG)
    whole.run()
    report = QuietReporter()
    report.stop_at = lambda fraction: fraction >= 0.8
    with pytest.raises(Cancelled):
        replace(trainer(tmp_path, report=report, epochs=4), problem=Wrong(), metric=WRONG).run()
    resumed = replace(trainer(tmp_path, model=Small(seed=9), epochs=4), problem=Wrong(), metric=WRONG)
    summary = resumed.run()
    assert summary["validation"] == min(entry["validation"] for entry in whole.history)
    assert same_weights(resumed.model, whole.model)


@pytest.mark.parametrize(("metric", "better"), [(ACCURACY, (91.0, 0.5)), (WRONG, (89.0, 0.5))])
def test_ties_go_to_the_lower_loss_and_patience_counts_from_the_better_epoch(metric, better):
    fit = replace(trainer(patience=1), metric=metric)
    fit._best_loss = 0.4
    assert fit._is_better(*better, 90.0) and not fit._is_better(180.0 - better[0], 0.1, 90.0)
    assert fit._is_better(90.0, 0.3, 90.0) and not fit._is_better(90.0, 0.4, 90.0)
    assert not fit._is_better(float("nan"), 0.1, 90.0)


def test_same_seed_same_weights_other_seed_others():
    one, again, other = (trainer(seed=seed) for seed in (0, 0, 1))
    for result in (one, again, other):
        result.run()
    assert same_weights(one.model, again.model)
    assert not same_weights(one.model, other.model)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("at", [0.2, 0.5, 0.9])
def test_resuming_in_the_middle_of_an_epoch_ends_with_the_same_bits(tmp_path, monkeypatch, at, optimizer):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    whole = trainer(optimizer=optimizer)
    whole.run()
    stopped(tmp_path, at, optimizer=optimizer)
    report = QuietReporter()
    resumed = trainer(tmp_path, report=report, model=Small(seed=99), optimizer=optimizer)
    summary = resumed.run()
    assert any("Goes on from its checkpoint" in line for line in report.lines)
    assert same_weights(resumed.model, whole.model)
    assert summary["history"] == whole.history
    assert summary["steps"] == 3 * 13


def test_a_cancel_loses_not_a_step(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 1e9)
    whole = trainer()
    whole.run()
    stopped(tmp_path, 2 / 3)  # by the report at the end of the second epoch, before it was evaluated
    report = QuietReporter()
    resumed = trainer(tmp_path, report=report)
    resumed.run()
    assert [at for at, _ in report.metrics] == [2.0, 3.0]
    assert min(at for at, _ in report.losses) > 2
    assert same_weights(resumed.model, whole.model)


def test_a_kill_goes_back_to_the_checkpoint_and_ends_alike(tmp_path, monkeypatch):
    whole = trainer()
    whole.run()
    report = QuietReporter()

    def killed(fraction):
        if fraction > 0.5:
            raise KeyboardInterrupt

    monkeypatch.setattr(report, "progress", killed)
    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path, report=report).run()
    resumed = trainer(tmp_path, report=(after := QuietReporter()))
    resumed.run()
    assert [at for at, _ in after.metrics] == [2.0, 3.0]
    assert same_weights(resumed.model, whole.model)


def test_a_finished_training_is_not_done_again(tmp_path):
    done = trainer(tmp_path)
    done.run()
    report = QuietReporter()
    again = trainer(tmp_path, report=report, model=Small(seed=5))
    again.run()
    assert report.losses == []
    assert same_weights(again.model, done.model)


def test_a_torn_checkpoint_is_passed_over(tmp_path):
    trainer(tmp_path).run()
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:1000])
    report = QuietReporter()
    fit = trainer(tmp_path, report=report)
    assert fit.run()["epochs"] == 3
    assert [line.partition(" (")[0] for line in report.lines] == ["The checkpoint cannot be read"]


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(tmp_path, monkeypatch):
    trainer(tmp_path).run()
    before = (tmp_path / FILE).read_bytes()

    def killed(tensors, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("kdui.training.checkpoint.save_file", killed)
    model = Small(1)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, model, make_optimizer(model, TrainingKnobs()), {}, {})
    assert (tmp_path / FILE).read_bytes() == before


def test_patience_stops_early():
    fit = trainer(learning_rate=1e-9, schedule="constant", epochs=50, patience=2)
    summary = fit.run()
    assert summary["epochs"] < 50
    assert summary["epochs"] - summary["best_epoch"] == 2


def test_zero_epochs_leave_the_model_as_it_is():
    fit = trainer(epochs=0)
    before = Small(0)
    summary = fit.run()
    assert (summary["steps"], summary["epochs"]) == (0, 0)
    assert 0 <= summary["validation"] <= 100
    assert same_weights(fit.model, before)


def test_a_loss_that_is_no_number_is_reported_with_what_to_do():
    fit = trainer(learning_rate=10, optimizer="sgd", schedule="constant", epochs=6)
    fit.losses = lambda outputs, batch: {"total": outputs.exp().exp().mean()}
    with pytest.raises(StageFailed, match=r"no longer a number in epoch 1\. Lower the learning rate \(now 10\)"):
        fit.run()


def test_named_losses_are_reported_and_only_total_is_minimized():
    report = QuietReporter()
    fit = trainer(report=report, epochs=1)
    plain = fit.losses
    fit.losses = lambda outputs, batch: {**plain(outputs, batch), "distance": outputs.square().mean()}
    fit.run()
    assert {"total", "distance"} == set(report.losses[-1][1])
    assert report.losses[-1][0] == 1.0
    assert {"validation", "validation_loss"} == set(report.metrics[-1][1])


def test_after_step_runs_once_an_update():
    fit = trainer(epochs=2)
    calls = []
    fit.after_step = lambda progress: calls.append(1)
    fit.run()
    assert len(calls) == 2 * 13


def test_a_companion_is_trained_at_its_rate_and_no_part_of_the_result():
    def trained(rate: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        fit = trainer(epochs=1, schedule="constant", optimizer="sgd", learning_rate=0.01)
        mixer = torch.nn.Linear(10, 10)
        with torch.no_grad():
            mixer.weight.copy_(torch.eye(10))
            mixer.bias.zero_()
        fit.companion, fit.companion_rate = mixer, rate
        fit.losses = lambda outputs, batch: {"total": torch.nn.functional.cross_entropy(mixer(outputs), batch.targets)}
        fit.run()
        return mixer.weight.detach() - torch.eye(10), fit.model.state_dict()

    still, state = trained(0.0)
    moved, _ = trained(1.0)
    assert still.abs().max() == 0
    assert moved.abs().max() > 1e-3
    assert state.keys() == Small().state_dict().keys()


def test_a_training_with_a_companion_continues_exactly(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)

    def beside(folder=None, stop_at: float | None = None) -> tuple[Small, torch.nn.Module]:
        report = QuietReporter()
        if stop_at is not None:
            report.stop_at = lambda fraction: fraction >= stop_at
        fit, peer = trainer(folder, report=report), Small(seed=1)
        fit.companion, fit.companion_rate = peer, 0.5

        def losses(outputs: torch.Tensor, batch: loop.Batch) -> loop.Losses:
            both = [torch.nn.functional.cross_entropy(one, batch.targets) for one in (outputs, peer(**batch.inputs))]
            return {"total": sum(both) + (outputs - peer(**batch.inputs)).square().mean()}

        fit.losses = losses
        if stop_at is None:
            fit.run()
        else:
            with pytest.raises(Cancelled):
                fit.run()
        return fit.model, peer

    whole, its_peer = beside()
    beside(tmp_path, stop_at=0.5)
    resumed, other_peer = beside(tmp_path)
    assert same_weights(whole, resumed)
    assert same_weights(its_peer, other_peer)
