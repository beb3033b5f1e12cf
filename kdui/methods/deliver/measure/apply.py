"""Measure: the one look at the test data, then sizes, latency against the teacher in fp32, throughput, memory and kernels."""

from typing import Any

from kdui.core.layout import MEASUREMENTS_FILE
from kdui.methods.deliver.measure.costs import sizes
from kdui.methods.deliver.measure.quality import out_of_domain, quality, robustness
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
    write_json(context.out / MEASUREMENTS_FILE, [item.row() for item in measurements])
    return {"measurements": len(measurements)}
