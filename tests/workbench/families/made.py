"""Runs of a family that are finished in a moment, with the results that a worker would have measured."""

from typing import Any

from kdui.core.measurement import Measurement, Provenance
from kdui.core.run import Run, RunState
from kdui.store.runs import group_digest
from kdui.workbench.workbench import Workbench


def finish(
    bench: Workbench, run: Run, headline: float, latency_ms: float = 1.0, download_mb: float = 0.5, spread: float = 0.01
) -> None:
    """Let a queued run succeed with one measured student; ``spread``: half the interval of its latency, ms."""
    if bench.store.runs.facts(run.id).state is RunState.QUEUED:
        bench.store.runs.update(run.id, state=RunState.RUNNING, slot=run.id)
    provenance = Provenance(origin="measured", device="a CPU", n=359, split="test")
    measured = [Measurement(metric="accuracy", value=headline, unit="%", provenance=provenance)]
    bench.store.results.record(run.id, "measure.distill", measured, row(run, headline, latency_ms, download_mb, spread))
    bench.store.runs.transition(run.id, RunState.SUCCEEDED, progress=1.0)


def row(run: Run, headline: float, latency_ms: float, download_mb: float, spread: float) -> dict[str, Any]:
    """A student's line as Measure writes it."""
    return {
        "task": run.recipe.task,
        "role": "student",
        "label": "The student",
        "model": str(run.recipe.student),
        "digest": f"onnx-{run.id}",
        "group": group_digest(run.recipe, "distill"),
        "headline": headline,
        "headline_low": headline - 1,
        "headline_high": headline + 1,
        "latency_ms": latency_ms,
        "latency_low": latency_ms - spread,
        "latency_high": latency_ms + spread,
        "file_mb": download_mb,
        "gzip_mb": download_mb,
        "packed_mb": None,
        "parameters": download_mb * 250_000,
        "origin": "measured",
        "latency_origin": "measured",
    }
