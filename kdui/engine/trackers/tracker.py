"""What a tracker does, and all of a run's trackers as one: a tracker that fails is left aside, and the run goes on."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from kdui.core.measurement import Measurement
from kdui.core.run import Run, RunState
from kdui.store.store import Store

ALWAYS = "tensorboard"
PER_EPOCH = 1_000  # trackers count whole steps: a thousand of them are one epoch


class Tracker(Protocol):
    """One place that a run is logged to. Modules of this folder have ``open_tracker(store, run) -> Tracker``."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Points of curves by their names, at thousandths of an epoch."""

    def close(self, state: RunState) -> None:
        """The run has ended so."""


class Trackers:
    """All trackers of one run. ``say`` takes a sentence where one cannot be used."""

    def __init__(self, store: Store, run: Run, say: Callable[[str], None]):
        self._say = say
        self._open: dict[str, Tracker] = {}
        for name in (ALWAYS, *filter(None, store.settings.trackers.split(","))):
            try:
                module = importlib.import_module(f"kdui.engine.trackers.{name}")
                self._open[name] = module.open_tracker(store, run)
            except ModuleNotFoundError as missing:
                package = str(missing.name).partition(".")[0]
                say(f"The tracker {name} needs the package {package}, which is not installed: see docs/serve.md.")
            except Exception as error:
                say(_fault(name, error))

    def series(self, kind: str, step: str, at: float, values: Mapping[str, float]) -> None:
        """Points of a training step; ``kind``: loss or metric, ``at``: epochs."""
        named = {f"{step}/{kind}/{name}": value for name, value in values.items()}
        self._each(lambda tracker: tracker.scalars(named, round(at * PER_EPOCH)))

    def measured(self, step: str, found: Sequence[Measurement]) -> None:
        """What a measuring step found of a model."""
        named = {f"{step}/{item.metric}": item.value for item in found}
        self._each(lambda tracker: tracker.scalars(named, 0))

    def close(self, state: RunState) -> None:
        """The run has ended so; nothing is logged after it."""
        self._each(lambda tracker: tracker.close(state))
        self._open.clear()

    def _each(self, log: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._open.items()):
            try:
                log(tracker)
            except Exception as error:  # a server that is away or a full disk there must not end a training
                del self._open[name]
                self._say(_fault(name, error))


def _fault(name: str, error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")[:200]
    return f"The tracker {name} is left aside, and the run goes on without it ({type(error).__name__}: {first})."


def flat(run: Run) -> dict[str, Any]:
    """The recipe by dotted names: ``distill.temperature``, ``teacher``, ``seed``."""
    recipe = run.recipe
    facts: dict[str, Any] = {"task": recipe.task, "teacher": str(recipe.teacher or ""), "student": str(recipe.student or "")}
    facts["seed"] = recipe.seed
    for stage in recipe.stages:
        facts |= {f"{stage.name}.{knob}": value for knob, value in stage.settings.items()}
    return facts
