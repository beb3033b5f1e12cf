"""Pins of Runs: a run's results, its gain in words, and its curves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdui.charts.gain import gain_sentence
from kdui.core.errors import KduiError
from kdui.core.presentation import Content, Table
from kdui.ui.pins.seen import Look, Seen, chart_of, kept, of_run
from kdui.ui.plain_blocks import plain_blocks
from kdui.ui.run_comparer import ComparerCalls
from kdui.ui.run_lineage import KINDS, spent, title
from kdui.ui.run_view import curve_labels, results_html
from kdui.ui.runs import curves
from kdui.workbench.lineage import lineage

if TYPE_CHECKING:
    from kdui.core.contracts import TaskFacts
    from kdui.core.page_rows import RunDetail
    from kdui.workbench.workbench import Workbench

CURVES = {"loss": "Training loss", "metric": "On validation data"}


def _detail(workbench: "Workbench", run_id: str) -> "tuple[RunDetail, TaskFacts]":
    detail = workbench.run(run_id)
    return detail, next(task for task in workbench.tasks() if task.name == detail.run.recipe.task)


def _results(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    detail, task = _detail(workbench, str(view["run"]))
    if not detail.results:
        raise KduiError("This run has measured nothing yet, so there is nothing to pin.")
    _, tables = plain_blocks(results_html(detail.results, task.headline))
    named = f"{task.title} · {detail.run.name} · seed {detail.run.recipe.seed}"
    content = Content(title=f"Results of {detail.run.name}", subtitle=named, tables=tables[:1], lines=_words(detail, task))
    return Seen(content, kept(view, "run"), *of_run(workbench, detail.run.id))


def _words(detail: "RunDetail", task: "TaskFacts") -> tuple[str, ...]:
    gain = f"Gain from distillation: {gain_sentence(detail.gain, task.headline)}" if detail.gain else ""
    return tuple(filter(None, (detail.unlearned, gain, *detail.findings)))


def _gain(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    detail, task = _detail(workbench, str(view["run"]))
    words = _words(detail, task)
    if not words:
        raise KduiError("This run has no finding in words yet: it needs a student and its control.")
    content = Content(title=words[0], subtitle=f"{task.title} · {detail.run.name}", lines=words[1:])
    return Seen(content, kept(view, "run"), *of_run(workbench, detail.run.id))


def _curves(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    detail, task = _detail(workbench, str(view["run"]))
    events, _ = workbench.events(detail.run.id)
    drawn = curves(detail.run, events, task.headline.unit)
    if place not in drawn:
        raise KduiError("This run has no curve of that kind yet.")
    labels, _ = curve_labels(detail.run.steps)
    told = {
        "figure": drawn[place],
        "title": f"{CURVES[place]}: {detail.run.name}",
        "subtitle": f"{task.title} · {len(labels)} steps · seed {detail.run.recipe.seed}",
    }
    return Seen(chart_of(told), kept(view, "run"), *of_run(workbench, detail.run.id))


def _comparer(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    told = ComparerCalls(workbench).run_compare(view)
    lines, tables = plain_blocks(told["html"])
    names = [name.partition(":")[0] for name in str(view["compare"]).split(",")]
    digests = tuple(digest for run in dict.fromkeys(names) for digest in of_run(workbench, run)[1])
    content = Content(title=told["title"], subtitle=" ".join(lines), tables=tables)
    return Seen(content, kept(view, "compare"), tuple(dict.fromkeys(names)), digests)


def _lineage(workbench: "Workbench", place: str, view: Mapping[str, Any]) -> Seen:
    run = workbench.store.runs.get(str(view["run"]))
    boxes = lineage(workbench.store, run)
    rows = tuple(
        (
            box.step.label or box.step.name,
            f"{box.step.method.replace('_', ' ')}: {KINDS.get(box.step.produces, box.step.produces)}",
            ", ".join(source if source in names else source[:8] for source in box.inputs.values()) or "training data",
            box.step.digest[:8],
            spent(box),
        )
        for names in ({box.step.name for box in boxes},)
        for box in boxes
    )
    table = Table(heads=("Model", "Step", "Made from", "Digest", "Time"), rows=rows)
    content = Content(title=title(boxes), subtitle=f"Lineage of {run.name}", tables=(table,))
    return Seen(content, kept(view, "run"), (run.id,), tuple(box.step.digest for box in boxes if box.step.produces == "onnx"))


PLACES: dict[str, Look] = {
    "comparer": _comparer,
    "lineage": _lineage,
    "results": _results,
    "finding": _gain,
    "loss": _curves,
    "metric": _curves,
}
