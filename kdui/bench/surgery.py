"""What removing parts and rounding to blocks buys in latency and size: with untrained weights, because speed does not depend on
them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from kdui.bench.findings import Finding, Spread, plain, ratio
from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.catalogue.studies import Study, read_study
from kdui.core.layout import MODEL_FILE
from kdui.core.recipe import Recipe
from kdui.methods.deliver.measure.samples import timed_sample
from kdui.runtime.latency import measure_latency
from kdui.settings import Settings

UNTRAINED = {"epochs": 0, "soft_weight": 0.0, "train_examples": 64}  # of every stage that would train, or run a teacher


def removed_parts(
    settings: Settings, repeats: int = 3, runs: int = 60, teacher: str = "", student: str = "", pictures: str = ""
) -> list[Finding]:
    """Latency before ÷ after structured pruning, of the networks and with the settings of the recorded studies.

    ``teacher`` and ``student`` stand in for the transformers, ``pictures`` for the ResNet: less to wait for where the speed is
    not the point.
    """
    minilm, fashion = (read_study(name) for name in ("minilm-pruned", "fashion-pruned"))
    if teacher:
        minilm = minilm.model_copy(update={"teacher": teacher, "student": student})
    if pictures:
        fashion = fashion.model_copy(update={"teacher": pictures})
    return [pruned_speed(settings, study, repeats, runs) for study in (minilm, fashion)]


def four_bits(settings: Settings, task: str = "reuters-r8", teacher: str = "minilm-l6") -> list[Finding]:
    """Bytes of the fp32 file ÷ those with blocks of 4 bits, embeddings included."""
    with temporary_home(settings) as home:
        stages = [{"teach": {"epochs": 0}}, {"quantize": {"bits": 4, "scheme": "weight-only"}}, "export"]
        recipe = Recipe.model_validate({"task": task, "teacher": teacher, "stages": stages})
        whole, smaller = _graphs(home, recipe, "quantize")
        sizes = [graph.path.stat().st_size / 1e6 for graph in (whole, smaller)]
    title = f"Bytes of {teacher} in fp32 ÷ in 4-bit blocks of 32, embeddings included"
    return [Finding(title, sizes[0] / sizes[1], "×", "exact", "≥", 6.0, (f"{plain(sizes[0])} → {plain(sizes[1])} MB",))]


class _Graph(NamedTuple):
    """A graph, and one example in the form of its own inputs: a trimmed vocabulary numbers the same words differently."""

    path: Path
    sample: dict[str, np.ndarray]


def _graphs(home: Settings, recipe: Recipe, last: str) -> tuple[_Graph, _Graph]:
    """The graphs of the untrained teacher and of what the step ``last`` makes."""
    laboratory = Laboratory(home, recipe.task)
    steps = laboratory.plan(recipe)
    whole, smaller = (
        _Graph(artifact.file(MODEL_FILE), timed_sample(laboratory.context(steps, "export.teach", home.home), artifact, 1))
        for artifact in (laboratory.make(steps, name) for name in ("export.teach", last))
    )
    return whole, smaller


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
        whole, smaller = _graphs(home, untrained(study), "export.prune_structured")
        whole_ms, smaller_ms = [], []
        for _ in range(repeats):
            timing = measure_latency(smaller.path, whole.path, smaller.sample, baseline_sample=whole.sample, runs=runs)
            whole_ms.append(Spread(timing.baseline_ms, "ms").median)
            smaller_ms.append(timing.median)
        size = f"file {plain(whole.path.stat().st_size / 1e6)} → {plain(smaller.path.stat().st_size / 1e6)} MB"
    above, below = Spread(tuple(whole_ms), "ms"), Spread(tuple(smaller_ms), "ms")
    note = f"batch 1, 1 thread, {runs} answers a repeat in turn; weights are not trained: accuracy stands in the studies"
    aim = next(aim.at_least or 0.0 for aim in study.aims if aim.what == "faster")
    title = f"Latency of {study.teacher} ÷ {study.arms[0].title} (study {study.name})"
    return ratio(title, above, below, "≥", aim, [f"whole {above}", f"pruned {below}, {size}", note])
