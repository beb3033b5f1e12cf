"""Rows of the store as the values that the workbench answers with."""

import contextlib
import math
import shlex
import statistics
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kdui import machine
from kdui.catalogue.methods import METHODS, stage_spec
from kdui.catalogue.tasks import TASKS
from kdui.core.answers import read_parts
from kdui.core.errors import ArtifactCorrupt
from kdui.core.majority import has_learned, unlearned_words
from kdui.core.measurement import Measurement, Origin, Provenance
from kdui.core.numbers import times
from kdui.core.page_rows import Answer, ModelResult, RunRow, Servable
from kdui.core.recipe import Recipe
from kdui.core.run import Run, RunFacts, RunState
from kdui.core.statistics.paired import Difference
from kdui.store.runs import now
from kdui.store.store import Store
from kdui.workbench.generating import generates

if TYPE_CHECKING:
    import pandas

    from kdui.charts.gain import Paired

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
            family=row.get("family") or "",
            queued_by=facts.queued_by,
        )
    except (KeyError, ValueError) as fault:
        plain = {name: str(row.get(name) or "") for name in ("name", "task", "teacher", "student", "created", "headline")}
        error = UNREADABLE.format(row["unreadable"] or str(fault).splitlines()[0])
        return RunRow(
            **{**plain, "name": plain["name"] or row["id"]}, id=row["id"], state=RunState.FAILED, progress=0.0, error=error
        )


def gain(run: Run, results: tuple[ModelResult, ...], paired: "Paired") -> Difference | None:
    """Student or compressed model minus the control of its stage, over the test examples of this one run."""
    metric = TASKS[run.recipe.task].headline
    steps = {item.step: item for item in results}
    pair = next(((item, steps[f"{item.step}.control"]) for item in results if f"{item.step}.control" in steps), None)
    student, control = (item.measurements.get(metric.name) for item in pair) if pair else (None, None)
    if pair is None or student is None or control is None:
        return None
    if difference := paired(run.id, pair[0].step, pair[1].step):
        return difference
    return Difference(value=metric.gain(student.value, control.value), examples=student.provenance.n)


def keep_fp32(run: Run, results: tuple[ModelResult, ...], model: ModelResult) -> str:
    """That int8 is not faster than the fp32 model it was made from on this device; empty where it is, or for anything else.

    Both speed-ups were read in turn with the same teacher; their ratio lies between those of their intervals' far ends.
    """
    stage = next((stage for stage in run.recipe.stages if stage.name == model.step.partition(".")[2]), None)
    if stage is None or stage.method not in METHODS or not stage_spec(stage).computes_in_int8:
        return ""
    before = results[: next(place for place, item in enumerate(results) if item.step == model.step)]
    source = next((item for item in reversed(before) if item.role in ("student", "compressed", "teacher")), None)
    ours = model.measurements.get("speedup")
    theirs = source.measurements.get("speedup") if source else None
    if source is None or ours is None or ours.low is None or ours.high is None:
        return ""
    other = (theirs.low, theirs.value, theirs.high) if theirs and source.role != "teacher" else (1.0, 1.0, 1.0)
    if other[0] is None or other[2] is None or ours.low > other[2]:
        return ""
    low, value, high = ours.low / other[2], ours.value / other[1], ours.high / other[0]
    sizes = [item.measurements.get("file_bytes") for item in (source, model)]
    size = _beside(sizes[1].value / sizes[0].value) if sizes[0] and sizes[1] else ""
    return (
        f"For speed keep fp32: int8 is {value:.2f}× as fast as {source.label} here ({low:.2f} to {high:.2f}), "
        f"so no gain is shown.{size}"
    )


def _beside(ratio: float) -> str:
    """The size of a file as a part of the other's, in a sentence."""
    if 0.95 < ratio < 1.05:
        return " Its file is about as large."
    return f" Its file is {times(1 / ratio)} smaller." if ratio < 1 else f" Its file is {times(ratio)} as large."


def unlearned(task: str, results: tuple[ModelResult, ...]) -> str:
    """Which models of a run have learned no more than the task's most frequent label, in a sentence; empty where all have."""
    facts = TASKS[task]
    measured = [(item, headline) for item in results if (headline := item.measurements.get(facts.headline.name))]
    lame = [item.label for item, headline in measured if not has_learned(facts, headline.value, headline.low, headline.high)]
    return unlearned_words(facts, lame, everyone=len(lame) == len(measured))


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
    return Answer(digest=item["digest"], parts=read_parts(item["parts"]), latency_ms=latency, file_bytes=item["file_bytes"])


def against_itself(results: tuple[ModelResult, ...]) -> tuple[ModelResult, ...]:
    """The results with the speed-up of the run's own teacher as what it is: 1, whatever two readings of one file differ by."""
    own = next((item for item in results if item.role == "teacher"), None)
    if own is None or "speedup" not in own.measurements:
        return results
    source = own.measurements["speedup"]
    read = f"against itself; two readings of it differed by a factor of {source.value:.3g}"
    provenance = source.provenance.model_copy(update={"note": read})
    one = source.model_copy(update={"value": 1.0, "low": None, "high": None, "samples": (), "provenance": provenance})
    changed = own.model_copy(update={"measurements": {**own.measurements, "speedup": one}})
    return tuple(changed if item is own else item for item in results)


def findings(store: Store, run: Run, results: tuple[ModelResult, ...]) -> tuple[str, ...]:
    """What the run's reports found, one sentence each; a report that is not made yet, or was cleared away, says nothing.

    And where int8 brought no speed, that it did not.
    """
    sentences = []
    for step in run.steps:
        if step.produces == "report" and store.artifacts.has(step.digest):
            with contextlib.suppress(ArtifactCorrupt):  # the run's own numbers are shown all the same
                sentences.append(str(store.artifacts.manifest(step.digest).summary.get("finding", "")))
    return (*filter(None, sentences), *filter(None, (keep_fp32(run, results, item) for item in results)))


def servable(
    task: str, points: "pandas.DataFrame", present: Callable[[str], bool], chats: Callable[[str], bool] = lambda _: False
) -> list[Servable]:
    """The measured models among ``points`` that can be loaded, newest first, each once; ``present`` knows the store, ``chats``
    which of its models have a chat template."""
    metric = TASKS[task].headline
    models: dict[str, Servable] = {}
    settings: dict[str, dict[str, Any]] = {}
    for row in points.iloc[::-1].head(LATEST_POINTS).to_dict("records"):
        if row["digest"] in models or not present(row["digest"]):
            continue
        learned = has_learned(TASKS[task], *(row[name] for name in ("headline", "headline_low", "headline_high")))
        models[row["digest"]] = Servable(
            digest=row["digest"],
            title=row["label"],
            role=row["role"],
            task=task,
            run=row["run"],
            file_bytes=round((row["file_mb"] or 0) * 1e6),
            download_bytes=round(row["download_mb"] * 1e6) if row["download_mb"] and row["download_mb"] > 0 else 0,
            headline=f"{metric.format(row['headline'])} {Origin(row['origin']).mark}{'' if learned else ', not trained yet'}",
            latency_ms=_known(row["latency_ms"]),
            latency_origin=Origin(row["latency_origin"]),
            speedup=_known(row["speedup"]),
            run_name=row["run_name"],
            chat=generates(TASKS[task]) and chats(row["digest"]),
        )
        settings[row["digest"]] = {**(row["settings"] or {}), "seed": row["seed"]}
        if len(models) >= MOST_SERVABLE:
            break
    alike: dict[tuple[str, str], list[str]] = {}
    for model in models.values():
        alike.setdefault((model.role, model.title), []).append(model.digest)
    words = {
        name: text
        for names in alike.values()
        for name, text in distinguishing_settings({name: settings[name] for name in names}).items()
    }
    return [model.model_copy(update={"apart": words[digest]}) for digest, model in models.items()]


def _known(value: float | None) -> float | None:
    """A number of a frame; None where it has none."""
    return float(value) if value is not None and math.isfinite(value) else None


MOST_APART = 3


def distinguishing_settings(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What tells models of one name apart, in words: the settings in which they differ, at most three, the most telling first."""
    values: dict[str, set[str]] = {}
    for own in settings.values():
        for key, value in own.items():
            values.setdefault(key, set()).add(plain_setting(value))
    differing = sorted((key for key, seen in values.items() if len(seen) > 1), key=lambda key: (-len(values[key]), key))
    return {
        name: ", ".join(
            f"{key.rpartition('.')[2].replace('_', ' ')} {plain_setting(own[key])}"
            for key in differing[:MOST_APART]
            if key in own
        )
        for name, own in settings.items()
    }


def plain_setting(value: Any) -> str:
    """A setting's value as a person reads it: 4 and 4.0 are one."""
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
