"""The quality of a model on the test data: the problem's metrics, and calibration where examples have one label each."""

from typing import Any

import numpy as np

from kdui.core.artifact import Artifact
from kdui.core.errors import StageFailed
from kdui.core.layout import MODEL_FILE, PREDICTIONS_FILE, QUALITY_FILE, read_inputs
from kdui.core.measurement import Measurement
from kdui.methods.deliver.measure.calibration import calibration
from kdui.methods.deliver.measure.headline import row_of
from kdui.methods.deliver.measure.measuring import Measuring
from kdui.methods.deliver.measure.provenance import accuracy_provenance, noted
from kdui.problems import problem_of
from kdui.problems.judging import judged
from kdui.runtime.sessions import graph_batches
from kdui.training.context import StepContext
from kdui.training.teachers import judged_session


def quality(context: StepContext, model: Artifact) -> list[Measurement]:
    """The problem's metrics on the test split, each with its 95 % interval where it is known; calibration."""
    limit = context.settings["test_examples"]
    arrays = context.data.prepared("test", read_inputs(model.path), model.path, limit)
    targets = context.data.targets("test")[:limit] if limit else context.data.targets("test")
    problem = problem_of(context.facts)
    source = noted(accuracy_provenance(model, len(targets)), problem.judged_by)
    batches = graph_batches(
        model.file(MODEL_FILE),
        arrays,
        problem.graph_batch,
        check=lambda done: context.report.progress(0.4 * done),
        session=judged_session(context, model),
    )
    values = judged(problem, targets, batches, judge=problem.judge_arrays).values
    logits = problem.label_logits(values, targets)
    if logits is not None:
        # Halved precision could turn the prediction of an example whose two highest outputs are close.
        np.save(context.out / PREDICTIONS_FILE, values.astype(np.float32))
    arrays_kept: dict[str, Any] = problem.kept(values, targets)
    np.savez(context.out / QUALITY_FILE, **arrays_kept)
    rows, headline = [], context.facts.headline
    intervals = problem.intervals(values, targets, context.facts)
    for metric, value in problem.score(values, targets, context.facts):
        low_high: dict[str, Any] = dict(zip(("low", "high"), intervals.get(metric.name, ()), strict=False))
        rows.append(row_of(metric, value, source, **low_high))
    if all(item.metric != headline.name for item in rows):
        raise StageFailed(f"The test data gave no {headline.noun}, by which {context.facts.title} is judged.")
    return rows + (calibration(logits, targets, source) if logits is not None else [])


KIND = Measuring("quality", 10, quality)
