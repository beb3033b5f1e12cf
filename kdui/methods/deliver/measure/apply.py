"""Measure: the one look at the test data, then sizes, latency against the teacher in fp32, throughput, memory and kernels;
of a language model what its predictions, choices and texts are like."""

from typing import Any

from kdui.catalogue.problems import PROBLEMS
from kdui.core.layout import MEASUREMENTS_FILE
from kdui.methods.deliver.measure.costs import sizes
from kdui.methods.deliver.measure.language import OF_LANGUAGE, language
from kdui.methods.deliver.measure.quality import out_of_domain, quality, robustness
from kdui.methods.deliver.measure.spec import DEFERRED
from kdui.methods.deliver.measure.speed import speed
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext


def measure(context: StepContext) -> dict[str, Any]:
    """All measurements of one model as measurements.json, its test outputs as predictions.npy, its kernels as kernels.json."""
    model = context.inputs["model"]
    measurements = [*quality(context, model), *sizes(model)]
    context.report.progress(0.5)
    if context.settings.get("speed", True):
        measurements += speed(context, model)
    if context.settings.get("robustness", 0):
        measurements += robustness(context, model)
    if context.settings.get("out_of_domain", 0):
        measurements += out_of_domain(context, model)
    if "tokens" in PROBLEMS[context.facts.problem].gives:
        measurements += language(context, model, {name: context.settings.get(name, DEFERRED[name]) for name in OF_LANGUAGE})
    write_json(context.out / MEASUREMENTS_FILE, [item.row() for item in measurements])
    return {"measurements": len(measurements)}
