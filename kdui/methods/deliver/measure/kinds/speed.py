"""A model's latency and memory: the rows of the latency harness, and the way to and from the graph."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from kdui.catalogue.problems import PROBLEMS
from kdui.core.artifact import Artifact
from kdui.core.layout import MODEL_FILE, read_inputs
from kdui.core.measurement import Measurement
from kdui.methods.deliver.measure.costs import kernels
from kdui.methods.deliver.measure.generation import generation_rows
from kdui.methods.deliver.measure.measuring import Measuring
from kdui.methods.deliver.measure.provenance import provenance, row, unpacked_note, variant_note
from kdui.methods.deliver.measure.samples import THROUGHPUT_BATCH, sweep, timed_length, timed_sample
from kdui.modalities import modality_of, seconds_of
from kdui.problems import problem_of
from kdui.runtime.latency import Latency, Setting, measure_latency, measure_memory
from kdui.runtime.timing import quantile_interval
from kdui.training.context import StepContext
from kdui.training.teachers import graph_session, limits_of

AROUND_RUNS = 50  # readings of what happens before and after the graph
PERCENTILES = (50, 90, 95)
PROCESSES = 4  # that share the readings: the same file is a little faster or slower in each
LEAST_RUNS = 20  # readings of one process, or a single one takes all


def speed(context: StepContext, model: Artifact) -> list[Measurement]:
    """Latency in turn with the baseline, a sweep over batches, threads and lengths, memory, pre- and post-processing, kernels."""
    baseline, threads = context.inputs["baseline"], context.settings["threads"]
    device, sample = device_of(context), timed_sample(context, model, 1)
    generates = PROBLEMS[context.facts.problem].streams  # then prompts of several lengths and batches are timed in its own way
    timing = measure_latency(
        model.file(MODEL_FILE),
        baseline.file(MODEL_FILE),
        sample,
        baseline_sample=timed_sample(context, baseline, 1),
        batch=None if generates else timed_sample(context, model, THROUGHPUT_BATCH),
        sweep=sweep(context, model) if context.settings.get("sweep", True) and not generates else (),
        runs=context.settings["latency_runs"],
        threads=threads,
        device=device,
        limits=limits_of(context, model, baseline),
        processes=PROCESSES if context.settings["latency_runs"] >= PROCESSES * LEAST_RUNS else 1,
    )
    if timing.doubt:
        context.report.log(f"latency is {timing.doubt}")
    context.report.progress(0.8)
    rows = latency_rows(context, model, timing) + memory_rows(context, model, sample) + around_rows(context, model, sample)
    context.report.progress(0.85)
    if generates and context.settings.get("generation", True):
        rows += generation(context, model, device)
    return rows + kernels(context, model, device)


def generation(context: StepContext, model: Artifact, device: str) -> list[Measurement]:
    """Rates of prompts and generated tokens, on the CPU."""
    if device != "cpu":
        context.report.log("The speed of generating text is timed on the CPU only: it is left out here.")
        return []
    return generation_rows(context, model)


def device_of(context: StepContext) -> str:
    """``cpu``, or the GPU of this run; the first one where the run itself is on the CPU."""
    if context.settings.get("device", "cpu") == "cpu":
        return "cpu"
    return str(context.device) if context.device.type == "cuda" and context.device.index is not None else "cuda:0"


def latency_rows(context: StepContext, model: Artifact, timing: Latency) -> list[Measurement]:
    """p50, p90 and p95 with their intervals, the speed-up over the baseline that ran in turn, throughput, load, sweep."""
    threads, device = context.settings["threads"], device_of(context)
    many = f"{threads} thread{'s' if threads > 1 else ''}"
    where = f"batch 1, {many}" if device == "cpu" else "batch 1, inputs on the GPU, between CUDA events"
    words = [f"ONNX Runtime, {where}, {len(timing.parts)} process{'es' if len(timing.parts) > 1 else ''}"]
    if context.facts.modality == "text":
        words[0] += f", {timed_length(read_inputs(model.path))} tokens"
    words += filter(None, (unpacked_note(model), variant_note(model), timing.doubt))
    note, mine = "; ".join(words), np.array(timing.candidate_ms)
    source = provenance(device, n=len(mine), note=note)
    rows = []
    for percent in PERCENTILES:
        low, high = quantile_interval(mine, percent / 100, timing.parts)
        kept: dict[str, Any] = {"samples": tuple(round(float(value), 5) for value in mine)} if percent == 50 else {}
        value = float(np.quantile(mine, percent / 100))
        rows.append(row(f"latency_p{percent}", value, "ms", source, low=low, high=high, **kept))
    rows += real_time(model, rows[0])
    once = provenance(device, n=len(timing.parts), note="a new session of an own process; the file was in the system's cache")
    rows.append(row("load_time", timing.load_ms, "ms", once))
    if timing.throughput is not None:
        rows.append(
            row("throughput", timing.throughput, "1/s", provenance(device, n=1, note=f"batch {THROUGHPUT_BATCH}, {many}"), True)
        )
    value, low, high = timing.speedup
    against = context.settings.get("baseline", "the teacher in fp32")
    turned = source.model_copy(update={"note": f"{note}; against {against}, timed alternately"})
    rows.append(row("speedup", value, "×", turned, True, low=low, high=high))
    return rows + [sweep_row(setting, readings, device, unpacked_note(model)) for setting, readings in timing.sweep]


def real_time(model: Artifact, median: Measurement) -> list[Measurement]:
    """The real-time factor of inputs that last: the median latency over how long an example takes to be heard."""
    seconds = seconds_of(read_inputs(model.path))
    if seconds is None or median.low is None or median.high is None:
        return []
    value, low, high = (each / 1000 / seconds for each in (median.value, median.low, median.high))
    source = median.provenance.model_copy(update={"note": f"latency p50 over {seconds:g} s of sound; {median.provenance.note}"})
    return [row("real_time_factor", value, "", source, low=low, high=high)]


def sweep_row(setting: Setting, readings: tuple[float, ...], device: str, about: str) -> Measurement:
    """Median ms of one whole batch at one setting, as latency.batch8.threads1."""
    threads = f"{setting.threads} thread{'s' if setting.threads > 1 else ''}" if setting.threads else "all threads"
    note = f"ms a batch of {setting.batch}, {threads}" + (f", {setting.length} tokens" if setting.length else "")
    low, high = quantile_interval(readings, 0.5)
    source = provenance(device, n=len(readings), note="; ".join(filter(None, (note, about))))
    return row(f"latency.{setting.name}", float(np.median(readings)), "ms", source, low=low, high=high)


def memory_rows(context: StepContext, model: Artifact, sample: dict[str, np.ndarray]) -> list[Measurement]:
    """Peak resident memory over all, over loading, and over inference; the last two where the system tells them apart."""
    limits = limits_of(context, model)
    memory = measure_memory(model.file(MODEL_FILE), sample, context.settings["threads"], limits)
    before = f"whole process; {memory.idle_mb:.0f} MB before the model is loaded"
    parts = [("peak_memory", memory.peak_mb, f"{before}; over load and inference")]
    if memory.apart:
        parts += [
            ("load_memory", memory.load_mb, f"{before}; while it loads"),
            ("inference_memory", memory.inference_mb, f"{before}; during inference, batch 1"),
        ]
    return [row(name, value, "MB", provenance(n=1, note=note)) for name, value, note in parts]


def around_rows(context: StepContext, model: Artifact, sample: dict[str, np.ndarray]) -> list[Measurement]:
    """Median ms from one raw example to the graph's arrays, and from its outputs to labels with probabilities."""
    inputs, problem = read_inputs(model.path), problem_of(context.facts)
    first_example = context.data.splits["validation"].inputs[:1]
    outputs = graph_session(context, model).run(None, sample)[0][0]
    kind = modality_of(inputs.modality)
    parts: list[tuple[str, Callable[[], Any], str]] = [
        (
            "preprocess",
            lambda: kind.prepare(first_example, inputs.settings, model.path),
            "one raw validation example to the graph's arrays",
        ),
        (
            "postprocess",
            lambda: problem.answer(outputs, context.facts, first_example[0], model.path),
            "the outputs for one example to its answer",
        ),
    ]
    rows = []
    for name, work, note in parts:
        readings = _readings(work)
        low, high = quantile_interval(readings, 0.5)
        source = provenance(n=len(readings), note=f"{note}, Python, not part of the latency")
        rows.append(row(name, float(np.median(readings)), "ms", source, low=low, high=high))
    return rows


def _readings(work: Callable[[], Any]) -> list[float]:
    readings = []
    for _ in range(AROUND_RUNS + 3):
        started = time.perf_counter()
        work()
        readings.append(1e3 * (time.perf_counter() - started))
    return readings[3:]  # the first ones fill caches


KIND = Measuring("speed", 30, speed, wanted=lambda context: bool(context.settings.get("speed", True)))
