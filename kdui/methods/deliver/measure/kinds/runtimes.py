"""The same file in other runtimes: whether they predict what ONNX Runtime predicts, and how fast they are in turn with it."""

from typing import NamedTuple

import numpy as np

from kdui.catalogue.problems import PROBLEMS
from kdui.core.artifact import Artifact
from kdui.core.errors import StageFailed
from kdui.core.layout import MODEL_FILE, RUNTIMES_FILE, read_inputs
from kdui.core.measurement import Measurement
from kdui.core.padding import trimmed
from kdui.core.runner import RUNNERS, USUAL, Runner, RunnerFacts
from kdui.machine import versions
from kdui.methods.deliver.measure.headline import spread_out
from kdui.methods.deliver.measure.measuring import Measuring
from kdui.methods.deliver.measure.provenance import noted, provenance, row, unpacked_note
from kdui.methods.deliver.measure.samples import THROUGHPUT_BATCH, timed_sample
from kdui.problems import problem_of
from kdui.runtime.latency import Latency, measure_latency
from kdui.runtime.runners import open_runner
from kdui.runtime.timing import quantile_interval
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext
from kdui.training.teachers import limits_of

MOST_EXAMPLES = 256  # test examples on which the predictions of two runtimes are compared
PROCESSES, LEAST_RUNS = 2, 20  # that share the readings, of which each takes so many
BATCH_RUNS = 40  # readings of a whole batch
FOREIGN = "A graph from outside is computed within limits, which this runtime is not held to here."


def runtimes(context: StepContext, model: Artifact) -> list[Measurement]:
    """Six figures for each runtime that takes the graph; why another one did not is kept in runtimes.json."""
    rows, refused = [], {}
    for name in context.settings["runtimes"]:
        try:
            if limits_of(context, model) is not None:
                raise StageFailed(FOREIGN)
            rows += _of_runtime(context, model, RUNNERS[name])
        except StageFailed as error:
            refused[name] = str(error)
            context.report.log(f"{RUNNERS[name].title} was not measured: {error}")
    write_json(context.out / RUNTIMES_FILE, refused)
    return rows


def _of_runtime(context: StepContext, model: Artifact, facts: RunnerFacts) -> list[Measurement]:
    path = model.file(MODEL_FILE)
    alike = compared(context, model, open_runner(USUAL, path), open_runner(facts.name, path))
    rows, runs = [], context.settings["latency_runs"]
    # A language model generates token by token, so whole batches of texts are not what it is timed for.
    batches = {1: runs} if PROBLEMS[context.facts.problem].streams else {1: runs, THROUGHPUT_BATCH: min(runs, BATCH_RUNS)}
    for batch, count in batches.items():
        timing = measure_latency(
            path,
            path,
            timed_sample(context, model, batch),
            runs=count,
            threads=context.settings["threads"],
            processes=PROCESSES if count >= PROCESSES * LEAST_RUNS else 1,
            runtimes=(facts.name, USUAL),
        )
        rows += _speed_rows(context, model, facts, timing, batch)
        context.report.check()
    return [*rows, *_alike_rows(facts, alike)]


class Alike(NamedTuple):
    """How near two runtimes are: distributions with the same largest choice, of how many, over how many examples; the largest
    difference of an output as a share of the largest output."""

    same: int
    rows: int
    examples: int
    difference: float


def compared(context: StepContext, model: Artifact, usual: Runner, other: Runner) -> Alike:
    """Both over some test examples, spread over the whole split; their labels decide nothing."""
    problem, inputs = problem_of(context.facts), read_inputs(model.path)
    limit = context.settings["test_examples"]
    arrays, targets = context.data.prepared("test", inputs, model.path, limit), context.data.targets("test")
    places = spread_out(len(next(iter(arrays.values()))), MOST_EXAMPLES)
    same, count, largest, worst = 0, 0, 0.0, 0.0
    for start in range(0, len(places), problem.graph_batch):
        index = places[start : start + problem.graph_batch]
        batch = trimmed({name: array[index] for name, array in arrays.items()})
        outputs = [runner.run(None, batch)[0] for runner in (usual, other)]
        choices = [problem.distributions(each, batch, targets[index]).argmax(-1) for each in outputs]
        same, count = same + int((choices[0] == choices[1]).sum()), count + choices[0].size
        expected = outputs[0].astype(np.float32)
        largest = max(largest, float(np.abs(expected).max()))
        worst = float(np.max([worst, np.abs(outputs[1] - expected).max()]))  # unlike Python's max it keeps a NaN
        context.report.check()
    if not np.isfinite(worst):
        raise StageFailed("It gives no numbers for some test examples.")
    return Alike(same, count, len(places), worst / max(largest, 1e-12))


def _speed_rows(context: StepContext, model: Artifact, facts: RunnerFacts, timing: Latency, batch: int) -> list[Measurement]:
    threads, usual = context.settings["threads"], RUNNERS[USUAL].title
    words = [
        f"{facts.title}, batch {batch}, {threads} thread{'s' if threads > 1 else ''}, in turn with {usual} on the same file",
        *filter(None, (facts.note, unpacked_note(model), timing.doubt)),
    ]
    source = provenance(n=len(timing.candidate_ms), note="; ".join(words), versions=_versions(facts))
    low, high = quantile_interval(timing.candidate_ms, 0.5, timing.parts)
    ratio, least, most = timing.speedup
    samples = tuple(round(value, 5) for value in timing.candidate_ms)
    name = facts.name if batch == 1 else f"{facts.name}_batch{batch}"
    beside = "" if batch == 1 else f", batch {batch}"
    return [
        row(f"latency_{name}", timing.median, "ms", source, low=low, high=high, samples=samples,
            title=f"Latency p50, {facts.title}{beside}"),
        row(f"speedup_{name}", ratio, "×", noted(source, faster(facts.title, usual, least, most)), True, low=least,
            high=most, title=f"{facts.title} over {usual}{beside}"),
    ]  # fmt: skip


def faster(title: str, usual: str, low: float, high: float) -> str:
    """Which of two runtimes is faster, by the 95 % interval of the ratio of the usual one's latency to the other's."""
    return f"{title} is faster" if low > 1 else f"{usual} is faster" if high < 1 else "neither is clearly faster"


def _alike_rows(facts: RunnerFacts, alike: Alike) -> list[Measurement]:
    usual = RUNNERS[USUAL].title
    source = provenance(n=alike.examples, split="test", note=f"against {usual}; {facts.note}", versions=_versions(facts))
    counted = noted(source, f"{alike.same:,} of {alike.rows:,} predictions")
    return [
        row(f"agreement_{facts.name}", 100 * alike.same / alike.rows, "%", counted, True,
            title=f"Same predictions in {facts.title}"),
        row(f"difference_{facts.name}", 100 * alike.difference, "%", noted(source, "of the largest output"),
            title=f"Largest difference in {facts.title}"),
    ]  # fmt: skip


def _versions(facts: RunnerFacts) -> dict[str, str]:
    return {**versions(), facts.name: str(facts.version)}


KIND = Measuring("runtimes", 35, runtimes, wanted=lambda context: bool(context.settings.get("runtimes")))
