"""A store as it looks after years of use: thousands of finished runs whose numbers are made up, in a home that is thrown away."""

import hashlib
import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import insert

from kdui.catalogue.planner import plan_recipe
from kdui.catalogue.recipe_files import read_recipe
from kdui.core.measurement import Origin, Provenance
from kdui.core.plan import Step
from kdui.core.recipe import Recipe
from kdui.core.run import RunState, StepState
from kdui.settings import Settings
from kdui.store import tables
from kdui.store.runs import group_digest, now
from kdui.store.store import Store

BASE = "quickstart"
RUNS_AT_ONCE = 250  # rows of this many are held in memory
SAMPLES = 200  # latency readings that Measure keeps
SIMULATED = Provenance(origin=Origin.SIMULATED, device="none", n=SAMPLES, note="made up for a benchmark").model_dump(mode="json")
UNITS = {
    "accuracy": "%",
    "macro_precision": "%",
    "macro_recall": "%",
    "macro_f1": "%",
    "file_bytes": "B",
    "gzip_bytes": "B",
    "parameters": "",
    "nonzero": "",
    "macs": "MAC",
    "latency_p50": "ms",
    "latency_p95": "ms",
    "load_time": "ms",
    "throughput": "1/s",
    "speedup": "×",
    "peak_memory": "MB",
}
# accuracy in %, latency in ms, file in MB, parameters of each model around which its runs vary.
MODELS = {
    "teacher": (98.0, 0.50, 0.290, 72_700.0),
    "student": (96.5, 0.05, 0.006, 1_442.0),
    "control": (96.0, 0.05, 0.006, 1_442.0),
    "compressed": (95.5, 0.04, 0.004, 1_442.0),
}

Rows = dict[str, list[dict[str, Any]]]


def fill_store(settings: Settings, runs: int) -> list[str]:
    """Write this many finished runs of one task, each with four measured models, in one transaction; returns their ids."""
    whole = read_recipe(BASE, settings)
    base = whole.model_copy(update={"stages": tuple(stage for stage in whole.stages if stage.method != "prune")})
    plan = plan_recipe(base, settings)
    random = np.random.default_rng(0)
    ids = [f"{number:08x}" for number in range(runs)]
    numbered = enumerate(zip(ids, _recipes(base, runs), strict=True))
    with Store(settings).runs.engine.begin() as connection:
        while some := list(itertools.islice(numbered, RUNS_AT_ONCE)):
            rows: Rows = {"runs": [], "steps": [], "measurements": [], "results": []}
            for number, (run_id, recipe) in some:
                _add_run(rows, number, run_id, recipe, plan, random)
            for name in rows:
                connection.execute(insert(getattr(tables, name)), rows[name])
    return ids


def _recipes(base: Recipe, count: int) -> Iterator[Recipe]:
    """A grid of temperatures, soft weights and bit-widths, five seeds each, and round again with other learning rates."""
    grid = [
        (temperature, weight, bits, seed)
        for temperature in (1, 2, 4, 8, 12)
        for weight in (0.1, 0.3, 0.5, 0.7, 0.9)
        for bits in (2, 3, 4, 6, 8)
        for seed in range(5)
    ]
    for number in range(count):
        temperature, weight, bits, seed = grid[number % len(grid)]
        rate = round(0.002 * (1 + number // len(grid)), 4)
        yield base.with_values(
            {
                "distill.temperature": temperature,
                "distill.soft_weight": weight,
                "quantize.bits": bits,
                "seed": seed,
                "distill.learning_rate": rate,
                "name": f"T {temperature}, α {weight}, {bits} bit",
            }
        )


def _add_run(rows: Rows, number: int, run_id: str, recipe: Recipe, plan: list[Step], random: np.random.Generator) -> None:
    ended = now() - timedelta(minutes=number)
    rows["runs"].append(
        {
            "id": run_id,
            "name": recipe.name,
            "task": recipe.task,
            "teacher": str(recipe.teacher),
            "student": str(recipe.student),
            "seed": recipe.seed,
            "recipe": recipe.model_dump(mode="json"),
            "recipe_digest": recipe.digest,
            "state": RunState.SUCCEEDED,
            "device": "auto",
            "slot": "cpu",
            "position": float(number),
            "attempts": 1,
            "headline": "96.5 % ◐",
            "progress": 1.0,
            "created": ended - timedelta(seconds=40),
            "started": ended - timedelta(seconds=38),
            "finished": ended,
            "heartbeat": ended,
        }
    )
    for ordinal, step in enumerate(plan):
        digest = hashlib.sha256(f"{run_id} {step.name}".encode()).hexdigest()
        rows["steps"].append(
            {
                "run": run_id,
                "ordinal": ordinal,
                "name": step.name,
                "stage": step.stage,
                "method": step.method,
                "role": step.role,
                "label": step.label,
                "produces": step.produces,
                "digest": digest,
                "state": StepState.DONE,
                "seconds": float(random.uniform(1, 9)),
                "progress": 1.0,
            }
        )
        if step.produces == "measurements":
            _add_result(rows, run_id, recipe, step, digest, random)


class _Figures(NamedTuple):
    """The figures of a made-up model: %, ms, MB and a count."""

    accuracy: float
    latency: float
    megabytes: float
    parameters: float


def _add_result(rows: Rows, run_id: str, recipe: Recipe, step: Step, digest: str, random: np.random.Generator) -> None:
    made_up = _Figures(*(value * float(random.uniform(0.97, 1.02)) for value in MODELS[str(step.role)]))
    rows["measurements"] += _measurements(run_id, step, made_up, random)
    rows["results"].append(_result(run_id, recipe, step, digest, made_up))


def _measurements(run_id: str, step: Step, made_up: _Figures, random: np.random.Generator) -> Iterator[dict[str, Any]]:
    readings = [round(value, 5) for value in (made_up.latency * random.uniform(0.95, 1.3, SAMPLES)).tolist()]
    plausible = {
        "accuracy": made_up.accuracy,
        "latency_p50": made_up.latency,
        "file_bytes": made_up.megabytes * 1e6,
        "gzip_bytes": made_up.megabytes * 9e5,
        "parameters": made_up.parameters,
    }
    for metric, unit in UNITS.items():
        yield {
            "run": run_id,
            "step": step.name,
            "metric": metric,
            "value": plausible.get(metric, float(random.uniform(1, 100))),
            "unit": unit,
            "low": None,
            "high": None,
            "higher_is_better": unit == "%",
            "samples": readings if metric == "latency_p50" else [],
            "provenance": SIMULATED,
        }


def _result(run_id: str, recipe: Recipe, step: Step, digest: str, made_up: _Figures) -> dict[str, Any]:
    accuracy, latency, megabytes, parameters = made_up
    return {
        "run": run_id,
        "step": step.name,
        "task": recipe.task,
        "role": step.role,
        "label": step.label,
        "model": str(recipe.teacher if step.role == "teacher" else recipe.student),
        "digest": digest,
        "group": group_digest(recipe, step.name),
        "headline": accuracy,
        "headline_low": accuracy - 1.0,
        "headline_high": min(100.0, accuracy + 1.0),
        "latency_ms": latency,
        "latency_low": 0.98 * latency,
        "latency_high": 1.03 * latency,
        "file_mb": megabytes,
        "gzip_mb": 0.9 * megabytes,
        "packed_mb": None,
        "parameters": parameters,
        "macs": 20 * parameters,
        "memory_mb": 60.0,
        "retained": accuracy / 0.98,
        "speedup": 0.5 / latency,
        "origin": "simulated",
        "latency_origin": "simulated",
    }
