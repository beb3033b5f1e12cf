"""What-if in the serving process: a changed model measured on validation data, and a sensitivity measured piece by piece."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from kdui.catalogue.tasks import TASKS
from kdui.core.errors import StoreError
from kdui.core.layout import MODEL_FILE, SENSITIVITY_FILE
from kdui.machine import cpu_name
from kdui.methods.compress.sensitivity.changes import Change, ChangedLayer
from kdui.methods.compress.sensitivity.probe import Probe
from kdui.methods.compress.sensitivity.scan import Scan, summary_of
from kdui.methods.compress.sensitivity.spec import METHOD, OPERATION, sensitivity_digest
from kdui.store.artifacts import ArtifactStore, write_json

MOST_PROBES = 2  # models kept open with their validation subset


class Changing:
    """Keeps the models that were changed last, and the measurements that are under way."""

    def __init__(self, artifacts: ArtifactStore, data: Callable[[str], Mapping[str, Any]]):
        self.artifacts, self._data = artifacts, data
        self._probes: OrderedDict[tuple[str, int], tuple[Probe, list[ChangedLayer]]] = OrderedDict()
        self._scans: dict[str, tuple[Scan, float]] = {}

    def measure(self, task: str, model: str, examples: int, change: Mapping[str, Any]) -> dict[str, Any]:
        """Headline, drop and KL of the model under one change of all its layers."""
        started = time.perf_counter()
        probe, layers = self._open(task, model, examples)
        effect = probe.of_change(layers, Change(**change))
        return {
            "headline": effect.headline,
            "drop": effect.drop,
            "kl": effect.kl,
            "n": probe.count,
            "split": "validation",
            "seconds": time.perf_counter() - started,
        }

    def scan(self, task: str, model: str, settings: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Continue measuring a model's sensitivity for so long; other questions are answered in between.

        The result is kept under the name that a run's step would give it, so a recipe finds it in the store.
        """
        digest = sensitivity_digest(model, TASKS[task], settings)
        if self.artifacts.has(digest):
            return {"digest": digest, "done": 1, "total": 1}
        if digest not in self._scans:
            self._scans.clear()  # one at a time: a model and its decompositions take memory
            probe, _ = self._open(task, model, settings["examples"])
            self._scans[digest] = (Scan(probe, settings["methods"]), 0.0)
        scan, spent = self._scans[digest]
        started = time.monotonic()
        while scan.step() and time.monotonic() - started < seconds:
            pass
        spent += time.monotonic() - started
        self._scans[digest] = (scan, spent)
        if scan.done == scan.total:
            self._keep(digest, model, settings, scan.result(), spent)
            del self._scans[digest]
        return {"digest": digest, "done": scan.done, "total": scan.total, "eta": spent / scan.done * (scan.total - scan.done)}

    def _keep(self, digest: str, model: str, settings: dict[str, Any], found: dict[str, Any], seconds: float) -> None:
        with self.artifacts.locked(digest):
            if self.artifacts.has(digest):
                return
            with self.artifacts.draft(digest) as draft:
                write_json(draft / SENSITIVITY_FILE, found)
                self.artifacts.commit(
                    draft,
                    {
                        "digest": digest,
                        "produces": "report",
                        "method": METHOD.name,
                        "operation": OPERATION,
                        "settings": settings,
                        "inputs": {"model": model},
                        "summary": summary_of(found),
                        "seconds": round(seconds, 3),
                        "device": cpu_name(),
                        "created": datetime.now(UTC),
                    },
                )

    def _open(self, task: str, model: str, examples: int) -> tuple[Probe, list[ChangedLayer]]:
        """The model with its subset; the one used longest ago makes room."""
        key = (model, examples)
        if key not in self._probes:
            artifact = self.artifacts.open(model)
            if MODEL_FILE not in artifact.manifest.files:
                raise StoreError(f"Artifact {model[:12]} is no ONNX model. Choose a model of a finished run.")
            probe = Probe(artifact.path, TASKS[task], self._data(task)["validation"], examples)
            self._probes[key] = (probe, [ChangedLayer(weight) for weight in probe.weights])
            while len(self._probes) > MOST_PROBES:
                self._probes.popitem(last=False)
        self._probes.move_to_end(key)
        return self._probes[key]
