"""Runs of recipes on the digits from beginning to end in this process."""

import json
import os
from pathlib import Path
from typing import Any

from kdui.catalogue.planner import plan_recipe
from kdui.core.measurement import Measurement
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.core.run import Run
from kdui.launch.dispatcher import Dispatcher
from kdui.settings import Settings
from kdui.store.store import Store

# KDUI_TEST_DEVICE=cuda:0 trains on a GPU whatever a test does not ask to train elsewhere.
DEVICE = os.environ.get("KDUI_TEST_DEVICE", "cpu")
# The whole main job, as short as it may be to still reach its accuracy.
WHOLE: dict[str, Any] = {
    "task": "digits",
    "teacher": "cnn-medium",
    "student": "cnn-small",
    "stages": [
        {"teach": {"epochs": 4, "learning_rate": 0.004}},
        {"distill": {"epochs": 8, "batch_size": 32, "learning_rate": 0.01}},
        {"prune": {"sparsity": 0.5, "epochs": 3, "batch_size": 32, "learning_rate": 0.005}},
        {"quantize": {"bits": 4}},
        {"measure": {"latency_runs": 20}},
    ],
}
# Two trainings of one epoch and nothing else.
SHORT: dict[str, Any] = {
    **WHOLE,
    "teacher": "cnn-small",
    "student": "cnn-tiny",
    "stages": [{"teach": {"epochs": 1}}, {"distill": {"epochs": 2, "control": False}}],
}


class Bench:
    """A store with the launcher that works in this process."""

    def __init__(self, home: Path, **others: Any):
        self.settings = Settings(home=home, launcher="inline", quickstart=False, **others)
        self.store = Store(self.settings)

    def submit(self, plain: dict[str, Any], values: dict[str, Any] | None = None, device: str = DEVICE) -> Run:
        """Queue a recipe."""
        recipe = Recipe.model_validate(plain).with_values(values or {})
        return self.store.runs.create(recipe, plan_recipe(recipe, self.settings), device)

    def plan(self, plain: dict[str, Any]) -> list[Step]:
        """The plan of a recipe; nothing is queued."""
        return plan_recipe(Recipe.model_validate(plain), self.settings)

    def run(self, plain: dict[str, Any], values: dict[str, Any] | None = None, device: str = DEVICE) -> Run:
        """Queue a recipe, work it off, and give the run as it ended."""
        run = self.submit(plain, values, device)
        return self.work_off(run)

    def work_off(self, run: Run) -> Run:
        """Let the dispatcher start what waits."""
        Dispatcher(self.store).tick()
        return self.store.runs.get(run.id)

    def measured(self, run: Run) -> dict[str, dict[str, Measurement]]:
        """Measurements by the name of the model's step."""
        return {name.removeprefix("measure."): result for name, result in self.store.results.of_run(run.id).items()}

    def folder(self, run: Run, step: str) -> Path:
        """The folder of a step's artifact, checked."""
        return self.store.artifacts.open(digest_of(run, step)).path

    def summary(self, run: Run, step: str) -> dict[str, Any]:
        return self.store.artifacts.manifest(digest_of(run, step)).summary

    def said(self, run: Run) -> list[str]:
        """Log lines of a run."""
        return [event.text for event in self.store.events(run.id).read()[0] if event.kind == "log"]


def digest_of(run: Run, step: str) -> str:
    return next(item.digest for item in run.steps if item.name == step)


def states(run: Run) -> dict[str, str]:
    """How each step ended."""
    return {step.name: str(step.state) for step in run.steps}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
