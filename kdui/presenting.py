"""Rows of the store as the values that the workbench answers with."""

import math
import shlex
import statistics
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kdui.catalogue.methods import METHODS
from kdui.catalogue.tasks import TASKS
from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunFacts, RunState
from kdui.core.views import Answer, ModelResult, RunRow, Servable
from kdui.launch import machine
from kdui.store.runs import now
from kdui.store.store import Store

if TYPE_CHECKING:
    import pandas

UNREADABLE = "Unreadable: written by another version of kdui ({}). Update kdui to open it, or delete the run."
LATEST_POINTS, MOST_SERVABLE = 2000, 100  # rows looked through for Compare, models it offers


def differences(base: Recipe, recipe: Recipe) -> dict[str, Any] | None:
    """Dotted settings that turn ``base`` into ``recipe``; None when their tasks or stages differ, or a knob is missing."""
    if base.task != recipe.task or [(stage.name, stage.method) for stage in base.stages] != [
        (stage.name, stage.method) for stage in recipe.stages
    ]:
        return None
    changes: dict[str, Any] = {}
    for key in ("teacher", "student", "seed"):
        if getattr(base, key) != getattr(recipe, key):
            changes[key] = getattr(recipe, key)
    for old, new in zip(base.stages, recipe.stages, strict=True):
        fields = METHODS[new.method].spec.model_fields
        for knob in {**old.settings, **new.settings}:
            default = fields[knob].default if knob in fields else None
            if old.settings.get(knob, default) != new.settings.get(knob, default):
                changes[f"{new.name}.{knob}"] = new.settings.get(knob, default)
    return changes


def as_argument(key: str, value: Any) -> str:
    """A setting as a shell passes it on and ``--set`` reads it back: ``distill.temperature=4``."""
    text = "null" if value is None else str(value)
    return shlex.quote(f"{key}={text.lower() if isinstance(value, bool) else text}")


def run_row(row: Mapping[str, Any]) -> RunRow:
    """A row of the run table; one that this version cannot read is told as such, and stands among the others."""
    try:
        facts = RunFacts.model_validate({name: row[name] for name in RunFacts.model_fields})
        return RunRow(
            **{name: row[name] for name in ("id", "name", "task", "teacher", "student", "state", "progress", "eta_seconds")},
            created=facts.created.isoformat(timespec="seconds"),
            seconds=(facts.finished - facts.started).total_seconds() if facts.started and facts.finished else None,
            headline=row["headline"],
            error=UNREADABLE.format(row["unreadable"]) if row["unreadable"] else facts.error,
            silent_seconds=facts.silent_seconds(now()),
            waits=facts.waits_for_a_person,
        )
    except (KeyError, ValueError) as fault:
        plain = {name: str(row.get(name) or "") for name in ("name", "task", "teacher", "student", "created", "headline")}
        error = UNREADABLE.format(row["unreadable"] or str(fault).splitlines()[0])
        return RunRow(
            **{**plain, "name": plain["name"] or row["id"]}, id=row["id"], state=RunState.FAILED, progress=0.0, error=error
        )


def gain(recipe: Recipe, results: tuple[ModelResult, ...]) -> Measurement | None:
    """Student or compressed model minus the control of its stage, in points of the headline.

    With the 95 % interval of the difference of two shares over the test data.
    The two are treated as independent, which is wider than a paired test would be; repeats over seeds say more.
    """
    metric = TASKS[recipe.task].headline
    steps = {item.step: item for item in results}
    pair = next(((item, steps[f"{item.step}.control"]) for item in results if f"{item.step}.control" in steps), None)
    student, control = (item.measurements.get(metric.name) for item in pair) if pair else (None, None)
    if student is None or control is None:
        return None
    interval = {}
    n = student.provenance.n
    if metric.unit == "%" and n:
        error = 100 * 1.96 * math.sqrt(sum(item.value / 100 * (1 - item.value / 100) / n for item in (student, control)))
        interval = {"low": student.value - control.value - error, "high": student.value - control.value + error}
    return Measurement(
        metric="gain_over_control",
        value=student.value - control.value,
        unit="points",
        higher_is_better=True,
        **interval,
        provenance=Provenance(
            origin=Origin.MEASURED, device=student.provenance.device, n=n, split="test", note="test examples of one seed"
        ),
    )


def answer(item: dict[str, Any]) -> Answer:
    samples = item["samples"]
    latency = Measurement(
        metric="latency_p50",
        value=statistics.median(samples),
        unit="ms",
        samples=tuple(samples),
        higher_is_better=False,
        provenance=Provenance(
            origin=Origin.MEASURED, device=machine.cpu_name(), n=len(samples), note="just now, one thread, batch 1"
        ),
    )
    return Answer(digest=item["digest"], rows=tuple(item["rows"]), latency_ms=latency, file_bytes=item["file_bytes"])


def findings(store: Store, run: Run) -> tuple[str, ...]:
    """What the run's reports found, one sentence each; a report that is not made yet, or was cleared away, says nothing."""
    made = [step.digest for step in run.steps if step.method == "sensitivity" and store.artifacts.has(step.digest)]
    return tuple(store.artifacts.manifest(digest).summary["finding"] for digest in made)


def servable(task: str, points: "pandas.DataFrame", present: Callable[[str], bool]) -> list[Servable]:
    """The measured models among ``points`` that can be loaded, newest first, each once; ``present`` knows the store."""
    unit = TASKS[task].headline.unit
    found: dict[str, Servable] = {}
    for row in points.iloc[::-1].head(LATEST_POINTS).to_dict("records"):
        if row["digest"] in found or not present(row["digest"]):
            continue
        found[row["digest"]] = Servable(
            digest=row["digest"],
            title=row["label"],
            role=row["role"],
            task=task,
            run=row["run"],
            file_bytes=round((row["file_mb"] or 0) * 1e6),
            headline=f"{row['headline']:.1f} {unit} {Origin(row['origin']).mark}",
        )
        if len(found) >= MOST_SERVABLE:
            break
    return list(found.values())
