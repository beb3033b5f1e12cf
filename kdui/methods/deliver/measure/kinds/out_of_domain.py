"""Out-of-domain data: the headline on examples that were not split off the task's own."""

import numpy as np

from kdui.catalogue.tasks import load_out_of_domain
from kdui.core.artifact import Artifact
from kdui.core.layout import MODEL_FILE, read_inputs
from kdui.core.measurement import Measurement
from kdui.core.numbers import THIN
from kdui.methods.deliver.measure.headline import interval_of, row_of, spread_out
from kdui.methods.deliver.measure.measuring import Measuring
from kdui.methods.deliver.measure.provenance import accuracy_provenance, noted, provenance, row
from kdui.problems import problem_of
from kdui.problems.judging import judged
from kdui.runtime.sessions import graph_batches
from kdui.training.context import StepContext
from kdui.training.teachers import judged_session


def out_of_domain(context: StepContext, model: Artifact) -> list[Measurement]:
    """The headline on this many examples of each source that the task's data were not split from; nothing was fitted to them.

    Beside it what always predicting the most frequent label reaches, on the test data as well: sources differ in their balance.
    """
    rows, settings, metric = [], read_inputs(model.path), context.facts.headline
    problem = problem_of(context.facts)
    alone = [_most_frequent(context, "test", context.data.targets("test"), "test")]
    for test_set in context.facts.out_of_domain:
        whole = load_out_of_domain(context.facts, test_set, context.app_settings, context.report.download)
        examples = whole.take([int(place) for place in spread_out(len(whole), context.settings["out_of_domain"])])
        arrays = context.data.arrays(examples.inputs, settings, model.path)
        batches = graph_batches(
            model.file(MODEL_FILE),
            arrays,
            problem.graph_batch,
            check=lambda done: context.report.check(),
            session=judged_session(context, model),
        )
        values = judged(problem, examples.targets, batches, judge=problem.judge_arrays).values
        value = problem.headline(values, examples.targets)
        alone.append(_most_frequent(context, test_set.name, examples.targets, test_set.title))
        source = accuracy_provenance(model, len(examples)).model_copy(update={"split": test_set.title})
        more = interval_of(problem, values, examples.targets)
        rows.append(
            row(f"elsewhere.{test_set.name}", value, metric.unit, noted(source, test_set.about), metric.higher_is_better, **more)
        )
    read = ((item.provenance.split, metric.format(item.value).replace(THIN, " ")) for item in rows)
    words = "mean over " + ", ".join(f"{split} {value}" for split, value in read)
    mean = float(np.mean([item.value for item in rows]))
    source = accuracy_provenance(model, sum(item.provenance.n or 0 for item in rows)).model_copy(update={"split": "elsewhere"})
    over_all = row_of(metric, mean, noted(source, words), name="elsewhere", title=f"{metric.title} out of domain")
    return [over_all, *rows, *filter(None, alone)]


def _most_frequent(context: StepContext, name: str, targets: np.ndarray, split: str) -> Measurement | None:
    """What one prediction for all examples reaches, a fact of the data; None where the problem has no such thing."""
    reached = problem_of(context.facts).constant(targets, context.facts)
    if reached is None:
        return None
    value, answer = reached
    source = provenance(n=len(targets), split=split, note=f"what always predicting {answer!r} would reach")
    return row(f"majority.{name}", value, context.facts.headline.unit, source, None)


KIND = Measuring("out_of_domain", 50, out_of_domain, wanted=lambda context: bool(context.settings.get("out_of_domain", 0)))
