"""Robustness: the headline on inputs that are made worse step by step."""

import numpy as np

from kdui.core.artifact import Artifact
from kdui.core.layout import MODEL_FILE, read_inputs
from kdui.core.measurement import Measurement
from kdui.core.numbers import THIN
from kdui.methods.deliver.measure.headline import interval_of, row_of, spread_out
from kdui.methods.deliver.measure.measuring import Measuring
from kdui.methods.deliver.measure.provenance import accuracy_provenance, noted, row
from kdui.modalities.corruption import SEVERITIES, corrupted, corruptions_of
from kdui.problems import problem_of
from kdui.problems.judging import judged
from kdui.runtime.sessions import graph_batches
from kdui.training.context import StepContext
from kdui.training.teachers import judged_session


def robustness(context: StepContext, model: Artifact) -> list[Measurement]:
    """The headline at each corruption and severity, clean first, on ``robustness`` test examples; their mean as one number."""
    kinds = corruptions_of(context.facts.modality)
    chosen = spread_out(len(context.data.targets("test")), context.settings["robustness"])
    targets = context.data.targets("test")[chosen]
    inputs = context.data.splits["test"].inputs
    raw = [inputs[index] for index in chosen] if isinstance(inputs, list) else inputs[chosen]
    source = accuracy_provenance(model, len(chosen))
    settings, problem = read_inputs(model.path), problem_of(context.facts)
    metric = context.facts.headline
    session = judged_session(context, model)
    cells = [("clean", 0), *((name, severity) for name in kinds for severity in SEVERITIES)]
    rows = []
    for number, (name, severity) in enumerate(cells):
        examples = corrupted(raw, context.facts.modality, name, severity) if severity else raw
        arrays = context.data.arrays(examples, settings, model.path)
        batches = graph_batches(model.file(MODEL_FILE), arrays, problem.graph_batch, session=session)
        values = judged(problem, targets, batches, judge=problem.judge_arrays).values
        value, interval = problem.headline(values, targets), interval_of(problem, values, targets)
        rows.append(row(f"robustness.{name}.{severity}", value, metric.unit, source, metric.higher_is_better, **interval))
        context.report.progress(0.9 + 0.1 * number / len(cells))
    harmed = [item.value for item in rows[1:]]
    if not harmed:
        return []
    clean = metric.format(rows[0].value).replace(THIN, " ")
    words = f"mean over {len(kinds)} corruptions at 5 severities; {clean} on the same examples when clean"
    title = f"{metric.title} on corrupted inputs"
    return [row_of(metric, float(np.mean(harmed)), noted(source, words), name="robustness", title=title), *rows]


KIND = Measuring("robustness", 40, robustness, wanted=lambda context: bool(context.settings.get("robustness", 0)))
