"""Measure: the one look at the test data, then what a model costs, and further kinds as the form and the problem want them."""

from typing import Any

from kdui.core.layout import MEASUREMENTS_FILE
from kdui.methods.deliver.measure.measuring import wanted_kinds
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext


def measure(context: StepContext) -> dict[str, Any]:
    """All measurements of one model as measurements.json, beside them what its kinds keep: outputs, values, kernels."""
    model = context.inputs["model"]
    measurements = [item for kind in wanted_kinds(context) for item in kind.measure(context, model)]
    write_json(context.out / MEASUREMENTS_FILE, [item.row() for item in measurements])
    return {"measurements": len(measurements)}
