"""Sensitivity as a stage: accuracy and KL lost by each layer at each strength, kept as JSON."""

from typing import Any

from kdui.core.layout import SENSITIVITY_FILE
from kdui.methods.compress.sensitivity.probe import Probe
from kdui.methods.compress.sensitivity.scan import Scan, summary_of
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext


def sensitivity(context: StepContext) -> dict[str, Any]:
    """Write ``sensitivity.json``; the summary names the layer that breaks first and the error of the additive prediction."""
    settings = context.settings
    split = context.data.splits["validation"]
    probe = Probe(context.inputs["model"].path, context.facts, split, settings["examples"])
    scan = Scan(probe, settings["methods"])
    while scan.step():
        context.report.progress(scan.done / scan.total)
        context.report.check()
    result = scan.result()
    write_json(context.out / SENSITIVITY_FILE, result)
    summary = summary_of(result)
    context.report.log(summary["finding"])
    return summary
