"""What-if: which exported models can be changed, what is known of their sensitivity, and a point measured at once."""

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from kdui.catalogue.methods import is_of
from kdui.catalogue.tasks import TASKS
from kdui.core.errors import ArtifactCorrupt
from kdui.core.layout import SENSITIVITY_FILE
from kdui.core.method import Group
from kdui.core.plan import Planned
from kdui.methods.compress.sensitivity.spec import ALL, METHOD, sensitivity_digest
from kdui.serving.client import ServingClient
from kdui.store.store import Store

# Parameters -> validation examples that are measured on demand: a larger model answers more slowly.
EXAMPLES = ((1e6, 512), (5e6, 256), (float("inf"), 64))
SLICE_SECONDS = 1.5  # of a measurement on demand: other questions to the serving process are answered in between
MOST_MODELS = 300


class WhatIf:
    """Reads the store; what needs the model is asked of the serving process."""

    def __init__(self, store: Store, serving: Callable[[], ServingClient]):
        self.store, self._serving = store, serving

    def models(self, planned: Planned) -> list[dict[str, Any]]:
        """Exported float models of this very recipe, else of the newest runs with the same models; the best match first."""
        by_digest: dict[str, dict[str, Any]] = {}
        recipe = planned.recipe
        here = [
            step
            for step in planned.steps
            if step.produces == "onnx" and is_of(Group.DELIVER, step.method) and self.store.artifacts.has(step.digest)
        ]
        for role in ("student", "compressed", "teacher"):
            for step in here:
                if step.role == role:
                    by_digest.setdefault(step.digest, _choice(step.digest, step.label, role, ""))
        for role, ref in (("student", recipe.student), ("teacher", recipe.teacher)):
            if ref is None or any(choice["role"] == role for choice in by_digest.values()):
                continue
            digest = self.store.runs.newest_step(recipe.task, role, str(ref), "onnx", role)
            if digest and self.store.artifacts.has(digest):
                by_digest.setdefault(digest, _choice(digest, str(ref), role, "from an earlier run"))
        order = {"student": 0, "compressed": 1, "teacher": 2}
        return sorted(by_digest.values(), key=lambda choice: order[choice["role"]])

    def sensitivity(self, task: str, model: str) -> dict[str, Any] | None:
        """The content of the model's sensitivity.json, whether a run or the page measured it; None where nobody did."""
        digest = self._known(task, model)
        if digest is None:
            return None
        report: dict[str, Any] = json.loads(self.store.artifacts.open(digest).file(SENSITIVITY_FILE).read_bytes())
        return report

    def compute(self, task: str, model: str) -> dict[str, Any]:
        """Measure for a moment: ``done`` of ``total`` changes, ``eta`` in seconds. Call it again until all are done."""
        answer: dict[str, Any] = self._serving().call(
            "scan", task=task, model=model, settings=self._settings(model), seconds=SLICE_SECONDS
        )
        return answer

    def measure(self, task: str, model: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """What a change of the whole model costs on the same validation examples as its sensitivity."""
        answer: dict[str, Any] = self._serving().call(
            "measure_change", task=task, model=model, examples=self._examples(task, model), change=dict(change)
        )
        return answer

    def prepare(self, task: str, model: str) -> None:
        """Open the model in the serving process, so that ``measure`` need not wait for it."""
        self._serving().call("measure_change", task=task, model=model, examples=self._examples(task, model), change={})

    def measured(self, task: str) -> list[dict[str, Any]]:
        """Models of the task whose sensitivity is known, the newest first: digest, title, run."""
        names, rows = self.store.results.rows_of_task(task)
        models: dict[str, dict[str, Any]] = {}
        for values in reversed(rows):
            row = dict(zip(names, values, strict=True))
            if row["digest"] not in models:
                models[row["digest"]] = {"digest": row["digest"], "title": row["label"], "run": row["run"], "role": row["role"]}
            if len(models) == MOST_MODELS:
                break
        return [row for digest, row in models.items() if self.store.artifacts.has(digest) and self._known(task, digest)]

    def _known(self, task: str, model: str) -> str | None:
        """The artifact that holds the model's sensitivity."""
        facts = TASKS[task]
        usual = (sensitivity_digest(model, facts, {"examples": count, "methods": list(ALL)}) for _, count in EXAMPLES)
        return next((digest for digest in usual if self.store.artifacts.has(digest)), None) or self._of_a_run(model)

    def _of_a_run(self, model: str) -> str | None:
        """A run's own stage may have other settings than those that the page measures with."""
        artifacts = self.store.artifacts
        made = (digest for digest in self.store.results.reports(METHOD.name, model) if artifacts.has(digest))
        for digest in made:
            with contextlib.suppress(ArtifactCorrupt):  # another run's may be sound
                if artifacts.manifest(digest).inputs.get("model") == model:
                    return digest
        return None

    def _examples(self, task: str, model: str) -> int:
        """As many as its sensitivity was measured on."""
        known = self._known(task, model)
        settings = self.store.artifacts.manifest(known).settings if known else self._settings(model)
        return int(settings["examples"])

    def _settings(self, model: str) -> dict[str, Any]:
        parameters = self.store.artifacts.manifest(model).summary.get("parameters") or 0
        return {"examples": next(count for limit, count in EXAMPLES if parameters < limit), "methods": list(ALL)}


def _choice(digest: str, title: str, role: str, note: str) -> dict[str, Any]:
    return {"digest": digest, "title": title, "role": role, "note": note}
