"""Steps of a plan, made by the same code as in a run, in a home that is thrown away."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kdui.catalogue.methods import METHODS
from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.tasks import load_task
from kdui.core.artifact import Artifact
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.machine import slots
from kdui.settings import Settings
from kdui.store.artifacts import ArtifactStore
from kdui.training.context import QuietReporter, StepContext, TaskData
from kdui.training.device import device_name, prepare_torch, torch_device

FEW_EXAMPLES = 64  # validation, and parity at export, cost the same on both sides of a ratio: little of them is left in


@contextlib.contextmanager
def temporary_home(settings: Settings) -> Iterator[Settings]:
    """The same settings with a home of its own, which shares the cache of fetched data and models."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kdui-bench-") as folder:
        home = Path(folder)
        (home / "cache").symlink_to(settings.cache.resolve(), target_is_directory=True)
        yield Settings.model_validate(
            {**settings.model_dump(), "home": home, "database_url": None, "quickstart": False, "auth": None}
        )


class Laboratory:
    """Makes the steps of recipes on one task, on the machine's first slot."""

    def __init__(self, settings: Settings, task: str):
        self.settings = settings
        self.store = ArtifactStore(settings)
        self.device = torch_device(slots()[0])
        prepare_torch(self.device)
        facts, splits = load_task(task, settings)
        few = {
            name: split if name == "train" else split.take(list(range(min(FEW_EXAMPLES, len(split)))))
            for name, split in splits.items()
        }
        self.data = TaskData(facts, few)

    def plan(self, recipe: Recipe) -> dict[str, Step]:
        """The recipe's steps by name."""
        return {step.name: step for step in plan_recipe(recipe, self.settings)}

    def make(self, steps: Mapping[str, Step], name: str) -> Artifact:
        """The step's artifact, made now with all that it needs unless it is there."""
        step = steps[name]
        if not self.store.has(step.digest):
            with self.store.draft(step.digest) as draft:
                context = self.context(steps, name, draft)
                summary = self._operate(context)
                self.store.commit(
                    draft,
                    {
                        "digest": step.digest,
                        "produces": step.produces,
                        "method": step.method,
                        "operation": step.operation,
                        "settings": step.settings,
                        "inputs": {key: artifact.digest for key, artifact in context.inputs.items()},
                        "summary": summary,
                        "seconds": 0.0,
                        "device": device_name(self.device),
                        "created": datetime.now(UTC),
                    },
                )
        return self.store.open(step.digest)

    def train(self, steps: Mapping[str, Step], name: str) -> float:
        """Seconds that the training loop of a step takes; its result is thrown away."""
        return float(self.training(steps, name)["seconds"])

    def training(self, steps: Mapping[str, Step], name: str) -> dict[str, Any]:
        """The training loop's own timings for a step; the result is discarded."""
        with self.store.draft(steps[name].digest) as draft:
            training: dict[str, Any] = self._operate(self.context(steps, name, draft))["training"]
        return training

    def context(self, steps: Mapping[str, Step], name: str, out: Path) -> StepContext:
        """What the step's operation is given; its inputs are made first."""
        inputs = {key: self.make(steps, source) for key, source in steps[name].inputs.items()}
        return StepContext(
            step=steps[name],
            data=self.data,
            device=self.device,
            inputs=inputs,
            out=out,
            checkpoint=out / "checkpoint",
            report=QuietReporter(),
            app_settings=self.settings,
        )

    def _operate(self, context: StepContext) -> dict[str, Any]:
        apply = METHODS.module(context.step.method, "apply")
        summary: dict[str, Any] = getattr(apply, context.step.operation)(context)
        return summary
