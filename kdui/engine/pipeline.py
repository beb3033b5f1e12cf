"""Walks a plan: a step whose artifact is in the store takes no time; every other one is made and kept."""

import json
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import torch

from kdui.catalogue.methods import METHODS
from kdui.catalogue.recipe_files import named_artifacts
from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.artifact import Artifact
from kdui.core.errors import ArtifactCorrupt, Cancelled
from kdui.core.layout import MEASUREMENTS_FILE
from kdui.core.measurement import Measurement
from kdui.core.plan import Step
from kdui.core.run import Run, StepState
from kdui.engine.chart_row import chart_row
from kdui.engine.reporter import RunReporter
from kdui.store.retention import bound
from kdui.store.store import Store
from kdui.training.context import StepContext, TaskData
from kdui.training.device import device_name

TRAINING_SECONDS = 20.0  # the share of a step that trains, in a bar of a run that was never timed


class Pipeline:
    """Runs the steps of one run in order, in this process."""

    def __init__(self, store: Store, run: Run, plan: list[Step], device: torch.device, report: RunReporter):
        self.store, self.run_facts, self.plan, self.device, self.report = store, run, plan, device, report
        self._steps = {step.name: step for step in plan}
        self._scores: dict[str, dict[str, Measurement]] = {}
        self._over_quota = False  # said once

    def run(self) -> None:
        """Run every step; raises what a step raises after noting it as failed."""
        for step in self.plan:
            self.report.check()
            started = time.monotonic()
            self._note(step, state=StepState.RUNNING, progress=0.0)
            self.report.enter(step.name)
            try:
                cached = self._perform(step)
            except Cancelled:
                raise
            except Exception:
                self._note(step, state=StepState.FAILED, seconds=time.monotonic() - started, eta_seconds=None)
                raise
            seconds = time.monotonic() - started
            state = StepState.CACHED if cached else StepState.DONE
            if step.produces == "measurements":
                self._record(step)
            self._note(step, state=state, seconds=round(seconds, 3), progress=1.0, eta_seconds=None)
            self.report.leave(step.name, str(state), round(seconds, 3))

    def _perform(self, step: Step) -> bool:
        """Make the step's artifact unless a sound one is there; returns True for a hit."""
        artifacts = self.store.artifacts
        with artifacts.locked(step.digest, self.report.waits):
            if artifacts.has(step.digest):
                try:
                    artifacts.open(step.digest)
                    return True
                except ArtifactCorrupt as error:
                    self.report.log(f"{error} It is made again.")
                    artifacts.remove(step.digest)
            if not self._is_wanted(step):
                return True
            self._make(step)
        if step.produces == "outputs":
            self._bound_cache()
        self._bound_store()
        return False

    def _is_wanted(self, step: Step) -> bool:
        """Skip recomputing teacher outputs, and models that were evicted, when every artifact that reads them is cached."""
        if step.produces not in ("outputs", "model"):
            return True
        readers = [other for other in self.plan if step.name in other.inputs.values()]
        if not readers:
            return step.produces == "model"
        return any(not self.store.artifacts.has(reader.digest) and self._is_wanted(reader) for reader in readers)

    def _bound_cache(self) -> None:
        """Evict least-recently-used teacher outputs beyond ``cache_gb``; this run's are kept."""
        mine = {step.digest for step in self.plan}
        evicted = self.store.artifacts.shrink("outputs", self.store.settings.cache_gb * 1e9, mine)
        if evicted:
            self.report.log(f"Evicted {len(evicted)} cached teacher outputs (least recently used) to stay under the limit.")

    def _bound_store(self) -> None:
        """Evict least-recently-used artifacts beyond ``store_gb``; what runs, results and recipes need is kept."""
        if not (most := self.store.settings.store_gb):
            return
        evicted = bound(self.store, most * 1e9, named_artifacts(self.store.settings))
        if evicted.digests:
            self.report.log(
                f"Evicted {len(evicted.digests)} artifacts (least recently used, {evicted.freed / 1e6:,.1f} MB) to stay under "
                "the limit."
            )
        if evicted.left > most * 1e9 and not self._over_quota:
            self._over_quota = True
            self.report.log(
                f"Artifacts take {evicted.left / 1e9:,.2f} GB, more than KDUI_STORE_GB={most:g}: they belong to results, pinned "
                "or unfinished runs, or were used within the last hour. Delete runs, or raise the limit."
            )

    def _make(self, step: Step) -> None:
        operation = getattr(METHODS.module(step.method, "apply"), step.operation)
        for source in {self._steps[source].digest: self._steps[source] for source in step.inputs.values()}.values():
            if not self.store.artifacts.has(source.digest):  # evicted, and not missed until what was made of it proved damaged
                self._perform(source)
        inputs = {name: self._open(self._steps[source]) for name, source in step.inputs.items()}
        checkpoint = self.store.folder(self.run_facts.id) / "checkpoints" / step.digest[:16]
        started = time.monotonic()
        with self.store.artifacts.draft(step.digest) as draft:
            context = StepContext(
                step=step,
                data=self._data,
                device=self.device,
                inputs=inputs,
                out=draft,
                checkpoint=checkpoint,
                report=self.report,
                app_settings=self.store.settings,
            )
            summary: dict[str, Any] = operation(context)
            self.store.artifacts.commit(
                draft,
                {
                    "digest": step.digest,
                    "produces": step.produces,
                    "method": step.method,
                    "operation": step.operation,
                    "settings": step.settings,
                    "inputs": {name: artifact.digest for name, artifact in inputs.items()},
                    "summary": summary,
                    "seconds": round(time.monotonic() - started, 3),
                    "device": device_name(self.device),
                    "created": datetime.now(UTC),
                },
            )
        shutil.rmtree(checkpoint, ignore_errors=True)

    def _open(self, step: Step) -> Artifact:
        self.store.artifacts.touch(step.digest)
        return self.store.artifacts.open(step.digest)

    @cached_property
    def _data(self) -> TaskData:
        """Read once, and only when a step has to be made."""
        facts, splits = load_task(self.run_facts.recipe.task, self.store.settings, self.report.download)
        return TaskData(facts, splits)

    def _note(self, step: Step, **values: Any) -> None:
        self.store.runs.set_step(self.run_facts.id, step.name, **values)

    def _record(self, step: Step) -> None:
        """Put a measured model's numbers into the database, cached or new, with its chart row."""
        artifact = self._open(step)
        found = [
            Measurement.model_validate({key: value for key, value in row.items() if key != "mark"})
            for row in json.loads(artifact.file(MEASUREMENTS_FILE).read_bytes())
        ]
        by_name = {item.metric: item for item in found}
        if not self._scores and self._teacher_is_measured:  # it is the first one: assistants and further teachers come after it
            self._scores["teacher"] = by_name
        row = chart_row(self.run_facts.recipe, step, self._model_step(step), by_name, self._scores.get("teacher"))
        self.store.results.record(self.run_facts.id, step.name, found, row)
        self.report.measured(step.name, found)
        if self.names_the_run(step):
            headline = by_name[TASKS[self.run_facts.recipe.task].headline.name]
            self.store.runs.update(self.run_facts.id, headline=headline.written())

    def names_the_run(self, step: Step) -> bool:
        """Whether this model's headline is the run's: the student's, or, while there is none, that of the newest model but not of
        teachers beside the recipe's own."""
        first = next((one for one in self.plan if one.produces == "measurements" and one.role == "teacher"), step)
        if step.role == "teacher":
            return step is first
        return step.role == "student" or self.run_facts.recipe.student is None

    @cached_property
    def _teacher_is_measured(self) -> bool:
        """False where nothing but a table of its predictions is there."""
        return any(step.produces == "measurements" and step.role == "teacher" for step in self.plan)

    def _model_step(self, step: Step) -> Step:
        return self._steps[step.inputs["model"]]


def expected_weights(
    plan: list[Step], known: Mapping[tuple[str, str, str], float], task: str, cached: set[str]
) -> dict[str, float]:
    """Expected seconds of each step: from finished runs where there are any, else a rough share by kind of work."""

    def rough(step: Step) -> float:
        return TRAINING_SECONDS if step.settings.get("epochs") else METHODS[step.method].seconds

    return {step.name: 0.0 if step.digest in cached else known.get((task, step.method, step.label), rough(step)) for step in plan}


__all__ = ["Cancelled", "Pipeline", "expected_weights"]
