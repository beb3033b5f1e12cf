"""What removing parts and rounding to blocks buys in latency and size: untrained weights, because speed does not ask for them."""

from pathlib import Path
from typing import Any

from kdui.bench.findings import Finding, Spread, plain, ratio
from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.catalogue.studies import Study, read_study
from kdui.core.recipe import Recipe
from kdui.methods.export.files import MODEL_FILE
from kdui.methods.measure.samples import timed_sample
from kdui.runtime.latency import measure_latency
from kdui.settings import Settings

UNTRAINED = {"epochs": 0, "soft_weight": 0.0, "train_examples": 64}  # of every stage that would train, or ask a teacher


def removed_parts(settings: Settings, repeats: int = 3, runs: int = 60) -> list[Finding]:
    """Latency before ÷ after structured pruning, of the networks and with the settings of the recorded studies."""
    return [pruned_speed(settings, read_study(name), repeats, runs) for name in ("minilm-pruned", "fashion-pruned")]


def four_bits(settings: Settings, task: str = "reuters-r8", teacher: str = "minilm-l6") -> list[Finding]:
    """Bytes of the fp32 file ÷ those with blocks of 4 bits, embeddings included."""
    with temporary_home(settings) as home:
        stages = [{"teach": {"epochs": 0}}, {"quantize": {"bits": 4, "scheme": "weight-only"}}, "export"]
        recipe = Recipe.model_validate({"task": task, "teacher": teacher, "stages": stages})
        before, after, _ = _graphs(home, recipe, "quantize")
        sizes = [path.stat().st_size / 1e6 for path in (before, after)]
    title = f"Bytes of {teacher} in fp32 ÷ in 4-bit blocks of 32, embeddings included"
    return [Finding(title, sizes[0] / sizes[1], "×", "exact", "≥", 6.0, (f"{plain(sizes[0])} → {plain(sizes[1])} MB",))]


def _graphs(home: Settings, recipe: Recipe, last: str) -> tuple[Path, Path, dict[str, Any]]:
    """The graphs of the untrained teacher and of what the step ``last`` makes, and one example for timing."""
    laboratory = Laboratory(home, recipe.task)
    steps = laboratory.plan(recipe)
    whole, smaller = laboratory.make(steps, "export.teach"), laboratory.make(steps, last)
    sample = timed_sample(laboratory.context(steps, "export.teach", home.home), whole, 1)
    return whole.file(MODEL_FILE), smaller.file(MODEL_FILE), sample


def untrained(study: Study) -> Recipe:
    """The study's first arm, whose stages remove what they remove there and train nothing."""
    (recipe, *_) = study.recipes(study.arms[0])
    stages = [
        stage.model_copy(update={"settings": {**stage.settings, **({"epochs": 0} if stage.method == "teach" else UNTRAINED)}})
        for stage in recipe.stages
        if stage.method != "measure"
    ]
    return Recipe.model_validate({**recipe.plain(), "stages": [*(stage.model_dump() for stage in stages), "export"]})


def pruned_speed(settings: Settings, study: Study, repeats: int, runs: int) -> Finding:
    """Latency of the teacher ÷ that of the study's pruned model, read in turn."""
    with temporary_home(settings) as home:
        before, after, sample = _graphs(home, untrained(study), "export.prune_structured")
        whole, smaller = [], []
        for _ in range(repeats):
            timing = measure_latency(after, before, sample, runs=runs)
            whole.append(Spread(timing.baseline_ms, "ms").median)
            smaller.append(timing.median)
        size = f"file {plain(before.stat().st_size / 1e6)} → {plain(after.stat().st_size / 1e6)} MB"
    above, below = Spread(tuple(whole), "ms"), Spread(tuple(smaller), "ms")
    note = f"batch 1, 1 thread, {runs} answers a repeat in turn; weights are not trained: accuracy stands in the studies"
    aim = next(aim.at_least or 0.0 for aim in study.aims if aim.what == "faster")
    title = f"Latency of {study.teacher} ÷ {study.arms[0].title} (study {study.name})"
    return ratio(title, above, below, "≥", aim, [f"whole {above}", f"pruned {below}, {size}", note])
