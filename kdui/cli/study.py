"""Runs a study and makes its table: each arm over its seeds, against the controls that were trained beside it."""

import platform
from typing import Any

from kdui import machine
from kdui.catalogue.methods import is_of
from kdui.catalogue.studies import Arm, Study
from kdui.catalogue.targets import metric_of, quantity, ratios, reached, stored, values
from kdui.catalogue.tasks import TASKS
from kdui.cli.verdicts import CONTROLS, NOTHING, gain, judged, question_words, step_of
from kdui.core.errors import RecipeError
from kdui.core.method import Group
from kdui.core.metric import Metric
from kdui.core.numbers import significant
from kdui.core.run import Run, RunState
from kdui.core.statistics.intervals import mean_interval
from kdui.runtime.timing import TURN
from kdui.workbench.workbench import Workbench

Row = dict[str, Any]
SHOWN = (
    "headline",
    "headline_low",
    "headline_high",
    "latency_ms",
    "speedup",
    "file_mb",
    "gzip_mb",
    "packed_mb",
    "parameters",
    "macs",
    "retained",
)


def queue_study(
    bench: Workbench, study: Study, seeds: tuple[int, ...] | None = None, device: str = "auto"
) -> dict[str, list[Run]]:
    """Queue every arm with every seed, all checked before the first is queued; arm title -> runs in the order of the seeds."""
    recipes = {arm.title: study.recipes(arm, seeds) for arm in study.arms}
    for group in recipes.values():
        for recipe in group:
            bench.check(recipe)
    # One seed of all arms first: a study that is stopped half-way has compared all of them.
    count = len(next(iter(recipes.values())))
    queued: dict[str, list[Run]] = {title: [] for title in recipes}
    for number in range(count):
        for title, group in recipes.items():
            queued[title].append(bench.submit(group[number], device))
    return queued


def study_table(bench: Workbench, study: Study, runs: dict[str, list[Run]]) -> dict[str, Any]:
    """The study's results as plain data: what measured them, what trained the models, and for each arm its rows by seed, means,
    intervals and gains.

    Raises RecipeError naming the runs that did not succeed.
    """
    states = {title: [bench.store.runs.get(run.id) for run in group] for title, group in runs.items()}
    failed = [run for group in states.values() for run in group if run.state is not RunState.SUCCEEDED]
    if failed:
        listed = "; ".join(f"{run.id} ({run.name}): {run.error or run.state.value}" for run in failed[:5])
        raise RecipeError(f"{len(failed)} runs of the study did not succeed: {listed}")
    arms = [_arm_row(bench, study, arm, states[arm.title]) for arm in study.arms]
    table = {
        "study": study.name,
        "title": study.title,
        "summary": study.summary,
        "command": f"python app.py study {study.name}",
        "training": study.training,
        "steps": study.steps,
        "machine": {
            "cpu": machine.cpu_name(),
            "cores": machine.cores(),
            "flags": list(machine.notable_flags()),
            "gpus": list(machine.gpus()),
            "python": platform.python_version(),
            "versions": machine.versions(),
        },
        "turn": TURN,
        "trained_on": _trained_on(bench, [run for group in states.values() for run in group]),
        "arms": arms,
        "inapplicable": study.inapplicable,
        "aims": reached(study.aims, arms),
    }
    return judged(table, study)


def _trained_on(bench: Workbench, runs: list[Run]) -> list[str]:
    """Names of the processors and GPUs that made the models: another machine may have trained what this one measured."""
    models = {step.digest for run in runs for step in run.steps if step.produces == "model"}
    return sorted({bench.store.artifacts.manifest(digest).device for digest in models})


def _arm_row(bench: Workbench, study: Study, arm: Arm, runs: list[Run]) -> Row:
    by_seed = [_models(bench, run) for run in runs]
    seconds = [_seconds(bench, run, arm) for run in runs]
    metric = TASKS[runs[0].recipe.task].headline
    row: Row = {"arm": arm.title, "seeds": [run.recipe.seed for run in runs], "metric": metric.model_dump(), "models": {}}
    for name in by_seed[0]:
        of_seeds = [models[name] for models in by_seed if name in models]
        row["models"][name] = _summary(of_seeds)
    row["minutes"] = round(sum(seconds) / len(seconds) / 60, 2)
    row["result"] = main = result_of(row["models"])
    for control in CONTROLS:
        if other := held_against(row["models"], main, control):
            differences = [metric.gain(models[main]["headline"], models[other]["headline"]) for models in by_seed]
            row[f"gain_over_{control}"] = gain(differences, step_of(study, row))
    return row


def result_of(models: Row) -> str:
    """The name of the model that an arm is about: the last student or compressed model, else the last teacher of its own."""
    made = [name for name, model in models.items() if model["role"] in ("student", "compressed")]
    return (made or [name for name in models if not name.endswith(".plain")])[-1]


def held_against(models: Row, main: str, control: str) -> str | None:
    """The name of the model that the result is compared with; None where the arm has none of that kind."""
    if control == "plain":
        return f"{main}.plain" if f"{main}.plain" in models else None
    if control == "separate":
        return next((name for name, model in models.items() if name.endswith(".separate")), None)
    own = f"{main}.{control}"
    return own if own in models else next((name for name, model in models.items() if model["role"] == control), None)


def _models(bench: Workbench, run: Run) -> dict[str, Row]:
    rows = bench.store.results.rows_of_run(run.id)
    return {row["step"].removeprefix("measure."): row for row in rows}


def _summary(rows: list[Row]) -> Row:
    mean, width = mean_interval([row["headline"] for row in rows])
    summary: Row = {"role": rows[0]["role"], "label": rows[0]["label"], "mean": round(mean, 3)}
    summary["half_width"] = None if width is None else round(width, 3)
    for name in SHOWN:
        values = [row[name] for row in rows if row.get(name) is not None]
        if values:
            rounded = [round(value, 5) for value in values]
            summary[name] = rounded if len(set(rounded)) > 1 else rounded[0]
    return summary


def _seconds(bench: Workbench, run: Run, arm: Arm) -> float:
    """Seconds that the arm's own steps took when they were made: students and assistants, or teachers where it has nothing else;
    neither caches nor anything that a result is compared with."""
    stages = {stage if isinstance(stage, str) else next(iter(stage)) for stage in arm.stages}
    made = [
        step
        for step in run.steps
        if step.name.split(".")[0] in stages and step.role is not None and not is_of(Group.DELIVER, step.method)
    ]
    own = [step for step in made if not {"plain", "separate"} & set(step.name.split("."))]
    learned = [step for step in own if step.role in ("student", "assistant", "compressed")]
    return sum(bench.store.artifacts.manifest(step.digest).seconds for step in learned or own)


def markdown(table: dict[str, Any]) -> str:
    """The table as Markdown: what the README and a terminal show; gains where there are controls, else what compression gave."""
    if _is_of_sizes(table):
        return sizes_markdown(table)
    shown = [control for control in CONTROLS if any(f"gain_over_{control}" in row for row in table["arms"])]
    heads = ["method", _headline_head(table), *(CONTROLS[control] for control in shown), "minutes"]
    rows = []
    for row in table["arms"]:
        main = row["models"][row["result"]]
        width = f" ± {main['half_width']:.2f}" if main["half_width"] is not None else ""
        gains = [_gain_words(row.get(f"gain_over_{control}")) for control in shown]
        rows.append([row["arm"], f"{_number(metric_of(row), main['mean'])}{width}", *gains, f"{row['minutes']:.1f}"])
    for method, why in table.get("inapplicable", {}).items():
        rows.append([method, f"does not apply: {why}", *("–" for _ in shown), "–"])
    if any("level" in row for row in table["arms"]):
        heads.insert(1, "level")
        letters = [row.get("level", "–") for row in table["arms"]] + ["–"] * len(rows)
        rows = [[cells[0], letter, *cells[1:]] for cells, letter in zip(rows, letters, strict=False)]
    return "\n".join([f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *(f"| {' | '.join(cells)} |" for cells in rows)])


def _is_of_sizes(table: dict[str, Any]) -> bool:
    """Whether the table is about what compression gave: neither gains over a control nor teachers alone."""
    of_teachers = all(row["models"][row["result"]].get("role") == "teacher" for row in table["arms"])
    return bool(table.get("steps")) or not (has_gains(table) or of_teachers)


def conclusions(table: dict[str, Any]) -> str:
    """What the table allows to say beyond its cells, in sentences: its question, its verdicts, its letters."""
    count = sum(f"gain_over_{control}" in row for row in table["arms"] for control in CONTROLS)
    unit = metric_of(table["arms"][0]).difference_unit
    parts = [question_words(table["question"], unit)] if "question" in table else []
    if count > 1:
        parts.append(f"Over the {count} gains the false discovery rate is controlled at 5 % (Benjamini-Hochberg).")
    if any("level" in row for row in table["arms"]) and not _is_of_sizes(table):
        parts.append("Rows of one task that share a letter do not differ significantly (paired by seed).")
    return " ".join(parts)


def _headline_head(table: dict[str, Any]) -> str:
    """``accuracy, %``; without the unit where the arms do not share one metric, and with a direction that must be said."""
    metrics = {metric_of(row) for row in table["arms"]}
    first = metric_of(table["arms"][0])
    name = first.noun if len({metric.title for metric in metrics}) == 1 else "headline"
    if len({(metric.unit, metric.direction) for metric in metrics}) > 1:
        return name
    return ", ".join(dict.fromkeys(part for part in (name, first.unit, first.direction) if part))


def _number(metric: Metric, value: float) -> str:
    """A headline without its unit, which the column's heading says."""
    return f"{value:.2f}" if metric.unit == "%" else significant(value, 4)


def has_gains(table: dict[str, Any]) -> bool:
    """Whether any arm trained a control beside its student."""
    return any(f"gain_over_{control}" in row for row in table["arms"] for control in CONTROLS)


def sizes_markdown(table: dict[str, Any]) -> str:
    """Models beside the one that their arm began with: the headline, how much smaller they are stored, how much faster."""
    units = {metric_of(row).unit for row in table["arms"]}
    unit = f", {units.pop()}" if len(units) == 1 and "" not in units else ""
    lines = [f"| model | before{unit} | after{unit} | retained, % | stored | smaller | faster |", f"|{' --- |' * 7}"]
    for row in table["arms"]:
        first = next(iter(row["models"].values()))
        shown = [row["models"][row["result"]]]
        if table.get("steps"):
            shown = [
                model for model in row["models"].values() if model["role"] in ("student", "compressed") and model is not first
            ]
        for model in shown:
            title = f"{row['arm']}: {model['label']}" if table.get("steps") else row["arm"]
            lines.append(_compressed_row(title, model, first, metric_of(row)))
    return "\n".join(lines)


def _compressed_row(title: str, model: Row, first: Row, metric: Metric) -> str:
    kept = quantity("retained", model, first, metric)
    width = f" ± {model['half_width']:.2f}" if model["half_width"] is not None else ""
    sizes, faster = stored(model), values(model["speedup"]) if "speedup" in model else []
    cells = [
        title,
        _number(metric, first["mean"]),
        f"{_number(metric, model['mean'])}{width}",
        "–" if kept is None else f"{kept:.1f}",
        f"{1e3 * sum(sizes) / len(sizes):,.1f} kB",
        _range(ratios(model, first)),
        _range(faster) if faster else "–",
    ]
    return f"| {' | '.join(cells)} |"


def _range(readings: list[float]) -> str:
    low, high = f"{min(readings):.1f}", f"{max(readings):.1f}"
    return f"{low} ×" if low == high else f"{low} to {high} ×"


def _gain_words(difference: Row | None) -> str:
    if difference is None:
        return "–"
    mean = f"{difference['mean']:+.2f}".replace("-", "−")
    if difference["half_width"] is None:
        return f"{mean} (one seed)"
    detectable = f" (detectable from {difference['detectable']:.1f})" if difference["verdict"] == NOTHING else ""
    return f"{mean} ± {difference['half_width']:.2f}: {difference['verdict']}{detectable}"
