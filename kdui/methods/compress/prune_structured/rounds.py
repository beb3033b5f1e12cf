"""A recovery in several rounds: parts are removed between them, so each is a training of its own; they are reported and kept as
one."""

from dataclasses import replace
from typing import Any

from kdui.training.context import Reporter, StepContext


class RoundReporter:
    """Reports the progress of one of several trainings as a part of the whole."""

    def __init__(self, report: Reporter, epochs_before: int, epochs: int, all_epochs: int):
        self._report, self._before = report, epochs_before
        self._start, self._share = epochs_before / max(1, all_epochs), epochs / max(1, all_epochs)

    def loss(self, at: float, **values: float) -> None:
        self._report.loss(at + self._before, **values)

    def metric(self, at: float, **values: float) -> None:
        self._report.metric(at + self._before, **values)

    def log(self, text: str) -> None:
        self._report.log(text)

    def progress(self, fraction: float) -> None:
        self._report.progress(self._start + self._share * fraction)

    def check(self) -> None:
        self._report.check()

    def download(self, name: str, done: int, total: int | None) -> None:
        self._report.download(name, done, total)


def round_context(context: StepContext, number: int, rounds: int) -> StepContext:
    """The context of one round: its share of the epochs, its own checkpoint, and a reporter that counts on."""
    epochs = context.settings["epochs"]
    begin, end = epochs * number // rounds, epochs * (number + 1) // rounds
    settings = {**context.settings, "epochs": end - begin}
    return replace(
        context,
        step=context.step.model_copy(update={"settings": settings}),
        checkpoint=context.checkpoint / f"round-{number + 1}",
        report=RoundReporter(context.report, begin, end - begin, epochs),
    )


def joined(trainings: list[dict[str, Any]]) -> dict[str, Any]:
    """The summaries of the rounds as one: sums of what was spent, one history, the result of the last."""
    last = trainings[-1]
    before, history = 0, []
    for training in trainings:
        history += [{**point, "epoch": point["epoch"] + before} for point in training["history"]]
        before += training["epochs"]
    spent = {
        name: round(sum(training[name] for training in trainings), 3)
        for name in ("epochs", "steps", "seconds", "step_seconds", "examples_seen")
    }
    return {**last, **spent, "best_epoch": last["best_epoch"] + before - last["epochs"], "history": history}
