"""Finished runs whose models gave known answers to the real test examples: nothing is trained."""

import itertools

import numpy as np

from kdui.catalogue.tasks import load_task
from kdui.core.measurement import Measurement, Provenance
from kdui.core.run import RunState
from kdui.settings import Settings
from kdui.store.runs import group_digest
from kdui.workbench.evidence import Evidence
from kdui.workbench.workbench import Workbench
from tests.store.made import facts

N = 359
MODELS = {"teach": "teacher", "distill": "student", "distill.control": "control", "quantize": "compressed"}


class Crafted:
    """A workbench with finished runs of ``quickstart`` whose measurements and answers are given, not trained."""

    def __init__(self, home):
        self.bench = Workbench(Settings(home=home, quickstart=False))
        self.targets = np.asarray(load_task("digits", self.bench.settings)[1]["test"].targets)
        # The ground-truth labels come from here, not from a process of their own that would load them again.
        kept = {"targets": self.targets.tolist(), "traits": {}}
        self.bench._evidence = Evidence(self.bench.store, lambda what, task: kept[what])
        self._numbers = itertools.count(1)

    def run(self, *, wrong=None, speed=None, size=None, **changes):
        """``wrong``: step -> places of wrong answers, or all answers; ``speed``: step -> (low, value, high) against the teacher;
        ``size``: step -> bytes; other changes: step -> metric -> fields of its measurement."""
        number = next(self._numbers)
        run = self.bench.submit(self.bench.recipe("quickstart").with_values({"seed": number, "teach.epochs": number}))
        self.bench.store.runs.claim("cpu")
        wrong = {"teach": range(8), "distill": range(9), "distill.control": range(20), "quantize": range(9)} | (wrong or {})
        speed = {"distill": (9, 10, 11), "distill.control": (9, 10, 11), "quantize": (17, 18, 19)} | (speed or {})
        size = {"teach": 1_000_000, "distill": 50_000, "distill.control": 50_000, "quantize": 14_000} | (size or {})
        for step, role in MODELS.items():
            answers = self.answers(wrong[step])
            self._keep(run, f"measure.{step}", answers)
            value = 100 * float((answers == self.targets[: len(answers)]).mean())
            result = [
                measured("accuracy", value, "%", n=len(answers), low=value - 1.5, high=min(100, value + 1)),
                measured("latency_p50", 1.0, "ms"),
                measured("file_bytes", size[step], "B"),
            ]
            if step in speed:
                low, middle, high = speed[step]
                result.append(measured("speedup", middle, "×", low=low, high=high))
            result = [item.model_copy(update=changes.get(step, {}).get(item.metric, {})) for item in result]
            row = {"task": "digits", "role": role, "label": f"The {role}", "model": role, "digest": f"{step}-{number}"}
            row |= {
                "group": group_digest(run.recipe, step),
                "headline": value,
                "origin": "measured",
                "latency_origin": "measured",
            }
            self.bench.store.results.record(run.id, f"measure.{step}", result, row)
        self.bench.store.runs.transition(run.id, RunState.SUCCEEDED)
        return run.id

    def answers(self, wrong):
        if isinstance(wrong, np.ndarray):
            return wrong
        result = self.targets.copy()
        places = list(wrong)
        result[places] = (result[places] + 1) % 10
        return result

    def _keep(self, run, name, answers):
        artifacts = self.bench.store.artifacts
        digest = next(step.digest for step in run.steps if step.name == name)
        with artifacts.locked(digest), artifacts.draft(digest) as folder:
            np.save(folder / "predictions.npy", np.eye(10, dtype=np.float32)[answers])
            artifacts.commit(folder, {**facts(name), "digest": digest})


def measured(metric, value, unit, n=N, device="a CPU", note="", **interval):
    source = Provenance(origin="measured", device=device, n=n, split="test", note=note)
    return Measurement(metric=metric, value=value, unit=unit, provenance=source, **interval)
