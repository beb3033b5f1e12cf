"""The one training loop: named losses, best epoch by validation, checkpoint and exact resume."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdui.core.errors import ArtifactCorrupt, Cancelled, StageFailed
from kdui.core.knobs.training import TrainingKnobs
from kdui.core.metric import Metric
from kdui.core.problem import Learning
from kdui.store.artifacts import clear
from kdui.training.checkpoint import FILE as CHECKPOINT_FILE
from kdui.training.checkpoint import load_checkpoint, save_checkpoint
from kdui.training.context import Reporter
from kdui.training.device import autocast
from kdui.training.device_dataset import ResidentData
from kdui.training.dropout import quick_dropout
from kdui.training.packing import packed
from kdui.training.predicting import predict
from kdui.training.recomputation import recomputed
from kdui.training.regularization import dropout_rate, penalties

CHECKPOINT_EVERY = 20.0  # s between checkpoints inside an epoch: what a killed worker loses at the most
CHECKPOINT_SHARE = 0.05  # of the time may go into checkpoints after epochs: one on a GPU may be shorter than its checkpoint takes
REPORT_EVERY = 0.5  # s between loss points


@dataclass(frozen=True)
class Batch:
    """One training batch: model inputs, targets [batch], which examples they are, which view of them, and when.

    ``progress`` is the share of the whole training that is done, in [0, 1): schedules of losses read it.
    """

    inputs: dict[str, torch.Tensor]
    targets: torch.Tensor
    index: torch.Tensor
    view: int
    progress: float = 0.0


Losses = dict[str, torch.Tensor]
LossFunction = Callable[[Any, Batch], Losses]  # must hold "total"; the other names become chart series


# By which a training without a headline metric of its own is judged.
LOSS = Metric(name="loss", title="Validation loss", unit="nats", higher_is_better=False)


@dataclass
class Trainer:
    """Trains one model on resident data.

    ``losses(outputs, batch)`` gives named scalar tensors, of which ``total`` is minimized; ``views`` is the number of fixed
    augmented views to go round (0: a fresh view each epoch); ``after_step(progress)`` runs after each update (masks of pruned
    weights). ``companion`` holds what is trained beside the model but is no part of the result: projectors, a peer, a teacher;
    its learning rate is ``companion_rate`` times the model's.
    Before the share ``settled_at`` of the training is done, no epoch may become the best (the model is still being compressed).
    ``problem`` scores the validation data; ``metric`` is the score, and decides which of two epochs is better.
    """

    model: nn.Module
    data: ResidentData
    validation: ResidentData
    problem: Learning
    metric: Metric
    losses: LossFunction
    knobs: TrainingKnobs
    seed: int
    report: Reporter
    checkpoint: Path | None = None
    views: int = 0
    after_step: Callable[[float], None] | None = None
    companion: nn.Module | None = None
    companion_rate: float = 1.0
    settled_at: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """Train to the end and leave the weights of the best validation epoch in the model; returns a summary.

        Its ``step_seconds`` are those of the epochs since the training was last resumed, without validation and checkpoints.

        Raises StageFailed when the loss stops being a number, Cancelled when requested to stop.
        """
        self._prepare()
        self._resume()
        if self.knobs.epochs == 0 or (self._best_score is None and not self._steps_done):
            self._evaluate(0.0)
        try:
            with (
                recomputed(self.model, self.knobs.recompute),
                packed(self.model, self.knobs.packed),
                dropout_rate(self.model, self.knobs.dropout),
                quick_dropout(self._trained(), self.data.device),
            ):
                while self._epoch < self.knobs.epochs and not self._out_of_patience():
                    self._run_epoch()
        except Cancelled:
            self._save()  # a resume continues from this very step
            raise
        self.model.load_state_dict(self._best)
        self.model.eval()
        return {
            "epochs": self._epoch,
            "steps": self._steps_done,
            "best_epoch": self._best_epoch,
            "validation": self._best_score,
            "seconds": round(self._seconds(), 3),
            "step_seconds": round(self._stepping, 3),
            "precision": str(self._precision).removeprefix("torch."),
            "examples_seen": self._epoch * len(self.data),
            "history": self.history,
        }

    # --- setting up --------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        device = self.data.device
        self.model.to(device)
        if any(isinstance(module, nn.Conv2d) for module in self.model.modules()):
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.companion is not None:
            self.companion.to(device)
        self._autocast = autocast(device)
        torch.manual_seed(self.seed)  # dropout
        self._steps_an_epoch = max(1, len(self.data.batches(self.knobs.batch_size, self.seed, 0)))
        self._total_steps = max(1, self._steps_an_epoch * self.knobs.epochs)
        self._optimizer = make_optimizer(self.model, self.knobs, self.companion, self.companion_rate)
        self._epoch, self._position, self._steps_done = 0, 0, 0
        self._precision: torch.dtype | str = ""  # of the outputs in training
        self._best: dict[str, torch.Tensor] = {}
        self._best_score: float | None = None
        self._best_loss, self._best_epoch = math.inf, 0.0
        self._started = self._saved_at = time.monotonic()
        self._seconds_before, self._stepping, self._saving = 0.0, 0.0, 0.0
        # Sums of the named losses over the epoch so far; in fp64, so that a resumed epoch adds up to the same bits.
        self._sums: dict[str, Any] = {}

    def _trained(self) -> nn.Module:
        """All that the optimizer moves and a checkpoint keeps."""
        return self.model if self.companion is None else nn.ModuleDict({"model": self.model, "companion": self.companion})

    def _resume(self) -> None:
        if self.checkpoint is None:
            return
        try:
            loaded = load_checkpoint(self.checkpoint, self._trained(), self._optimizer)
        except ArtifactCorrupt as error:
            self.report.log(f"{error}, so this training starts again from its beginning.")
            clear(self.checkpoint / CHECKPOINT_FILE)
            return
        if loaded is None:
            return
        self._best, facts = loaded
        self._epoch, self._position, self._steps_done = facts["epoch"], facts["position"], facts["steps"]
        self._best_score, self._best_loss, self._best_epoch = facts["best_score"], facts["best_loss"], facts["best_epoch"]
        if self.metric == LOSS and self._best_score is not None:
            self._best_score = self._best_loss  # checkpoints of earlier versions hold its negative
        self.history, self._sums, self._seconds_before = facts["history"], facts["sums"], facts["seconds"]
        self.report.log(
            "Goes on from its checkpoint: "
            f"epoch {self._epoch + self._position / self._steps_an_epoch:.2f} of {self.knobs.epochs}."
        )

    # --- one epoch ---------------------------------------------------------------------------------------------

    def _run_epoch(self) -> None:
        self._trained().train()
        batches = self.data.batches(self.knobs.batch_size, self.seed, self._epoch)
        view = (self._epoch % self.views if self.views else self._epoch) if self.knobs.augment else None
        reported, reported_sums, reported_at = self._position, dict(self._sums), time.monotonic()
        began = reported_at
        for number in range(self._position, len(batches)):
            for name, value in self._step(batches[number], view).items():
                self._sums[name] = self._sums.get(name, 0.0) + value.detach().double()
            self._position, self._steps_done = number + 1, self._steps_done + 1
            if time.monotonic() - reported_at > REPORT_EVERY or number + 1 == len(batches):
                count = self._position - reported
                self._report({name: float(total - reported_sums.get(name, 0.0)) / count for name, total in self._sums.items()})
                reported, reported_sums, reported_at = self._position, dict(self._sums), time.monotonic()
            if time.monotonic() - self._saved_at > CHECKPOINT_EVERY:
                began += self._save()
        self._stepping += time.monotonic() - began
        self._epoch, self._position = self._epoch + 1, 0
        self._evaluate(float(self._epoch))
        self._sums = {}
        ended = self._epoch == self.knobs.epochs or self._out_of_patience()
        if ended or self._saving <= CHECKPOINT_SHARE * (time.monotonic() - self._saved_at):
            self._save()

    def _step(self, index: torch.Tensor, view: int | None) -> Losses:
        progress = self._steps_done / self._total_steps
        rate = self.knobs.learning_rate * schedule_factor(self.knobs.schedule, self._steps_done, self._total_steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["rate"]
        self._optimizer.zero_grad(set_to_none=True)
        losses = self._backward(index, view, progress)
        nn.utils.clip_grad_norm_(self._trained().parameters(), 5.0)
        self._optimizer.step()
        if self.after_step:
            self.after_step(progress)
        return losses

    def _backward(self, index: torch.Tensor, view: int | None, progress: float) -> Losses:
        """The gradients of a batch, in one part or in several: then each counts by what its losses are the mean of."""
        parts = index.chunk(self.knobs.accumulate)
        if len(parts) == 1:
            losses, _ = self._losses(index, view, progress)
            losses["total"].backward()
            return losses
        sums: Losses = {}
        counted = 0
        for part in parts:
            losses, outputs = self._losses(part, view, progress)
            count = self.problem.counted(outputs, self.data.targets[part.to(self.data.device)])
            (losses["total"] * count).backward()
            counted += count
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value.detach() * count
        for parameter in self._trained().parameters():
            if parameter.grad is not None:
                parameter.grad.div_(counted)
        return {name: value / counted for name, value in sums.items()}

    def _losses(self, index: torch.Tensor, view: int | None, progress: float) -> tuple[Losses, Any]:
        """Named losses of these examples, those beside rows and on the weights among them, and the outputs that they are of."""
        targets = self.data.targets_of(index, view)
        batch = Batch(self.data.inputs(index, view), targets, index, view or 0, progress)
        with self._autocast:
            outputs = self.problem.compute(self.model, batch.inputs)
            losses = self.losses(outputs, batch)
            beside = self.problem.beside(outputs, targets)
        self._precision = outputs.dtype
        if extra := {**beside, **penalties(self.model, self.knobs.l1, self.knobs.group_lasso)}:
            losses = {**losses, **extra, "total": torch.stack([losses["total"], *extra.values()]).sum()}
        return losses, outputs

    def _report(self, means: dict[str, float]) -> None:
        """Tell the losses since the last report; raises StageFailed when they are no numbers."""
        if not math.isfinite(means["total"]):
            raise StageFailed(
                f"The loss is no longer a number in epoch {self._epoch + 1}. "
                f"Lower the learning rate (now {self.knobs.learning_rate:g})."
            )
        self.report.loss(self._epoch + self._position / self._steps_an_epoch, **means)
        self.report.progress(self._steps_done / self._total_steps)

    # --- validation and checkpoints ----------------------------------------------------------------------------

    def _evaluate(self, at: float) -> None:
        """Score the validation split; keep the weights when they are the best so far (ties go to the lower loss)."""
        values = predict(self.model, self.validation, problem=self.problem)
        targets = self.validation.targets.cpu().numpy()
        loss = self.problem.validation_loss(values, targets)
        score = loss if self.metric == LOSS else self.problem.watch(values, targets)
        validation = {} if self.metric == LOSS else {"validation": score}
        means = {f"train_{name}": float(total) / self._steps_an_epoch for name, total in self._sums.items()}
        self.history.append({"epoch": at, **validation, "loss": loss, **means})
        self.report.metric(at, **validation, validation_loss=loss)
        if at < self.settled_at * self.knobs.epochs:
            return
        if self._best_score is None or self._is_better(score, loss, self._best_score):
            self._best_score, self._best_loss, self._best_epoch = score, loss, at
            self._best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def _is_better(self, score: float, loss: float, best: float) -> bool:
        return self.metric.better(score, best) or (score == best and loss < self._best_loss)

    def _out_of_patience(self) -> bool:
        waited = self._best_score is not None and self._epoch - self._best_epoch >= self.knobs.patience
        return bool(self.knobs.patience) and waited

    def _seconds(self) -> float:
        """Time spent on this training, also before it was resumed, s."""
        return self._seconds_before + time.monotonic() - self._started

    def _save(self) -> float:
        """Write the checkpoint; returns the seconds that it took."""
        if self.checkpoint is None:
            return 0.0
        began = time.monotonic()
        facts = {
            "epoch": self._epoch,
            "position": self._position,
            "steps": self._steps_done,
            "best_score": self._best_score,
            "best_loss": self._best_loss,
            "best_epoch": self._best_epoch,
            "history": self.history,
            "sums": {name: float(total) for name, total in self._sums.items()},
            "seconds": self._seconds(),
        }
        save_checkpoint(self.checkpoint, self._trained(), self._optimizer, self._best, facts)
        self._saved_at = time.monotonic()
        self._saving = self._saved_at - began
        return self._saving


def make_optimizer(
    model: nn.Module, knobs: TrainingKnobs, companion: nn.Module | None = None, companion_rate: float = 1.0
) -> torch.optim.Optimizer:
    """AdamW, or SGD with Nesterov momentum; biases and norms (one axis) are not decayed.

    ``rate`` of a parameter group is its learning rate as a share of the model's. A companion may name the decays of Adam's
    moments that suit what is trained with it (``betas``).
    """
    groups: list[dict[str, Any]] = []
    for module, rate in ((model, 1.0), (companion, companion_rate)):
        if module is None:
            continue
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        for matrices, decay in ((True, knobs.weight_decay), (False, 0.0)):
            chosen = [parameter for parameter in parameters if (parameter.ndim > 1) is matrices]
            groups.append({"params": chosen, "weight_decay": decay, "lr": knobs.learning_rate * rate, "rate": rate})
    if knobs.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=knobs.learning_rate, momentum=0.9, nesterov=True)
    # One pass over memory: with the tables of a text model the plain step costs as much as the whole backward pass.
    betas: tuple[float, float] = getattr(companion, "betas", (0.9, 0.999))
    return torch.optim.AdamW(groups, lr=knobs.learning_rate, betas=betas, fused=True)


def schedule_factor(schedule: str, step: int, total: int) -> float:
    """Learning rate at a step as a share of the highest: warm-up over 30 % (one-cycle) or 6 %, then down to zero."""
    at = step / max(1, total)
    if schedule == "constant":
        return 1.0
    warm = 0.3 if schedule == "one-cycle" else 0.06
    if at < warm:
        return 0.04 + 0.96 * at / warm
    rest = (at - warm) / (1 - warm)
    return 1 - rest if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * rest))
