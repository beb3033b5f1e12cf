"""What removing parts and rounding to blocks buys in latency and size: untrained weights, because speed does not ask for them."""

from pathlib import Path
from typing import Any

from kdui.bench.findings import Finding, Spread, plain, ratio
from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.core.recipe import Recipe
from kdui.core.words import percent
from kdui.methods.export.files import MODEL_FILE
from kdui.methods.measure.samples import timed_sample
from kdui.runtime.latency import measure_latency
from kdui.settings import Settings

# What the study minilm-pruned removes.
TEXT_PARTS = {"heads": 0.75, "feed_forward": 0.8}


def removed_parts(settings: Settings, repeats: int = 3, runs: int = 60) -> list[Finding]:
    """Latency before ÷ after structured pruning, of the MiniLM teacher and of a residual network for clothing."""
    return [
        pruned_speed(settings, "reuters-r8", "minilm-l6", TEXT_PARTS, 3.0, repeats, runs),
        pruned_speed(settings, "fashion-mnist", "resnet-20", {"share": 0.5}, 2.5, repeats, runs),
    ]


def four_bits(settings: Settings, task: str = "reuters-r8", teacher: str = "minilm-l6") -> list[Finding]:
    """Bytes of the fp32 file ÷ those with blocks of 4 bits, embeddings included."""
    with temporary_home(settings) as home:
        before, after, _ = _graphs(home, task, teacher, {"quantize": {"bits": 4, "scheme": "weight-only"}})
        sizes = [path.stat().st_size / 1e6 for path in (before, after)]
    title = f"Bytes of {teacher} in fp32 ÷ in 4-bit blocks of 32, embeddings included"
    return [Finding(title, sizes[0] / sizes[1], "×", "exact", "≥", 6.0, (f"{plain(sizes[0])} → {plain(sizes[1])} MB",))]


def _graphs(home: Settings, task: str, teacher: str, stage: dict[str, Any]) -> tuple[Path, Path, dict[str, Any]]:
    """The exported graphs of the untrained model before and after the stage, and one example for timing."""
    recipe = Recipe.model_validate({"task": task, "teacher": teacher, "stages": [{"teach": {"epochs": 0}}, stage, "export"]})
    laboratory = Laboratory(home, task)
    steps = laboratory.plan(recipe)
    method = next(iter(stage))
    first = laboratory.make(steps, "export.teach")
    last = laboratory.make(steps, f"export.{method}" if f"export.{method}" in steps else method)
    sample = timed_sample(laboratory.context(steps, "export.teach", home.home), first, 1)
    return first.file(MODEL_FILE), last.file(MODEL_FILE), sample


def pruned_speed(
    settings: Settings, task: str, teacher: str, shares: dict[str, float], aim: float, repeats: int, runs: int
) -> Finding:
    """Latency of the whole model ÷ that of the pruned one, read in turn."""
    stage = {"prune_structured": {"epochs": 0, "calibration_examples": 16, **shares}}
    with temporary_home(settings) as home:
        before, after, sample = _graphs(home, task, teacher, stage)
        whole, smaller = [], []
        for _ in range(repeats):
            timing = measure_latency(after, before, sample, runs=runs)
            whole.append(Spread(timing.baseline_ms, "ms").median)
            smaller.append(timing.median)
        size = f"file {plain(before.stat().st_size / 1e6)} → {plain(after.stat().st_size / 1e6)} MB"
    above, below = Spread(tuple(whole), "ms"), Spread(tuple(smaller), "ms")
    removed = ", ".join(
        f"{percent(share)} of {'channels' if part == 'share' else part.replace('_', ' ')}" for part, share in shares.items()
    )
    note = f"batch 1, 1 thread, {runs} answers a repeat in turn; weights are not trained: accuracy stands in the studies"
    title = f"Latency of {teacher} ÷ without {removed}"
    return ratio(title, above, below, "≥", aim, [f"whole {above}", f"pruned {below}, {size}", note])
