"""Quantize: choose among int8 variants by validation accuracy and measured latency, or simulate any other bit-width."""

import shutil
from pathlib import Path
from typing import Any

from kdui.core.errors import StageFailed
from kdui.methods.export.files import INPUTS_FILE, MODEL_FILE, read_inputs
from kdui.methods.quantize.int8 import variants, write_dynamic, write_static
from kdui.methods.quantize.simulated import PACKED_FILE, simulate
from kdui.objectives import objective_of
from kdui.runtime.latency import measure_latency
from kdui.runtime.sessions import graph_outputs
from kdui.training.context import StepContext

ALLOWED_LOSS = 0.25  # points of the headline that the fastest variant may lie below the best one
QUICK_RUNS = 60
VALIDATION_EXAMPLES = 2000


def quantize(context: StepContext) -> dict[str, Any]:
    """The quantized graph with what serving needs; the summary says which scheme won and what the others gave."""
    source = context.inputs["model"]
    settings = context.settings
    inputs = read_inputs(source.path)
    for name in (INPUTS_FILE, *inputs.files):
        shutil.copyfile(source.file(name), context.out / name)
    known: dict[str, Any] = {
        key: source.manifest.summary[key] for key in ("parameters", "nonzero", "macs") if key in source.manifest.summary
    }
    facts: dict[str, Any] = {**known, "bits": settings["bits"], "scheme": settings["scheme"]}
    if settings["scheme"] == "simulated":
        return facts | simulate(source.file(MODEL_FILE), context.out / MODEL_FILE, context.out / PACKED_FILE, settings["bits"])
    return facts | _best_int8(context, source.file(MODEL_FILE))


def _best_int8(context: StepContext, source: Path) -> dict[str, Any]:
    """Write every variant, score it on validation data, and keep the fastest among those that lose no more than allowed."""
    inputs = read_inputs(context.inputs["model"].path)
    folder = context.inputs["model"].path
    arrays = context.data.prepared("validation", inputs, folder, VALIDATION_EXAMPLES)
    targets = context.data.targets("validation")[:VALIDATION_EXAMPLES]
    sample = {name: array[:1] for name, array in arrays.items()}
    tried: dict[str, dict[str, float]] = {}
    for number, (name, options) in enumerate(variants(context.settings["scheme"]).items()):
        context.report.check()
        path = context.out / f"{number}.onnx"
        if context.settings["scheme"] == "dynamic":
            write_dynamic(source, path, **options)
        else:
            write_static(
                source, path, context.data.prepared("train", inputs, folder, context.settings["calibration_examples"]), **options
            )
        score = objective_of(context.facts).headline(graph_outputs(path, arrays), targets)
        timing = measure_latency(path, path, sample, runs=QUICK_RUNS)
        tried[name] = {"validation": score, "latency_ms": timing.median, "file": number}
        context.report.log(f"{name}: {score:.2f} on validation data, {timing.median:.3f} ms")
    best = max(entry["validation"] for entry in tried.values())
    near = {name: entry for name, entry in tried.items() if entry["validation"] >= best - ALLOWED_LOSS}
    if not near:
        raise StageFailed("No int8 variant could be scored. Choose fewer bits with scheme: simulated.")
    chosen = min(near, key=lambda name: near[name]["latency_ms"])
    for entry in tried.values():
        path = context.out / f"{int(entry['file'])}.onnx"
        path.rename(context.out / MODEL_FILE) if entry is tried[chosen] else path.unlink()
    return {"variant": chosen, "variants": tried}
