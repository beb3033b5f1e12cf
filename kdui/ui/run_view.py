"""The chosen run: where it stands, why it failed, what it measured, and how to do it again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import urlencode

from kdui.charts.gain import gain_sentence
from kdui.core.measurement import Measurement, with_download
from kdui.core.metric import Metric
from kdui.core.numbers import THIN, duration, floor, span
from kdui.core.page_rows import ModelResult, RunDetail
from kdui.core.people import owns
from kdui.core.run import Run, RunState, StepState, StepStatus
from kdui.core.statistics.paired import Difference
from kdui.core.words import percent
from kdui.ui.provenance import measured
from kdui.ui.run_table import badge

# metric -> how the table calls it; what a task adds beyond these follows under its own name.
TITLES = {
    "accuracy": "Accuracy",
    "retained": "Accuracy retained",
    "macro_f1": "Macro F1",
    "latency_p50": "Latency p50",
    "latency_p95": "Latency p95",
    "speedup": "Speed-up",
    "throughput": "Throughput, batch 32",
    "real_time_factor": "Real-time factor",
    "download": "Download",
    "packed_bytes": "Packed file",
    "file_bytes": "ONNX file",
    "gzip_bytes": "ONNX file, gzipped",
    "parameters": "Parameters",
    "nonzero": "Non-zero parameters",
    "macs": "MACs",
    "peak_memory": "Peak memory",
    "load_time": "Load time",
    "first_token": "Time to first token",
    "prefill_rate": "Prefill speed",
    "decode_rate": "Decode speed",
    "decode_speedup": "Decode speed-up",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "top5": "Top-5 accuracy",
    "ece": "Calibration error (ECE)",
    "ece_scaled": "ECE after temperature scaling",
    "calibration_temperature": "Calibration temperature",
    "robustness": "Accuracy on corrupted inputs",
    "elsewhere": "Out-of-domain accuracy",
    "latency_p90": "Latency p90",
    "preprocess": "Preprocessing",
    "postprocess": "Postprocessing",
    "load_memory": "Peak memory, loading",
    "inference_memory": "Peak memory, inference",
    "int8_mac_share": "MACs in ≤ 8 bits",
    "int8_time_share": "Run time in ≤ 8 bits",
    "energy": "Energy per inference",
}
ROLE_TITLES = {
    "teacher": "Teacher",
    "assistant": "Assistant",
    "student": "Student",
    "control": "Control",
    "smoothed": "Control",
    "baseline": "Baseline",
    "compressed": "Compressed",
}


# What a step produces -> what it does.
DOING = {
    "model": "in training",
    "onnx": "exported",
    "measurements": "measured",
    "outputs": "teacher outputs cached",
}
NOT_OWN = '<span class="sub">Only the person who queued this or a host can change it.</span>'
FIRST_METRICS = ("retained", "latency_p50", "speedup", "packed_bytes", "gzip_bytes", "parameters")  # behind the headline
GENERATED = ("retained", "decode_rate", "decode_speedup", "first_token", "file_bytes")  # of a model that generates text
MOST_METRICS = 6


def head_html(run: Run, task_title: str) -> str:
    """Name, state, where and when, the reason of a failure, and what can be done now."""
    facts = [escape(run.id), escape(task_title), f"seed {run.recipe.seed}", escape(run.slot or run.device)]
    if run.started:
        end = run.finished or datetime.now(UTC).replace(tzinfo=None)
        facts.append(("took " if run.finished else "for ") + duration(max(0.0, _seconds(run.started, end))))
    if run.queued_by:
        facts.append(f"queued by {escape(run.queued_by)}")
    if run.attempts > 1:
        facts.append(f"attempt {run.attempts}")
    kind = "note" if run.state is RunState.INTERRUPTED else "fail"
    reason = f'<div class="{kind}" role="alert">{escape(run.error)}</div>' if run.error else ""
    if run.cancel_requested and run.state is RunState.RUNNING:
        reason = '<div class="note" role="status">Stopping: finished steps are kept.</div>'
    elif (silent := run.silent_seconds(datetime.now(UTC))) is not None:
        words = f"No activity for {duration(silent)}: the process is suspended or hangs. Cancel ends it."
        reason = f'<div class="note" role="status">{words}</div>'
    elif run.waits_for_a_person:
        reason = f'<div class="note" role="alert"><b>Waiting for you.</b> {escape(run.error or "")}</div>'
    return (
        f'<div class="run-title"><h2 class="title">{escape(run.name)}</h2>{badge(run.state)}</div>'
        f'<p class="lead">{" · ".join(facts)}</p>{reason}'
    )


def unreadable(run_id: str, problem: str) -> dict[str, Any]:
    """What is shown of a run that this version cannot read: why, and the way to delete it."""
    return {
        "run": run_id,
        "state": RunState.FAILED,
        "head": f'<div class="run-title"><h2 class="title">{escape(run_id)}</h2></div>'
        f'<div class="fail" role="alert">{escape(problem)}</div>',
        "actions": _button("delete", escape(run_id), "Delete…"),
        "strip": "",
        "results": "",
        "recipe": "",
        "cursor": 0,
        "curves": {},
    }


def _seconds(start: datetime, end: datetime) -> float:
    return (end.replace(tzinfo=None) - start.replace(tzinfo=None)).total_seconds()


def actions_html(run: Run, results: Sequence[ModelResult] = (), recorded: str = "") -> str:
    """The buttons that this state allows; ``recorded``: of a run that comes with kdui, where its recipe is opened."""
    run_id, own = escape(run.id), owns(run.queued_by)
    buttons = []
    if own and run.state in (RunState.QUEUED, RunState.RUNNING, RunState.INTERRUPTED):
        buttons.append(_button("cancel", run_id, "Cancel"))
    if own and run.state in (RunState.INTERRUPTED, RunState.FAILED, RunState.CANCELLED):
        buttons.append(_button("resume", run_id, "Resume"))
    clone = recorded or f"?tab=build&from={run.id}"
    buttons.append(f'<a class="btn act" id="run-clone" href="{escape(clone)}">Clone to Build</a>')
    if run.state.is_final:
        buttons.append('<button type="button" class="act" id="run-replay-start">⟲ Replay</button>')
    if run.state is RunState.SUCCEEDED:
        buttons.append(f'<a class="btn act" id="run-explore" href="?tab=explore&amp;task={escape(run.recipe.task)}">Explore</a>')
    if len(results) > 1:
        view = urlencode({"tab": "compare", "task": run.recipe.task, "models": ",".join(compared(results))})
        buttons.append(f'<a class="btn act" id="run-compare" href="?{escape(view)}">Compare</a>')
    if own and run.state is not RunState.RUNNING and not recorded:
        buttons.append(_button("delete", run_id, "Delete…"))
    if not own and not recorded:
        buttons.append(NOT_OWN)
    return "".join(buttons)


def compared(results: Sequence[ModelResult]) -> list[str]:
    """The models worth a first look side by side: the recipe's own teacher, the student, and the last compressed one."""
    digests = {result.role: result.digest for result in results}
    digests.update({result.role: result.digest for result in reversed(results) if result.role == "teacher"})
    return [digests[role] for role in ("teacher", "student", "compressed") if role in digests]


def _button(action: str, run_id: str, title: str) -> str:
    return f'<button type="button" class="act" id="run-{action}" data-act="{action}" data-run="{run_id}">{title}</button>'


def strip_html(steps: Sequence[StepStatus], *, over: bool = False) -> str:
    """One box a model in the order in which they come to be, with its state and time; all steps unfold below.

    What is made for a model on its way, such as its teacher's kept answers, belongs to its box. ``over``: the run has ended, so
    nothing waits any more.
    """
    models: list[list[StepStatus]] = []
    waiting: list[StepStatus] = []
    for step in steps:
        if step.role is None:
            waiting.append(step)
        elif models and (models[-1][-1].role, models[-1][-1].label) == (step.role, step.label):
            models[-1] += [*waiting, step]
            waiting = []
        else:
            models.append([*waiting, step])
            waiting = []
    if waiting:
        models.append(waiting)
    boxes = "".join(_model(parts, over) for parts in models)
    rows = "".join(
        f'<tr><td>{escape(step.label or step.name)} <span class="mute" translate="no">{escape(step.name)}</span></td>'
        f'<td class="left">{step.state}</td><td class="num">{_when(step)}</td></tr>'
        for step in steps
    )
    return (
        f'<ol class="strip" aria-label="Models in the order of time">{boxes}</ol>'
        f'<details class="fold" id="run-steps"><summary>All {len(steps)} steps</summary>'
        f'<table class="table"><tbody>{rows}</tbody></table></details>'
    )


def stage_state(steps: Sequence[StepStatus]) -> StepState:
    """The state of a stage from those of its steps."""
    states = {step.state for step in steps}
    for state in (StepState.FAILED, StepState.RUNNING):
        if state in states:
            return state
    if states == {StepState.CACHED}:
        return StepState.CACHED
    if states <= {StepState.CACHED, StepState.DONE}:
        return StepState.DONE
    return StepState.WAITING


def _model(steps: Sequence[StepStatus], over: bool) -> str:
    state = stage_state(steps)
    spent = sum(step.seconds or 0 for step in steps)
    bar = ""
    if state is StepState.RUNNING:
        share = sum(
            step.progress if step.state is StepState.RUNNING else float(step.state in (StepState.DONE, StepState.CACHED))
            for step in steps
        ) / len(steps)
        doing = next((step for step in steps if step.state is StepState.RUNNING), None)
        text = percent(share) + (f" · {DOING.get(doing.produces, doing.method)}" if doing else "")
        bar = f'<span class="track thin"><span class="bar-fill" style="width:{share:.1%}"></span></span>'
    else:
        ended = sum(step.state in (StepState.DONE, StepState.CACHED) for step in steps)
        waiting = f"{ended} of {len(steps)} done" if ended else "not finished" if over else "waiting"
        ends = {StepState.DONE: duration(spent), StepState.CACHED: "cached", StepState.FAILED: "failed"}
        text = ends.get(state, waiting)
    last = steps[-1]
    title = escape(ROLE_TITLES.get(last.role or "", "") or last.stage.replace("-", " ").replace("_", " ").capitalize())
    sign = {StepState.DONE: "✓ ", StepState.CACHED: "✓ ", StepState.RUNNING: "▶ ", StepState.FAILED: "✕ "}.get(state, "")
    label = f'<span class="sub">{escape(last.label)}</span>' if last.role and last.label else ""
    return f'<li class="stage {state}" title="{escape(last.label or "")}"><b>{sign}{title}</b>{label}{text}{bar}</li>'


def _when(step: StepStatus) -> str:
    if step.state is StepState.CACHED:
        return "–"  # its own time was spent in another run
    if step.state is StepState.RUNNING:
        return percent(step.progress)
    return duration(step.seconds) if step.seconds is not None else "–"


def results_html(results: Sequence[ModelResult], headline: Metric) -> str:
    """One column a model, one row a metric; each number with its mark, its n on hover."""
    if not results:
        return '<p class="lead">Measured models appear here, one by one, as the run reaches them.</p>'
    rows = [{**with_download(result.measurements), **_retained(result, results, headline)} for result in results]
    metrics = dict.fromkeys(metric for metric in (headline.name, *TITLES) if any(metric in each for each in rows))
    # Readings with a dot in their name, as of one corruption or one batch size, are Explore's.
    metrics.update(dict.fromkeys(metric for each in rows for metric in each if "." not in metric))
    wanted = GENERATED if "decode_rate" in metrics else FIRST_METRICS
    first = [metric for metric in (headline.name, *wanted) if metric in metrics][:MOST_METRICS]
    rest = [metric for metric in metrics if metric not in first]
    more = (
        f'<details class="fold" id="all-metrics"><summary>Show all {len(metrics)} metrics</summary>{{}}</details>' if rest else ""
    )
    return (
        _metrics_table(results, first, rows)
        + '<p class="lead">● measured ◐ simulated ○ estimated ⟲ replayed; hover over a mark to see device and sample size.</p>'
        + more.format(_metrics_table(results, rest, rows))
    )


def _metrics_table(results: Sequence[ModelResult], metrics: Sequence[str], models: Sequence[Mapping[str, Measurement]]) -> str:
    """Each cell names its model, too: a narrow window shows a metric's cells below one another, without the head."""
    heads = "".join(
        f'<th scope="col"><span class="swatch {result.role}"></span>{ROLE_TITLES[result.role]}'
        f'<div class="sub">{escape(result.label)}</div></th>'
        for result in results
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(title)}</th>'
        + "".join(_cell(each.get(metric), result, title) for each, result in zip(models, results, strict=True))
        + "</tr>"
        for metric, title in ((metric, _title(metric, models)) for metric in metrics)
    )
    return (
        '<div class="scroll-x" tabindex="0"><table class="table results"><caption class="sr-only">What was measured</caption>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _title(metric: str, rows: Sequence[Mapping[str, Measurement]]) -> str:
    """What the measurement calls itself; those of earlier versions have no title."""
    own = next(each[metric] for each in rows if metric in each)
    return own.title or TITLES.get(metric, own.kind.title)


def _retained(result: ModelResult, results: Sequence[ModelResult], headline: Metric) -> dict[str, Measurement]:
    """The share of the teacher's headline that a model keeps, where both were measured."""
    teacher = next((each.measurements.get(headline.name) for each in results if each.role == "teacher"), None)
    own = result.measurements.get(headline.name)
    share = headline.retained(own.value, teacher.value) if own and teacher else None
    if own is None or share is None:
        return {}
    cut = float(floor(share))  # never more than was measured
    title = f"{headline.title} retained"
    return {"retained": Measurement(metric="retained", value=cut, unit="%", title=title, provenance=own.provenance)}


def _cell(measurement: Measurement | None, result: ModelResult, title: str) -> str:
    name = f'<span class="of {result.role}">{escape(result.label)}</span>'
    if measurement is None:
        return f'<td class="mute">{name}–</td>'
    value = measured(measurement)
    if measurement.unit and measurement.unit.casefold() == title.casefold():  # the row's title says it: bits per byte
        value = value.replace(f"{THIN}{escape(measurement.unit)}", "", 1)
    interval = ""
    if measurement.low is not None and measurement.high is not None:
        interval = f' title="95 % interval {span(measurement.low, measurement.high, measurement.unit)}"'
    return f"<td{interval}>{name}{value}</td>"


def gain_html(gain: Difference | None, metric: Metric) -> str:
    """Gain from distillation in this one run, in the words of every other place."""
    return "" if gain is None else f'<p class="lead">Gain from distillation: <b>{escape(gain_sentence(gain, metric))}</b></p>'


def unlearned_html(words: str) -> str:
    """A warning before the figures of models that have learned nothing."""
    return (
        f'<div class="note" role="status">{escape(words)} Their retained accuracy, gains and predictions mean nothing yet.</div>'
        if words
        else ""
    )


def recipe_html(detail: RunDetail) -> str:
    """The same run as a command and as YAML, ready to copy."""
    return (
        f'<h2 class="label">Command line</h2><pre class="code" id="run-command">{escape(detail.command)}</pre>'
        f'<div class="buttons"><button type="button" class="act small" data-copy="#run-command">Copy command</button></div>'
        f'<h2 class="label">YAML</h2><pre class="code" id="run-yaml">{escape(detail.yaml)}</pre>'
        '<div class="buttons"><button type="button" class="act small" data-copy="#run-yaml">Copy YAML</button></div>'
    )


def curve_labels(steps: Sequence[StepStatus]) -> tuple[Mapping[str, str], Mapping[str, str | None]]:
    """Names and roles of the steps, for the live chart."""
    return {step.name: step.label or step.name for step in steps}, {step.name: step.role for step in steps}


def findings_html(findings: Sequence[str]) -> str:
    """What reports found, such as the most sensitive layer; Explore shows the whole of it."""
    return "".join(f'<p class="lead">{escape(text)} <a href="?tab=explore">Show in Explore</a></p>' for text in findings)
