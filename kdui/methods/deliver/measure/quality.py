"""The quality of a model on the test data: the problem's metrics, calibration, and, where requested, robustness."""

from typing import Any

import numpy as np

from kdui.catalogue.tasks import load_out_of_domain
from kdui.core.artifact import Artifact
from kdui.core.contracts import Problem
from kdui.core.errors import StageFailed
from kdui.core.layout import MODEL_FILE, PREDICTIONS_FILE, QUALITY_FILE, read_inputs
from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.core.metric import Metric
from kdui.core.numbers import THIN
from kdui.methods.deliver.measure.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from kdui.methods.deliver.measure.provenance import SIMULATED_ACCURACY, is_simulated, provenance, row
from kdui.problems import problem_of
from kdui.problems.classification.calibration import BINS, calibrated_error, expected_calibration_error, fitted_temperature
from kdui.problems.judging import judged
from kdui.runtime.sessions import graph_batches
from kdui.training.context import StepContext
from kdui.training.teachers import graph_session

LEAST_FOR_CALIBRATION = 30  # examples


def accuracy_provenance(model: Artifact, n: int) -> Provenance:
    """Measured on test data, or simulated where the weights are rounded in a float graph."""
    simulated = is_simulated(model)
    return provenance(
        n=n,
        split="test",
        origin=Origin.SIMULATED if simulated else Origin.MEASURED,
        note=SIMULATED_ACCURACY if simulated else "",
    )


def quality(context: StepContext, model: Artifact) -> list[Measurement]:
    """The problem's metrics on the test split, the headline with its 95 % interval where it is a share; calibration."""
    limit = context.settings["test_examples"]
    arrays = context.data.prepared("test", read_inputs(model.path), model.path, limit)
    targets = context.data.targets("test")[:limit] if limit else context.data.targets("test")
    source, problem = accuracy_provenance(model, len(targets)), problem_of(context.facts)
    batches = graph_batches(
        model.file(MODEL_FILE),
        arrays,
        problem.graph_batch,
        check=lambda done: context.report.progress(0.4 * done),
        session=graph_session(context, model),
    )
    values = judged(problem, targets, batches).values
    logits = problem.label_logits(values, targets)
    if logits is not None:
        # Halved precision could turn the prediction of an example whose two highest outputs are close.
        np.save(context.out / PREDICTIONS_FILE, values.astype(np.float32))
    arrays_kept: dict[str, Any] = problem.kept(values, targets)
    np.savez(context.out / QUALITY_FILE, **arrays_kept)
    rows, headline = [], context.facts.headline
    for metric, value in problem.score(values, targets, context.facts):
        interval: dict[str, Any] = _interval(problem, values, targets) if metric.name == headline.name else {}
        rows.append(_row_of(metric, value, source, **interval))
    if all(item.metric != headline.name for item in rows):
        raise StageFailed(f"The test data gave no {headline.title.lower()}, by which {context.facts.title} is judged.")
    return rows + (calibration(logits, targets, source) if logits is not None else [])


def calibration(outputs: np.ndarray, targets: np.ndarray, source: Provenance) -> list[Measurement]:
    """Expected calibration error, the temperature that would mend it, and what error it would leave; for one label an example."""
    if len(targets) < LEAST_FOR_CALIBRATION:
        return []
    temperature = fitted_temperature(outputs, targets)
    before = 100 * expected_calibration_error(outputs, targets)
    after = 100 * calibrated_error(outputs, targets)
    bins = noted(source, f"{BINS} bins of confidence (Guo 2017)")
    half = f"dividing the outputs by a temperature fitted on one half of the test data leaves {after:.1f} % on the other half"
    return [
        row("ece", before, "%", noted(bins, half)),
        row("ece_scaled", after, "%", noted(bins, "temperature fitted on one half of the test data, error taken on the other")),
        row("calibration_temperature", temperature, "", noted(source, "below 1: under-confident; above 1: over-confident"), None),
    ]


def noted(source: Provenance, note: str) -> Provenance:
    """The same with one more thing that a reader must know."""
    return source.model_copy(update={"note": "; ".join(filter(None, (source.note, note)))})


def robustness(context: StepContext, model: Artifact) -> list[Measurement]:
    """The headline at each corruption and severity, clean first, on ``robustness`` test examples; their mean as one number."""
    kinds = CORRUPTIONS.get(context.facts.modality, {})
    chosen = spread_out(len(context.data.targets("test")), context.settings["robustness"])
    targets = context.data.targets("test")[chosen]
    inputs = context.data.splits["test"].inputs
    raw = [inputs[index] for index in chosen] if isinstance(inputs, list) else inputs[chosen]
    source = accuracy_provenance(model, len(chosen))
    settings, problem = read_inputs(model.path), problem_of(context.facts)
    metric = context.facts.headline
    session = graph_session(context, model)
    cells = [("clean", 0), *((name, severity) for name in kinds for severity in SEVERITIES)]
    rows = []
    for number, (name, severity) in enumerate(cells):
        examples = corrupted(raw, context.facts.modality, name, severity) if severity else raw
        arrays = context.data.arrays(examples, settings, model.path)
        batches = graph_batches(model.file(MODEL_FILE), arrays, problem.graph_batch, session=session)
        values = judged(problem, targets, batches).values
        value, interval = problem.headline(values, targets), _interval(problem, values, targets)
        rows.append(row(f"robustness.{name}.{severity}", value, metric.unit, source, metric.higher_is_better, **interval))
        context.report.progress(0.9 + 0.1 * number / len(cells))
    harmed = [item.value for item in rows[1:]]
    if not harmed:
        return []
    clean = metric.format(rows[0].value).replace(THIN, " ")
    words = f"mean over {len(kinds)} corruptions at 5 severities; {clean} on the same examples when clean"
    title = f"{metric.title} on corrupted inputs"
    return [_row_of(metric, float(np.mean(harmed)), noted(source, words), name="robustness", title=title), *rows]


def out_of_domain(context: StepContext, model: Artifact) -> list[Measurement]:
    """The headline on this many examples of each source that the task's data were not split from; nothing was fitted to them.

    Beside it the accuracy of always predicting the most frequent label, on the test data as well: sources differ in their
    balance.
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
            session=graph_session(context, model),
        )
        values = judged(problem, examples.targets, batches).values
        value = problem.headline(values, examples.targets)
        alone.append(_most_frequent(context, test_set.name, examples.targets, test_set.title))
        source = accuracy_provenance(model, len(examples)).model_copy(update={"split": test_set.title})
        more = _interval(problem, values, examples.targets)
        rows.append(
            row(f"elsewhere.{test_set.name}", value, metric.unit, noted(source, test_set.about), metric.higher_is_better, **more)
        )
    read = ((item.provenance.split, metric.format(item.value).replace(THIN, " ")) for item in rows)
    words = "mean over " + ", ".join(f"{split} {value}" for split, value in read)
    mean = float(np.mean([item.value for item in rows]))
    source = accuracy_provenance(model, sum(item.provenance.n or 0 for item in rows)).model_copy(update={"split": "elsewhere"})
    over_all = _row_of(metric, mean, noted(source, words), name="elsewhere", title=f"{metric.title} out of domain")
    return [over_all, *rows, *filter(None, alone)]


def _row_of(metric: Metric, value: float, source: Provenance, name: str = "", title: str = "", **values: Any) -> Measurement:
    """A measurement of this metric, or of the same quantity under another ``name``."""
    return row(name or metric.name, value, metric.unit, source, metric.higher_is_better, title=title or metric.title, **values)


def _most_frequent(context: StepContext, name: str, targets: np.ndarray, split: str) -> Measurement | None:
    """The share of the most frequent label in %, a fact of the data; None where examples have no single label."""
    labels = context.facts.labels
    if not labels or targets.ndim != 1:
        return None
    counts = np.bincount(targets, minlength=len(labels))
    words = f"what always predicting {labels[int(counts.argmax())]!r} would reach"
    return row(
        f"majority.{name}", 100 * counts.max() / len(targets), "%", provenance(n=len(targets), split=split, note=words), None
    )


def spread_out(total: int, wanted: int) -> np.ndarray:
    """This many places, evenly over the whole split: its beginning may be sorted."""
    return np.unique(np.linspace(0, total - 1, min(total, wanted)).round().astype(int))


def _interval(problem: Problem, values: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    interval = problem.interval(values, targets)
    return {} if interval is None else {"low": interval[0], "high": interval[1]}
