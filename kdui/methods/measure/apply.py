"""Measure: the one look at the test data, then sizes, latency against the teacher in fp32, throughput and memory."""

import gzip
from typing import Any

import numpy as np

from kdui.core.artifact import Artifact
from kdui.core.contracts import InputSettings
from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.launch.machine import cpu_name, notable_flags, versions
from kdui.methods.export.files import MODEL_FILE, read_inputs
from kdui.methods.measure.files import MEASUREMENTS_FILE, PREDICTIONS_FILE
from kdui.methods.measure.statistics import median_interval, wilson
from kdui.objectives import objective_of
from kdui.runtime.latency import Latency, measure_latency, measure_memory
from kdui.runtime.sessions import graph_outputs
from kdui.store.artifacts import write_json
from kdui.training.context import StepContext

TIMED_LENGTH = 64
THROUGHPUT_BATCH = 32


def measure(context: StepContext) -> dict[str, Any]:
    """All measurements of one model as measurements.json, and its test outputs as predictions.npy."""
    model = context.inputs["model"]
    found = [*_quality(context, model), *_sizes(context, model)]
    context.report.progress(0.5)
    if context.settings.get("speed", True):
        found += _speed(context, model)
    write_json(context.out / MEASUREMENTS_FILE, [item.row() for item in found])
    return {"measurements": len(found)}


def _simulated(model: Artifact) -> bool:
    return model.manifest.summary.get("scheme") == "simulated"


def _provenance(context: StepContext, **values: Any) -> Provenance:
    device = f"{cpu_name()} ({', '.join(notable_flags())})" if notable_flags() else cpu_name()
    return Provenance(**{"origin": Origin.MEASURED, "device": device, "versions": versions(), **values})


def _quality(context: StepContext, model: Artifact) -> list[Measurement]:
    """The objective's metrics on the test split; the headline with its 95 % interval where it is a share."""
    limit = context.settings["test_examples"]
    arrays = context.data.prepared("test", read_inputs(model.path), model.path, limit)
    targets = context.data.targets("test")[:limit] if limit else context.data.targets("test")
    outputs = graph_outputs(model.file(MODEL_FILE), arrays, check=lambda done: context.report.progress(0.4 * done))
    np.save(context.out / PREDICTIONS_FILE, outputs.astype(np.float16))
    simulated = _simulated(model)
    provenance = _provenance(
        context,
        n=len(targets),
        split="test",
        origin=Origin.SIMULATED if simulated else Origin.MEASURED,
        note="weights rounded inside a float graph" if simulated else "",
    )
    found = []
    for number, (metric, value) in enumerate(objective_of(context.facts).score(outputs, targets, context.facts)):
        interval: dict[str, float] = {}
        if number == 0 and metric.unit == "%":
            low, high = wilson(value / 100, len(targets))
            interval = {"low": 100 * low, "high": 100 * high}
        found.append(
            Measurement(
                metric=metric.name,
                value=value,
                unit=metric.unit,
                higher_is_better=metric.higher_is_better,
                provenance=provenance,
                **interval,
            )
        )
    return found


def _sizes(context: StepContext, model: Artifact) -> list[Measurement]:
    """Bytes of the file, gzipped and packed, and what was counted at export."""
    path = model.file(MODEL_FILE)
    summary = model.manifest.summary
    values: list[tuple[str, float, str]] = [
        ("file_bytes", path.stat().st_size, "B"),
        ("gzip_bytes", len(gzip.compress(path.read_bytes(), 6, mtime=0)), "B"),
    ]
    values += [
        (name, summary[name], unit)
        for name, unit in (("packed_bytes", "B"), ("parameters", ""), ("nonzero", ""), ("macs", "MAC"))
        if summary.get(name) is not None
    ]
    return [
        Measurement(metric=name, value=float(value), unit=unit, higher_is_better=False, provenance=_provenance(context, n=1))
        for name, value, unit in values
    ]


def timed_length(inputs: InputSettings) -> int:
    """Tokens of a timed text: fewer where the model itself reads fewer."""
    return min(TIMED_LENGTH, int(inputs.settings["max_length"]))


def timed_sample(context: StepContext, model: Artifact, batch: int) -> dict[str, np.ndarray]:
    """A batch for timing: pictures as they are, texts of exactly TIMED_LENGTH tokens (longer ones cut, shorter ones repeated)."""
    arrays = context.data.prepared("validation", read_inputs(model.path), model.path)
    if "attention_mask" not in arrays:
        return {name: array[:batch] for name, array in arrays.items()}
    length = timed_length(read_inputs(model.path))
    longest = np.argsort(-arrays["attention_mask"].sum(1), kind="stable")[:batch]
    rows = []
    for index in longest:
        tokens = arrays["input_ids"][index][arrays["attention_mask"][index] == 1]
        rows.append(np.resize(tokens, length))
    return {"input_ids": np.stack(rows).astype(np.int64), "attention_mask": np.ones((batch, length), np.int64)}


def _speed(context: StepContext, model: Artifact) -> list[Measurement]:
    baseline, threads = context.inputs["baseline"], context.settings["threads"]
    sample = timed_sample(context, model, 1)
    timing = measure_latency(
        model.file(MODEL_FILE),
        baseline.file(MODEL_FILE),
        sample,
        baseline_sample=timed_sample(context, baseline, 1),
        batch=timed_sample(context, model, THROUGHPUT_BATCH),
        runs=context.settings["latency_runs"],
        threads=threads,
    )
    context.report.progress(0.9)
    peak, idle = measure_memory(model.file(MODEL_FILE), sample, threads)
    return [
        *_latency_rows(context, model, timing),
        Measurement(
            metric="peak_memory",
            value=peak,
            unit="MB",
            higher_is_better=False,
            provenance=_provenance(
                context, n=1, note=f"whole process over load and inference; {idle:.0f} MB before the model is loaded"
            ),
        ),
    ]


def _latency_rows(context: StepContext, model: Artifact, timing: Latency) -> list[Measurement]:
    """p50 with its interval, p95, throughput, load time, and the speed-up over the baseline that answered in turn."""
    threads = context.settings["threads"]
    note = f"ONNX Runtime, batch 1, {threads} thread{'s' if threads > 1 else ''}"
    if context.facts.modality == "text":
        note += f", {timed_length(read_inputs(model.path))} tokens"
    if _simulated(model):
        note += "; speed of the unpacked float model: this bit-width has no kernel"
    mine, theirs = np.array(timing.candidate_ms), np.array(timing.baseline_ms)
    timed = _provenance(context, n=len(mine), note=note)
    low, high = median_interval(mine)
    rows = [
        Measurement(
            metric="latency_p50",
            value=float(np.median(mine)),
            unit="ms",
            low=low,
            high=high,
            higher_is_better=False,
            samples=tuple(round(float(value), 5) for value in mine),
            provenance=timed,
        ),
        Measurement(
            metric="latency_p95", value=float(np.quantile(mine, 0.95)), unit="ms", higher_is_better=False, provenance=timed
        ),
        Measurement(
            metric="load_time", value=timing.load_ms, unit="ms", higher_is_better=False, provenance=_provenance(context, n=1)
        ),
    ]
    if timing.throughput is not None:
        rows.append(
            Measurement(
                metric="throughput",
                value=timing.throughput,
                unit="1/s",
                higher_is_better=True,
                provenance=_provenance(
                    context, n=1, note=f"batch {THROUGHPUT_BATCH}, {threads} thread{'s' if threads > 1 else ''}"
                ),
            )
        )
    ratio = float(np.median(theirs) / np.median(mine))
    baseline = context.settings.get("baseline", "the teacher in fp32")
    rows.append(
        Measurement(
            metric="speedup",
            value=ratio,
            unit="×",
            higher_is_better=True,
            provenance=timed.model_copy(update={"note": f"{note}; against {baseline}, answering in turn"}),
        )
    )
    return rows
