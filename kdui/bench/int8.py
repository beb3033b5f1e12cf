"""What int8 buys the MiniLM teacher on this processor: every variant that kdui would try, in turn with fp32."""

from pathlib import Path

from kdui.bench.findings import Finding, Spread, plain, ratio
from kdui.bench.laboratory import Laboratory, temporary_home
from kdui.core.layout import MODEL_FILE
from kdui.core.recipe import Recipe
from kdui.methods.compress.quantize.int8 import variants, write_dynamic
from kdui.methods.deliver.measure.samples import timed_sample
from kdui.runtime.latency import measure_latency
from kdui.settings import Settings


def int8_speedup(
    settings: Settings, task: str = "reuters-r8", teacher: str = "minilm-l6", repeats: int = 5, runs: int = 60
) -> list[Finding]:
    """Median latency of fp32 ÷ int8, one text of 64 tokens, one thread, a fresh process a repeat; the fastest variant counts."""
    recipe = Recipe.model_validate({"task": task, "teacher": teacher, "stages": [{"teach": {"epochs": 0}}, "export"]})
    with temporary_home(settings) as home:
        laboratory = Laboratory(home, task)
        steps = laboratory.plan(recipe)
        graph = laboratory.make(steps, "export.teach")
        sample = timed_sample(laboratory.context(steps, "export.teach", home.home), graph, 1)
        speedups: dict[str, Finding] = {}
        for number, (name, options) in enumerate(variants("dynamic").items()):
            path = home.home / f"{number}.onnx"
            if not write_dynamic(graph.file(MODEL_FILE), path, **options, sample=sample):
                continue
            speedups[name] = _against_fp32(
                f"int8 speed-up of {teacher}, ONNX Runtime, {name}", graph.file(MODEL_FILE), path, sample, repeats, runs
            )
        best = max(speedups, key=lambda name: speedups[name].value)
        tokens = next(iter(sample.values())).shape[1]
    others = tuple(f"{name}: {plain(item.value)} × ({item.spread})" for name, item in speedups.items() if name != best)
    note = f"batch 1, {tokens} tokens, 1 thread, {runs} answers a repeat in turn; trained or not makes no difference to speed"
    return [Finding(**{**vars(speedups[best]), "lines": (*speedups[best].lines, *others, note)})]


def _against_fp32(title: str, float_graph: Path, int8_graph: Path, sample: dict, repeats: int, runs: int) -> Finding:
    fp32_ms, int8_ms = [], []
    for _ in range(repeats):
        timing = measure_latency(int8_graph, float_graph, sample, runs=runs)
        fp32_ms.append(Spread(timing.baseline_ms, "ms").median)
        int8_ms.append(timing.median)
    fp32, int8 = Spread(tuple(fp32_ms), "ms"), Spread(tuple(int8_ms), "ms")
    size = f"file {plain(float_graph.stat().st_size / 1e6)} → {plain(int8_graph.stat().st_size / 1e6)} MB"
    return ratio(title, fp32, int8, "≥", 2.4, [f"fp32 {fp32}", f"int8 {int8}, {size}"])
